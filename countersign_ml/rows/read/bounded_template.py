"""A chat template of a base model, rendered in a process with bounded time, memory and output.

Jinja's sandbox keeps a template from running code. It does not keep it from looping for hours or
from writing gigabytes.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

SECONDS = 5.0
"""The longest that one conversation may take to render; usual ones take a tenth of a millisecond.
"""
STARTS = 20.0
"""The longest that the process may take to start and to read the template."""
WRITES_FREELY, WRITES_AT_MOST = 100_000, 20
"""Characters that a template may write around a conversation, and for each byte that goes in."""
PROGRAM = """
import sys
sys.path[:] = {!r}
from countersign_ml.rows.read.template_child import main
main()
"""


class NotRendered(Exception):  # noqa: N818 - says what happened
    """Why a template gave no text."""


class Exceeded(NotRendered):
    """The template reached a limit: it is broken or hostile, whatever the row."""


class BoundedTemplate:
    """One template and the process that renders it; it starts when first used."""

    def __init__(self, template: str, *, seconds: float | None = None) -> None:
        self._template = template
        self._seconds = SECONDS if seconds is None else seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def render(self, variables: Mapping[str, Any]) -> str:
        """Return the rendered text; NotRendered if the template fails or exceeds a limit.

        Template errors leave the process running. After an exceeded limit the next call begins
        another one.
        """
        request = json.dumps(variables).encode() + b"\n"
        most = WRITES_FREELY + WRITES_AT_MOST * len(request)
        with self._lock:
            return self._ask(self._started(), request, self._seconds, most)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None:
            return self._child
        child = subprocess.Popen(
            # -I: neither the working folder nor PYTHON* variables decide what is imported.
            [sys.executable, "-I", "-c", PROGRAM.format(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, child)
        self._child = child
        self._ask(child, json.dumps(self._template).encode() + b"\n", STARTS, WRITES_FREELY)
        return child

    def _ask(
        self, child: subprocess.Popen[bytes], request: bytes, seconds: float, most: int
    ) -> str:
        try:
            answer = _exchange(child, request, time.monotonic() + seconds, most)
        except Exceeded:
            self._child = None
            _end(child)
            raise
        if "error" in answer:
            raise NotRendered(str(answer["error"]))
        return str(answer["text"])


def _exchange(
    child: subprocess.Popen[bytes], request: bytes, until: float, most: int
) -> dict[str, Any]:
    """Write a request and read its answer, at the same time: either pipe may be full."""
    assert child.stdin is not None
    assert child.stdout is not None
    got, wanted = bytearray(), -1
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        waiting.register(child.stdin, selectors.EVENT_WRITE)
        os.set_blocking(child.stdin.fileno(), False)
        left = memoryview(request)
        while wanted < 0 or len(got) < wanted:
            ready = waiting.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise Exceeded("the template took too long to render one conversation")
            for key, _ in ready:
                if key.fileobj is child.stdin:
                    try:
                        left = left[os.write(child.stdin.fileno(), left[:65536]) :]
                    except BrokenPipeError:
                        left = left[:0]
                    if not left:
                        waiting.unregister(child.stdin)
                    continue
                read = os.read(child.stdout.fileno(), 1 << 20)
                if not read:
                    raise Exceeded("rendering the template ended: it needs too much memory")
                got += read
            if wanted < 0 and b"\n" in got[:24]:
                head, _, rest = bytes(got).partition(b"\n")
                wanted, got = int(head), bytearray(rest)
            if max(wanted, len(got)) > 6 * most:  # one character is at most six bytes of JSON
                raise Exceeded(f"the template rendered more than {most:,} characters")
    answer: dict[str, Any] = json.loads(bytes(got))
    if len(answer.get("text", "")) > most:
        raise Exceeded(f"the template rendered more than {most:,} characters")
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
    child.wait()
