"""llama.cpp's own OpenAI-compatible server, tied to the life of the process that started it.

Run as a program with that server's options. Where the kernel can do it (Linux), the child is ended
when its parent dies, so that a killed front leaves no model behind in memory.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends."""
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
