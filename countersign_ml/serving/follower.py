"""Follow the pointer: start the version it names, swap, and let the old one finish its answers.

A new version serves only after a record that covers it was verified, its bytes match their digest
and its server answers. Until then, or if anything fails, the old version stays and the reason is
logged. So it is if the record of the served version stops counting, because its key was revoked.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from pathlib import Path

from countersign_ml.registry import Registry
from countersign_ml.serving.backend import Backend, BackendOptions
from countersign_ml.serving.pointer_source import PointerSource
from countersign_ml.serving.serving_metrics import Metrics
from policy.errors import UserError
from policy.facts.pointer import Pointer

_LOG = logging.getLogger("countersign.serving")
_CACHED = re.compile(r"([0-9a-f]{64})\.(gguf|log)")
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
"""Seconds before a refused artifact is tried again; doubled each time."""


class Follower:
    """The served version, and the loop that keeps it the one that the pointer names."""

    def __init__(
        self,
        model: str,
        source: PointerSource,
        registry: Registry,
        *,
        cache: Path,
        metrics: Metrics,
        options: BackendOptions,
    ) -> None:
        self.model = model
        self.current: Backend | None = None
        self.problem = ""
        """Why the served version is not the one that the pointer names; empty if it is."""
        self._source = source
        self._registry = registry
        self._cache = cache
        self._metrics = metrics
        self._options = options
        self._draining: set[asyncio.Task[None]] = set()
        self._retired: set[Backend] = set()
        self._previous: Pointer | None = None
        self._refused = ""
        self._wait, self._next_try = _FIRST_WAIT, 0.0

    async def start(self) -> None:
        """Start the first version; UserError if there is none or it cannot be served."""
        pointer = await asyncio.to_thread(self._read)
        if pointer is None:
            raise UserError.one(
                self._source.where,
                f"no version of {self.model} is live",
                "merge a proposal first: its release commit writes the pointer",
            )
        await self._bring_up(pointer)

    async def follow(self, poll_seconds: float) -> None:
        """Poll the pointer forever; a broken pointer does not stop the loop."""
        while True:
            await asyncio.sleep(poll_seconds)
            await self.step()

    async def step(self) -> None:
        """Read the pointer once, and swap if it moved or the served process died."""
        current = self.current
        dead = current is not None and not current.alive
        try:
            pointer = await asyncio.to_thread(self._read)
            if pointer is None:
                raise UserError.one(
                    self._source.where,
                    f"no version of {self.model} is live",
                    "restore the pointer, or stop serving",
                )
            digest = pointer.artifact.digest
            if current is not None and current.pointer == pointer and not dead:
                await asyncio.to_thread(self._source.proof, pointer)
                self._settled()
                return
            if digest == self._refused and time.monotonic() < self._next_try:
                return
            await self._bring_up(pointer)
        except UserError as error:
            self._report(str(error), dead)

    def _read(self) -> Pointer | None:
        pointer = self._source.read()
        if pointer is not None and pointer.model != self.model:
            raise UserError.one(
                self._source.where,
                f"is the pointer of {pointer.model!r}, not of {self.model!r}",
                "name the model whose folder has this pointer",
            )
        return pointer

    async def _bring_up(self, pointer: Pointer) -> None:
        """Prove, fetch, verify, start and swap; the old version drains in the background."""
        digest = pointer.artifact.digest
        artifact = self._cache / f"{digest.removeprefix('sha256:')}.gguf"
        try:
            proof = await asyncio.to_thread(self._source.proof, pointer)
            await asyncio.to_thread(self._registry.fetch, digest, artifact)
            backend = Backend(pointer, artifact, self._options)
            await backend.start()
        except UserError:
            again = self._wait * 2 if digest == self._refused else _FIRST_WAIT
            self._refused, self._wait = digest, min(again, _LONGEST_WAIT)
            self._next_try = time.monotonic() + self._wait
            raise
        old, self.current = self.current, backend
        self._metrics.swapped(pointer)
        self._settled()
        _LOG.info("serving %s %s (%s; %s)", pointer.model, pointer.version, digest, proof)
        if old is not None:
            self._previous = old.pointer
            self._retire(old)
        self._delete_old_files()

    def _retire(self, old: Backend) -> None:
        self._retired.add(old)
        task = asyncio.get_running_loop().create_task(old.drain())
        self._draining.add(task)

        def done(finished: asyncio.Task[None]) -> None:
            self._draining.discard(finished)
            self._retired.discard(old)
            if not finished.cancelled() and finished.exception() is None:
                _LOG.info("%s has finished its answers; its process has ended", old.pointer.version)

        task.add_done_callback(done)

    def _settled(self) -> None:
        self._refused, self._wait = "", _FIRST_WAIT
        self.problem = ""
        self._metrics.refused(False)

    def _report(self, problem: str, dead: bool) -> None:
        if problem != self.problem:
            _LOG.error("%s; %s", problem, "nothing is served" if dead else "the old version stays")
        self.problem = problem
        self._metrics.refused(True)

    def _delete_old_files(self) -> None:
        """Delete cached files, except those of the current, previous and draining versions."""
        pointers = [backend.pointer for backend in self._retired]
        pointers += [p for p in (self._previous, self.current and self.current.pointer) if p]
        kept = {pointer.artifact.digest.removeprefix("sha256:") for pointer in pointers}
        for path in self._cache.iterdir():
            match = _CACHED.fullmatch(path.name)
            if match and match[1] not in kept:
                path.unlink(missing_ok=True)

    async def stop(self) -> None:
        """End every process that this follower started."""
        for task in list(self._draining):
            task.cancel()
        for backend in [self.current, *self._retired]:
            if backend is not None:
                await backend.stop()
