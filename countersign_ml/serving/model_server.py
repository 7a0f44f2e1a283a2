"""The whole server: socket, follower and proxy, from start to a clean end."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from countersign_ml.registry import Registry
from countersign_ml.serving.backend import BackendOptions
from countersign_ml.serving.follower import Follower
from countersign_ml.serving.pointer_source import PointerSource
from countersign_ml.serving.proxy import Proxy, application
from countersign_ml.serving.serving_metrics import Metrics
from policy.errors import UserError

_GRACE_SECONDS = 30
"""How long answers in progress may take after the server was told to stop."""


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handling: `Server` stops it, and cleans up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """One model behind one port. `run` blocks; `running` serves while a `with` block runs."""

    def __init__(
        self,
        model: str,
        source: PointerSource,
        registry: Registry,
        *,
        cache: Path,
        host: str = "127.0.0.1",
        port: int = 8080,
        poll_seconds: float = 2.0,
        options: BackendOptions | None = None,
    ) -> None:
        """Prepare to serve; with port 0, `port` becomes a free port."""
        self.model = model
        self.host, self.port = host, port
        self._source, self._registry = source, registry
        self._cache = cache
        self._poll_seconds = poll_seconds
        self._options = options or BackendOptions()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def run(self, *, signals: bool = True) -> None:
        """Serve until `stop`, or until SIGINT or SIGTERM if `signals` is set (main thread only).

        UserError if the port is taken or the first version cannot be served.
        """
        asyncio.run(self._serve(signals))

    def stop(self) -> None:
        """Tell the server to stop, from any thread; answers in progress are finished."""
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serve in a thread while the block runs; a failed start raises here."""
        failures: list[BaseException] = []

        def body() -> None:
            try:
                self.run(signals=False)
            except BaseException as error:
                failures.append(error)
            finally:
                self._ready.set()

        thread = threading.Thread(target=body, name=f"serve {self.model}", daemon=True)
        thread.start()
        self._ready.wait()
        if failures:
            raise failures[0]
        try:
            yield self
        finally:
            self.stop()
            thread.join()
        if failures:
            raise failures[0]

    async def _serve(self, signals: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        if signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, self._stopping.set)
        self._cache.mkdir(parents=True, exist_ok=True)
        metrics = Metrics(self.model)
        follower = Follower(
            self.model,
            self._source,
            self._registry,
            cache=self._cache,
            metrics=metrics,
            options=self._options,
        )
        proxy = Proxy(follower, metrics)
        with self._listen() as listening:
            try:
                if await self._unless_stopped(follower.start()):
                    await self._answer(listening, follower, metrics, proxy)
            finally:
                await follower.stop()
                await proxy.close()

    async def _answer(
        self, listening: socket.socket, follower: Follower, metrics: Metrics, proxy: Proxy
    ) -> None:
        """Answer requests and follow the pointer until told to stop."""
        config = uvicorn.Config(
            application(follower, metrics, proxy),
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        public = _Uvicorn(config)
        answering = asyncio.create_task(public.serve(sockets=[listening]))
        following = asyncio.create_task(follower.follow(self._poll_seconds))
        listening.listen(2048)
        self._ready.set()
        assert self._stopping is not None
        asked = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({answering, following, asked}, return_when=asyncio.FIRST_COMPLETED)
        public.should_exit = True
        await answering
        asked.cancel()
        if following.done():
            following.result()  # it ends only by a bug of ours, which must show
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Await a coroutine; cancel it and return False if told to stop first."""
        assert self._stopping is not None
        task = asyncio.create_task(work)
        asked = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return False
        task.result()
        return True

    def _listen(self) -> socket.socket:
        """Bind the public port, before any model is loaded."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
        except (OSError, OverflowError) as error:
            listening.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError.one(
                f"{self.host}:{self.port}",
                f"cannot listen: {reason}",
                "stop the program that uses the port, or choose another with --port",
            ) from error
        self.port = listening.getsockname()[1]
        return listening
