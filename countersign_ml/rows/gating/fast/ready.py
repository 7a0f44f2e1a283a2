"""Loads every loop, or compiles it the first time: once, before processes are forked from here."""

from __future__ import annotations

from contextlib import suppress

from countersign_ml.rows.gating.fast.fast_rows import reader
from countersign_ml.rows.kept.row_figures import Kept

_ROW = (
    b'{"id": "1", "messages": [{"role": "user", "content": "is it so"},'
    b' {"role": "assistant", "content": "{}"}], "approved": true}\n'
)


def make_ready() -> None:
    """Run every loop on one row."""
    rows = reader(())(_ROW, 1)
    assert rows is not None
    rows.keep((), Kept())


with suppress(Exception):  # what is wrong is said where a loop is used: here nobody would hear it
    make_ready()
