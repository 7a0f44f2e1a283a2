"""Chunks examined on the machines of a Ray cluster instead of by processes of this one.

This machine reads and hashes the files, sends the chunks, and takes the results in order; the gates
about all rows run here. Ray schedules, retries and moves the data. A chunk without a result, or
with fewer rows than were sent, is an error, so that rows cannot be lost in between.
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from countersign_ml.rows.gating.examine import Examined, examine
from countersign_ml.rows.gating.row_check import RowCheck
from countersign_ml.rows.kept.ngrams import NgramIndex
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.row import BOM
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.facts.runner_version import RUNNER_VERSION

PATIENCE = 900.0
"""Seconds without the result of a chunk after which the cluster is given up."""


class Answer(NamedTuple):
    """The result of a chunk, with the machine and the version that it is from."""

    examined: Examined
    version: str
    node: str


@dataclass
class RayCluster:
    """A connected cluster; it counts the chunks that each machine examined."""

    processors: int
    nodes: Counter[str] = field(default_factory=Counter)

    def prepared(self, rules: RowRules, index: NgramIndex | None) -> Sender:
        """Return what sends chunks to be examined under these rules."""
        import ray

        task = ray.remote(_work).options(num_cpus=1, scheduling_strategy="SPREAD")
        return Sender(self, task, ray.put((rules, index)))


@dataclass
class Sender:
    """Sends chunks to the cluster under one set of rules."""

    cluster: RayCluster
    task: Any
    given: Any

    def __call__(self, source: Source, chunk: Chunk) -> Sent:
        # In a list, `given` stays a reference, and each process fetches it once.
        ref = self.task.remote([self.given], source.where, chunk.first_line, chunk.data)
        return Sent(self.cluster, source.where, chunk, ref)


@dataclass
class Sent:
    """A chunk on its way."""

    cluster: RayCluster
    where: str
    chunk: Chunk
    ref: Any

    def result(self) -> Examined:
        """Wait for the result; UserError if it is lost or not about all rows of the chunk."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            answer: Answer = ray.get(self.ref, timeout=PATIENCE)
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise _lost(self.where, f"{type(error).__name__}: {error}") from error
        checked(self.where, self.chunk, answer)
        self.cluster.nodes[answer.node] += 1
        return deepcopy(answer.examined)  # its arrays would keep Ray's shared memory in use

    def cancel(self) -> None:
        """Stop the task; its result is not wanted any more."""
        import ray

        ray.cancel(self.ref, force=True)


@contextmanager
def connected(address: str) -> Iterator[RayCluster]:
    """Connect to a running cluster for a while; UserError if there is none.

    What is printed meanwhile goes to stderr, so that stdout has nothing but the report.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError.one(
            "--ray",
            f"requires the package {error.name}",
            "install it here and on every machine of the cluster with: "
            "pip install 'countersign-ml[scale]'",
        ) from error
    try:
        _reached(address)
        ray.init(address, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError.one(
            f"--ray {address}",
            f"cannot connect: {error}",
            "start a cluster with `ray start`, and name its address, such as 10.0.0.1:6379",
        ) from error
    with redirect_stdout(sys.stderr), ExitStack() as stack:  # Ray prints what becomes of machines
        stack.callback(ray.shutdown)
        processors = int(ray.cluster_resources().get("CPU", 0))
        if processors < 1:
            raise UserError.one(
                f"--ray {address}", "the cluster has no processors", "add machines with `ray start`"
            )
        yield RayCluster(processors)


def _reached(address: str) -> None:
    """OSError or ValueError if nothing listens at HOST:PORT: Ray would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def checked(where: str, chunk: Chunk, answer: Answer) -> None:
    """UserError unless the answer is about every row of the chunk, by this version's gates."""
    if answer.version != RUNNER_VERSION:
        raise UserError.one(
            where,
            f"a machine of the cluster has the gates of version {answer.version}, this one those "
            f"of {RUNNER_VERSION}",
            "install the same countersign-ml on every machine",
        )
    sent = _rows(chunk.data.removeprefix(BOM) if chunk.first_line == 1 else chunk.data)
    if answer.examined.rows != sent:
        raise _lost(
            where, f"{sent:,} rows were sent and the results are about {answer.examined.rows:,}"
        )


def _rows(data: bytes) -> int:
    """Return the number of lines that are not blank."""
    here = np.frombuffer(data, dtype=np.uint8)
    starts = np.append(np.zeros(1, np.int64), np.flatnonzero(here[:-1] == ord("\n")) + 1)
    if len(here) and (here[starts] > ord(" ")).all():
        return len(starts)
    return sum(1 for line in data.split(b"\n") if line.strip())


def _lost(where: str, why: str) -> UserError:
    return UserError.one(
        where,
        f"part of the rows was lost on the cluster: {why}",
        "run the command again; `ray status` shows the machines",
    )


def _work(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
    """Examine a chunk on a machine of the cluster."""
    import ray

    examined = examine(_check(given[0]), where, first_line, data)
    return Answer(examined, RUNNER_VERSION, ray.get_runtime_context().get_node_id())


@lru_cache(maxsize=1)
def _check(given: Any) -> RowCheck:
    import ray

    return RowCheck(*ray.get(given))
