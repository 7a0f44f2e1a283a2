"""llama.cpp's log: kept for error messages, and off the terminal.

The library prints hundreds of lines to stderr while it loads a file. Only its warnings and errors
are useful, and only if something then fails.
"""

from __future__ import annotations

import ctypes
from collections import deque
from typing import Any

_WARN, _ERROR, _CONTINUED = 2, 3, 5
_said: deque[str] = deque(maxlen=20)
_installed: list[Any] = []


def quiet() -> None:
    """Send llama.cpp's log here instead of to stderr; forget earlier messages."""
    import llama_cpp

    _said.clear()
    if not _installed:
        callback = llama_cpp.llama_log_callback(_listen)
        _installed.append(callback)  # the library holds only a bare pointer to it
        llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))


def last_words() -> str:
    """Return llama.cpp's warnings and errors since `quiet`, as one line."""
    return "; ".join(line for text in _said if (line := text.strip())) or "llama.cpp gave no reason"


def _listen(level: int, text: bytes, _data: object) -> None:
    said = text.decode("utf-8", errors="replace")
    if level in (_WARN, _ERROR):
        _said.append(said)
    elif level == _CONTINUED and _said and not _said[-1].endswith("\n"):
        _said[-1] += said
