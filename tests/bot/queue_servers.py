"""Redis and PostgreSQL as Debian ships them, started for a test run on 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(program: str) -> str | None:
    """Return the path of a program, also of those that Debian keeps off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(
        (str(folder / program) for folder in folders if (folder / program).exists()),
        shutil.which(program),
    )


def wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.poll() is None, f"{child.args!r} ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the URL of an empty Redis; skip the test where it is not installed."""
    program = found("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        words += ["--save", "", "--appendonly", "no"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as child:
            try:
                wait_for(port, child)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                end(child)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL; skip the test where it is not installed."""
    initdb, server = found("initdb"), found("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL is not installed")
    port = free_port()
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        if user is not None:
            Path(folder).chmod(0o755)
            shutil.chown(data, user)
        made = [initdb, "-D", str(data), "-U", "countersign", "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run(made, user=user, check=True, cwd="/", stdout=subprocess.DEVNULL)
        words = [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        words += ["-c", "fsync=off"]
        with subprocess.Popen(words, user=user, cwd="/", stderr=subprocess.DEVNULL) as child:
            try:
                wait_for(port, child)
                answers(child, port)
                yield f"postgresql://countersign@127.0.0.1:{port}/postgres"
            finally:
                end(child)


def answers(child: subprocess.Popen[bytes], port: int) -> None:
    """Wait until PostgreSQL, which listens early, takes connections."""
    psycopg = pytest.importorskip("psycopg")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.poll() is None, "PostgreSQL ended"
        with suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://countersign@127.0.0.1:{port}/postgres").close()
            return
        time.sleep(0.1)
    raise TimeoutError("PostgreSQL takes no connections")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


SHARED = [
    pytest.param("redis", marks=pytest.mark.servers),
    pytest.param("postgres", marks=pytest.mark.servers),
]


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return where a queue of this kind is kept, empty."""
    if kind == "memory":
        return ":memory:"
    if kind == "sqlite":
        return str(folder / "queue.sqlite")
    from bot.web.queue_place import open_queue

    url = str(request.getfixturevalue(f"{kind}_url"))
    place = open_queue(url)
    place.huey.storage.flush_all()
    place.leases.clear()
    place.close()
    return url
