"""llama.cpp's OpenAI-compatible server, as a process that ends with its parent.

Run as a program, with that server's options. On Linux the kernel ends the child when its parent
dies, so that a killed server leaves no model in memory.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Make the kernel end this process when its parent ends (Linux only)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent ended before the model was loaded")


if __name__ == "__main__":
    die_with_parent()
    from llama_cpp.server.__main__ import main

    main()  # type: ignore[no-untyped-call]
