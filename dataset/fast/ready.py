"""Loads, or the first time compiles, every loop: once, before processes are forked from this one."""

from __future__ import annotations

from dataset.fast.rows import reader
from dataset.figures import Kept

_ROW = (
    b'{"id": "1", "messages": [{"role": "user", "content": "is it so"},'
    b' {"role": "assistant", "content": "{}"}], "approved": true}\n'
)


def make_ready() -> None:
    """Run every loop on one row."""
    read = reader(())
    rows = None if read is None else read(_ROW, 1)
    assert rows is not None and len(rows) == 1
    rows.keep((), Kept(), summed=False)


make_ready()
