"""One served version: a llama.cpp server process on a local port."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from policy.errors import UserError
from policy.facts.pointer import Pointer

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
_KEPT_PREFIXES = ("PYTHON", "CUDA_", "NVIDIA_", "GGML_", "HIP_", "ROCR_")
"""The only variables passed on: the server takes options from names such as MODEL and CACHE."""


@dataclass(frozen=True)
class BackendOptions:
    """How a model runs; the same for every version."""

    context: int = 4096
    """Tokens of prompt plus answer."""
    threads: int | None = None
    """None: the library chooses, half of the cores."""
    gpu_layers: int = -1
    """-1: all layers, if the library was built for a GPU."""
    start_seconds: float = 600.0
    """The time limit for loading."""
    stop_seconds: float = 10.0
    """How long the process may take to end before it is killed."""


class Backend:
    """A running server of one artifact, and the requests in progress."""

    def __init__(self, pointer: Pointer, artifact: Path, options: BackendOptions) -> None:
        self.pointer = pointer
        self.artifact = artifact
        self.url = ""
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.returncode is None

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Count one request while the block runs; `drain` waits for it."""
        self._requests += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if self._requests == 0:
                self._idle.set()

    async def start(self) -> None:
        """Start the server and return once it answers; if it fails, UserError and no process left.

        The chat template is always the one in the file. Without that explicit choice the server
        guesses a built-in template, or falls back to Llama 2's.
        """
        port = _free_port()
        log = self.artifact.with_suffix(".log")
        options = {
            "model": str(self.artifact),
            "model_alias": self.pointer.model,
            "host": "127.0.0.1",
            "port": str(port),
            "chat_format": "chat_template.default",
            "n_ctx": str(self._options.context),
            "n_gpu_layers": str(self._options.gpu_layers),
            "interrupt_requests": "false",
            "logits_all": "false",
            "use_mlock": "false",
            "verbose": "false",
        }
        if self._options.threads is not None:
            options["n_threads"] = options["n_threads_batch"] = str(self._options.threads)
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "countersign_ml.serving.backend_child",
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
            )
        self.url = f"http://127.0.0.1:{port}"
        try:
            await self._wait_until_ready(log)
        except BaseException:
            await self.stop()
            raise

    async def _wait_until_ready(self, log: Path) -> None:
        deadline = time.monotonic() + self._options.start_seconds
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            while time.monotonic() < deadline:
                if not self.alive:
                    raise self._refusal(f"the model cannot be loaded: {_last_line(log)}", log)
                try:
                    answer = await client.get(f"{self.url}/v1/models")
                    if answer.status_code == 200:
                        return
                except httpx.TransportError:
                    pass  # not listening yet
                await asyncio.sleep(0.1)
        raise self._refusal(f"not ready after {self._options.start_seconds:.0f} s", log)

    def _refusal(self, what: str, log: Path) -> UserError:
        pointer = self.pointer
        return UserError.one(
            f"{pointer.model} {pointer.version}",
            what,
            f"read {log}; export the model again, or give it more memory or a smaller --context",
        )

    async def drain(self) -> None:
        """Wait until no request is in progress, then end the process."""
        await self._idle.wait()
        await self.stop()

    async def stop(self) -> None:
        """End the process; kill it if it does not end in time."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._options.stop_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _last_line(log: Path) -> str:
    """Return the last line of a failed server's log, which names the exception."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"
