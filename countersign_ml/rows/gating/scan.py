"""The one pass: chunks of every file through `examine`, in as many processes as are worthwhile, or
on a cluster.

Results come back in the order in which the chunks were read, so the order of the findings does not
depend on where they are from.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from xxhash import xxh3_64_intdigest

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.gating.examine import Examined, examine
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.kept.ngrams import NgramIndex, SharedNgrams
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import Tally
from policy.errors import UserError
from policy.facts.evidence import RowFinding
from policy.files.rules import DataGate

PAYS_FROM = 16_000_000
"""Bytes from which a second process is worth its half-second start."""
WAITING = 3
"""Chunks queued per process: enough to keep it busy, few enough for memory."""
Progress = Callable[[int, int, int], None]
"""Called with rows read, bytes read, and total bytes (0 if unknown)."""


class Sent(Protocol):
    """A chunk that is examined elsewhere."""

    def result(self) -> Examined:
        """Wait for the result."""

    def cancel(self) -> object:
        """Give the chunk up."""


Send = Callable[[Source, Chunk], Sent]


class Cluster(Protocol):
    """Other machines that examine chunks."""

    @property
    def processors(self) -> int:
        """Return how many chunks they examine at a time."""

    def prepared(self, rules: RowRules, index: NgramIndex | None) -> Send:
        """Return what sends them chunks under these rules."""


class _Task(NamedTuple):
    """One chunk for another process: its bytes, or their place in a local file."""

    where: str
    first_line: int
    data: bytes | None
    path: str
    offset: int
    size: int
    check: int


def processes(sources: list[Source], asked: int | None = None) -> int:
    """Return how many processes a scan of these files uses."""
    if asked is not None:
        return max(1, asked)
    known = sum(source.stored_size() for source in sources)
    return len(os.sched_getaffinity(0)) if known >= PAYS_FROM else 1


def scan(
    splits: list[tuple[str, Source]],
    rules: RowRules,
    tallies: dict[DataGate, Tally],
    progress: Progress | None = None,
    workers: int | None = None,
    index: NgramIndex | None = None,
    cluster: Cluster | None = None,
) -> Iterator[Table]:
    """Yield a table for each file, in order; `tallies` count the findings.

    `index` has the n-grams of test rows, to be found in the training rows. With a `cluster` its
    machines do what processes of this one do otherwise.
    """
    sources = [source for _, source in splits]
    total = sum(source.stored_size() for source in sources)
    count = processes(sources, workers) if cluster is None else cluster.processors
    rows = before = 0
    with ExitStack() as stack:
        send: Send | None = None
        if cluster is not None:
            send = cluster.prepared(replace(rules), index)
        elif count > 1:
            pool = stack.enter_context(
                ProcessPoolExecutor(count, _context(), _prepare, (replace(rules), index))
            )
            send = partial(_send, pool)
        check = RowCheck(rules, index)
        for split, source in splits:
            table = begun(split, source, index)
            for chunk, part in _examined(source, check, send, WAITING * count):
                take(table, tallies, chunk, part)
                if progress is not None:
                    progress(rows + table.rows, before + source.position, total)
            rows += table.rows
            before += source.position
            yield table


def _context() -> BaseContext:
    """Return how processes are started: forked from one that has loaded exactly the modules they
    need, so that no lock of a thread is copied."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def begun(split: str, source: Source, index: NgramIndex | None) -> Table:
    """Return the table of a file before its first chunk."""
    table = Table(split, source)
    if index is not None and split == "train":
        table.shared = SharedNgrams.none_of(index)
    return table


def take(table: Table, tallies: dict[DataGate, Tally], chunk: Chunk, part: Examined) -> None:
    """Add the result of a chunk to its table and to the tallies."""
    table.rows += part.rows
    for gate, tally in part.tallies.items():
        tallies[gate].join(tally)
    for line, why in chunk.defects:
        table.rows += 1
        tallies["contract"].add(RowFinding(file=table.where, line=line, message=why))
    rejected = [*part.rejected, *(line for line, _ in chunk.defects)]
    table.rejected.append(np.array(rejected, dtype=np.int64))
    table.formats.update(dict.fromkeys(part.formats))
    table.add(part.figures, part.shared, chunk.first_line, chunk.offset, len(chunk.data))


def _examined(
    source: Source, check: RowCheck, send: Send | None, waiting: int
) -> Iterator[tuple[Chunk, Examined]]:
    if send is None:
        for chunk in source.chunks():
            yield chunk, examine(check, source.where, chunk.first_line, chunk.data)
        return
    queue: deque[tuple[Chunk, Sent]] = deque()
    try:
        for chunk in source.chunks():
            queue.append((chunk, send(source, chunk)))
            if len(queue) >= waiting:
                chunk, sent = queue.popleft()
                yield chunk, sent.result()
        while queue:
            chunk, sent = queue.popleft()
            yield chunk, sent.result()
    except BrokenProcessPool as error:
        raise UserError.one(
            source.where,
            "a process that read it was killed, as happens when memory runs out",
            "free memory, or use one process with --workers 1",
        ) from error
    finally:
        for _, sent in queue:
            sent.cancel()


def _send(pool: ProcessPoolExecutor, source: Source, chunk: Chunk) -> Future[Examined]:
    size, check = len(chunk.data), xxh3_64_intdigest(chunk.data)
    data = None if source.seekable else chunk.data
    task = _Task(source.where, chunk.first_line, data, source.path, chunk.offset, size, check)
    return pool.submit(_work, task)


_check: RowCheck | None = None


def _prepare(rules: RowRules, index: NgramIndex | None) -> None:
    global _check
    _check = RowCheck(rules, index)
    gc.freeze()  # loaded modules stay; scanning them again and again costs time


def _work(task: _Task) -> Examined:
    """Examine a chunk; UserError if the file no longer has the bytes that were hashed."""
    assert _check is not None
    data = task.data
    if data is None:
        with Path(task.path).open("rb") as stored:
            stored.seek(task.offset)
            data = stored.read(task.size)
        if xxh3_64_intdigest(data) != task.check:
            raise rows_sentences.changed_while_read(task.where)
    return examine(_check, task.where, task.first_line, data)
