"""Where the queue is kept: in memory, in a SQLite file, in Redis or in PostgreSQL.

Nothing in it is worth keeping: a sweep rebuilds it. So a file that is damaged is thrown away, and
a file belongs to one process; several replicas share Redis or PostgreSQL.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from huey import MemoryHuey, PostgresHuey, RedisHuey, SqliteHuey
from huey.api import Huey
from huey.registry import Message
from huey.serializer import Serializer

from bot.web.leases import POSTGRES, SQLITE, Leases, MemoryLeases, RedisLeases, SqlLeases
from policy.errors import UserError

log = logging.getLogger("countersign.bot")
NAME = "countersign"
REDIS = ("redis", "rediss", "unix")
POSTGRESQL = ("postgresql", "postgres")


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Work as JSON: the default, pickle, would run code of anyone who can write to the queue."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(bytes(data)))


@dataclass
class QueuePlace:
    """An open queue, its leases, and what keeps other processes out."""

    huey: Huey
    leases: Leases
    shared: bool = False
    """Whether other processes may use it at the same time."""
    _lock: IO[str] | None = field(default=None, repr=False)

    def close(self) -> None:
        """Let the next process in."""
        self.huey.storage.close()
        if self._lock is not None:
            self._lock.close()


def open_queue(place: str) -> QueuePlace:
    """Return the queue at a path or URL, or in memory for `:memory:`; raise UserError if it fails.

    A damaged file is replaced by an empty one. A file that another process uses is refused.
    """
    if place == ":memory:":
        return QueuePlace(MemoryHuey(NAME, serializer=JsonSerializer()), MemoryLeases())
    scheme = urlsplit(place).scheme
    try:
        if scheme in REDIS:
            return _redis(place)
        if scheme in POSTGRESQL:
            return _postgres(place)
        if "://" in place:
            remedy = f"use a path, or a URL of {', '.join((*REDIS, *POSTGRESQL))}"
            raise UserError.one("COUNTERSIGN_QUEUE", f"no queue is kept at {scheme}://", remedy)
        return _file(Path(place))
    except UserError:
        raise
    except Exception as error:  # each storage has its own family of errors
        told, remedy = str(error).strip().partition("\n")[0], "name a writable file"
        if scheme:
            remedy = "start the server, or correct the URL"
        raise UserError.one(
            f"COUNTERSIGN_QUEUE={without_password(place)}", f"cannot be opened: {told}", remedy
        ) from error


def without_password(place: str) -> str:
    """Return a URL that may be shown."""
    parts = urlsplit(place)
    if not parts.password:
        return place
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()


def _redis(url: str) -> QueuePlace:
    _need("redis", "redis", url)
    import redis

    pool = redis.ConnectionPool.from_url(
        url, socket_timeout=5, socket_connect_timeout=5, health_check_interval=30
    )
    huey = RedisHuey(
        NAME, serializer=JsonSerializer(), connection_pool=pool, read_timeout=1, results=False
    )
    huey.storage.conn.ping()
    return QueuePlace(huey, RedisLeases(huey.storage.conn, NAME), shared=True)


def _postgres(url: str) -> QueuePlace:
    _need("psycopg", "postgres", url)

    huey = PostgresHuey(
        NAME,
        serializer=JsonSerializer(),
        dsn=url,
        read_timeout=1,
        results=False,
        create_tables=False,
        table_prefix=NAME,
        connect_timeout=5,
    )
    with huey.storage.db(commit=True) as cursor:  # replicas that start together create once
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", (NAME,))
        for statement in huey.storage.ddl:
            cursor.execute(statement)
        for statement in SqlLeases.TABLE:
            cursor.execute(statement)
    return QueuePlace(huey, SqlLeases(huey.storage, POSTGRES), shared=True)


def _need(module: str, extra: str, url: str) -> None:
    try:
        __import__(module)
    except ImportError as error:
        raise UserError.one(
            f"COUNTERSIGN_QUEUE={without_password(url)}",
            f"the package {module} is not installed",
            f'pip install "countersign-ml[{extra}]"',
        ) from error


def _file(file: Path) -> QueuePlace:
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = _locked(file)
    try:
        return QueuePlace(*_opened(file), _lock=lock)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
            lock.close()
            raise
        log.warning("the queue %s is damaged (%s): it is thrown away, a sweep follows", file, error)
        for suffix in ("", "-wal", "-shm", "-journal"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        return QueuePlace(*_opened(file), _lock=lock)


def _opened(file: Path) -> tuple[Huey, Leases]:
    """Open a file and read all of it once; raise sqlite3.DatabaseError if it is damaged."""
    huey = SqliteHuey(
        NAME, serializer=JsonSerializer(), filename=str(file), results=False, fsync=False
    )
    try:
        checked = huey.storage.sql("pragma quick_check", results=True)
        if checked[0][0] != "ok":
            raise sqlite3.DatabaseError(str(checked[0][0]).partition("\n")[0])
        for data in huey.storage.enqueued_items() + huey.storage.scheduled_items():
            try:
                huey.serializer.deserialize(bytes(data))
            except Exception as error:
                raise sqlite3.DatabaseError("work that cannot be read") from error
        leases = SqlLeases(huey.storage, SQLITE)
        for statement in SqlLeases.TABLE:
            huey.storage.sql(statement, commit=True)
        leases.listed("")
    except BaseException:
        huey.storage.close()
        raise
    return huey, leases


def _locked(file: Path) -> IO[str]:
    """Lock a file next to the queue for the life of this process; the kernel lifts it."""
    import fcntl

    lock = file.with_name(file.name + ".lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise UserError.one(
            f"COUNTERSIGN_QUEUE={file}",
            f"another bot (process {holder}) uses this queue; a SQLite file serves one process",
            "stop that process, or give all replicas one redis:// or postgresql:// URL",
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
