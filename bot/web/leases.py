"""Leases: who holds which piece of work, and until when. A killed process holds nothing for long.

A lease is a row that is not deleted when it expires. A row whose time has come therefore names work
that somebody must take up: work that waited too long, work that was cut off, or work that was put
off until now. The clock is the storage's own, so the clocks of replicas need not agree.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Lease:
    """One row: a name, who holds it, and a number that belongs to it (such as attempts so far)."""

    name: str
    owner: str
    until: float
    number: int = 0


class Leases(Protocol):
    """Every method is one atomic step in the storage."""

    def take(self, name: str, owner: str, seconds: float, number: int = 0) -> bool:
        """Hold `name` from now on; False if it is held and its time has not come."""

    def plan(self, name: str, seconds: float, number: int = 0) -> None:
        """Let the time of `name` come in so many seconds, or earlier if that is planned already."""

    def renew(self, owner: str, seconds: float) -> frozenset[str]:
        """Extend everything that `owner` still holds; return its names."""

    def drop(self, name: str, owner: str = "") -> bool:
        """Delete `name`, if `owner` (or anybody, if empty) holds it; return whether it was so."""

    def drop_due(self, lease: Lease) -> None:
        """Delete a row that was due, unless somebody renewed, took or planned it since."""

    def due(self, most: int = 200) -> list[Lease]:
        """Return rows whose time has come, oldest first."""

    def listed(self, prefix: str) -> list[Lease]:
        """Return every row whose name begins with `prefix`, the first to expire first."""

    def now(self) -> float:
        """Return the storage's clock, in seconds since 1970."""

    def clear(self) -> None:
        """Delete every row."""


class MemoryLeases:
    """Leases of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._rows: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self.now = clock

    def take(self, name: str, owner: str, seconds: float, number: int = 0) -> bool:
        with self._lock:
            now, row = self.now(), self._rows.get(name)
            if row is not None and row.until > now:
                return False
            self._rows[name] = Lease(name, owner, now + seconds, number)
            return True

    def plan(self, name: str, seconds: float, number: int = 0) -> None:
        with self._lock:
            until, row = self.now() + seconds, self._rows.get(name)
            until = min(until, row.until) if row is not None else until
            self._rows[name] = Lease(name, secrets.token_hex(8), until, number)

    def renew(self, owner: str, seconds: float) -> frozenset[str]:
        with self._lock:
            held = [row for row in self._rows.values() if row.owner == owner]
            for row in held:
                until = self.now() + seconds
                self._rows[row.name] = Lease(row.name, owner, until, row.number)
            return frozenset(row.name for row in held)

    def drop(self, name: str, owner: str = "") -> bool:
        with self._lock:
            row = self._rows.get(name)
            if row is None or (owner and row.owner != owner):
                return False
            del self._rows[name]
            return True

    def drop_due(self, lease: Lease) -> None:
        with self._lock:
            row = self._rows.get(lease.name)
            if row is not None and row.owner == lease.owner and row.until <= self.now():
                del self._rows[lease.name]

    def due(self, most: int = 200) -> list[Lease]:
        now = self.now()
        return [row for row in self.listed("") if row.until <= now][:most]

    def listed(self, prefix: str) -> list[Lease]:
        with self._lock:
            rows = [row for row in self._rows.values() if row.name.startswith(prefix)]
        return sorted(rows, key=lambda row: row.until)

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()


@dataclass(frozen=True)
class Dialect:
    """What SQLite and PostgreSQL write differently."""

    mark: str
    now: str
    least: str


SQLITE = Dialect("?", "((julianday('now') - 2440587.5) * 86400.0)", "min")
POSTGRES = Dialect("%s", "extract(epoch from clock_timestamp())::double precision", "least")


class SqlLeases:
    """Leases in a table next to those of the queue, through the queue's own connection."""

    TABLE = (
        "create table if not exists countersign_lease (name text not null primary key, "
        "owner text not null, until double precision not null, number integer not null)",
        "create index if not exists countersign_lease_until on countersign_lease (until)",
    )
    """The statements that create it; the place of the queue runs them once."""

    ROWS = "select name, owner, until, number from countersign_lease "

    def __init__(self, storage: Any, dialect: Dialect) -> None:
        self._storage = storage
        self._dialect = dialect

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        dialect = self._dialect
        text = statement.replace("NOW", dialect.now).replace("LEAST", dialect.least)
        with self._storage.db(commit=True) as cursor:
            cursor.execute(text.replace("?", dialect.mark), values)
            return list(cursor.fetchall()) if cursor.description else []

    def take(self, name: str, owner: str, seconds: float, number: int = 0) -> bool:
        taken = self._run(
            "insert into countersign_lease as held values (?, ?, NOW + ?, ?) "
            "on conflict (name) do update set owner = excluded.owner, until = excluded.until, "
            "number = excluded.number where held.until <= NOW returning name",
            name,
            owner,
            seconds,
            number,
        )
        return bool(taken)

    def plan(self, name: str, seconds: float, number: int = 0) -> None:
        self._run(
            "insert into countersign_lease as held values (?, ?, NOW + ?, ?) "
            "on conflict (name) do update set owner = excluded.owner, "
            "until = LEAST(held.until, excluded.until), number = excluded.number",
            name,
            secrets.token_hex(8),
            seconds,
            number,
        )

    def renew(self, owner: str, seconds: float) -> frozenset[str]:
        statement = "update countersign_lease set until = NOW + ? where owner = ? returning name"
        return frozenset(str(row[0]) for row in self._run(statement, seconds, owner))

    def drop(self, name: str, owner: str = "") -> bool:
        statement = "delete from countersign_lease where name = ? and (owner = ? or ? = '')"
        return bool(self._run(statement + " returning name", name, owner, owner))

    def drop_due(self, lease: Lease) -> None:
        statement = "delete from countersign_lease where name = ? and owner = ? and until <= NOW"
        self._run(statement, lease.name, lease.owner)

    def due(self, most: int = 200) -> list[Lease]:
        return self._rows("where until <= NOW order by until limit ?", most)

    def listed(self, prefix: str) -> list[Lease]:
        return self._rows("where substr(name, 1, ?) = ? order by until", len(prefix), prefix)

    def _rows(self, where: str, *values: Any) -> list[Lease]:
        rows = self._run(self.ROWS + where, *values)
        return [Lease(str(row[0]), str(row[1]), float(row[2]), int(row[3])) for row in rows]

    def now(self) -> float:
        return float(self._run("select NOW")[0][0])

    def clear(self) -> None:
        self._run("delete from countersign_lease")


_REDIS = """
local at = redis.call('TIME')
local now = tonumber(at[1]) + tonumber(at[2]) / 1000000
local row = function(name)
  local found = redis.call('HGET', KEYS[1], name)
  return found and cjson.decode(found) or nil
end
local put = function(name, owner, till, number)
  redis.call('HSET', KEYS[1], name, cjson.encode({owner, till, number}))
  redis.call('ZADD', KEYS[2], till, name)
end
local cut = function(name)
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
end
local name, owner = ARGV[2], ARGV[3]
local seconds, number = tonumber(ARGV[4]), tonumber(ARGV[5])
local held = name ~= '' and row(name) or nil
if ARGV[1] == 'take' then
  if held and held[2] > now then return 0 end
  put(name, owner, now + seconds, number)
  return 1
elseif ARGV[1] == 'plan' then
  local till = now + seconds
  put(name, owner, held and math.min(held[2], till) or till, number)
elseif ARGV[1] == 'drop' then
  if not held or (owner ~= '' and held[1] ~= owner) then return 0 end
  cut(name)
  return 1
elseif ARGV[1] == 'drop_due' then
  if held and held[1] == owner and held[2] <= now then cut(name) end
elseif ARGV[1] == 'renew' then
  local names = {}
  for _, each in ipairs(redis.call('HKEYS', KEYS[1])) do
    local found = row(each)
    if found[1] == owner then
      put(each, owner, now + seconds, found[3])
      names[#names + 1] = each
    end
  end
  return names
elseif ARGV[1] == 'now' then
  return tostring(now)
elseif ARGV[1] == 'due' or ARGV[1] == 'listed' then
  local rows = {}
  local most = ARGV[1] == 'due' and tostring(now) or '+inf'
  for _, each in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', most)) do
    if string.sub(each, 1, #name) == name and (number == 0 or #rows < number) then
      local found = row(each)
      rows[#rows + 1] = cjson.encode({each, found[1], found[2], found[3]})
    end
  end
  return rows
end
return 0
"""
"""One script for all steps: Redis runs it as a whole, by its own clock."""


class RedisLeases:
    """Leases in a hash, with their times in a sorted set."""

    def __init__(self, connection: Any, name: str) -> None:
        self._keys = (f"{name}.leases", f"{name}.lease-times")
        self._connection = connection
        self._script = connection.register_script(_REDIS)

    def _run(
        self, step: str, name: str = "", owner: str = "", seconds: float = 0, number: int = 0
    ) -> Any:
        words: Sequence[Any] = (step, name, owner, repr(float(seconds)), number)
        return self._script(keys=self._keys, args=words)

    def take(self, name: str, owner: str, seconds: float, number: int = 0) -> bool:
        return bool(self._run("take", name, owner, seconds, number))

    def plan(self, name: str, seconds: float, number: int = 0) -> None:
        self._run("plan", name, secrets.token_hex(8), seconds, number)

    def renew(self, owner: str, seconds: float) -> frozenset[str]:
        return frozenset(name.decode() for name in self._run("renew", "", owner, seconds))

    def drop(self, name: str, owner: str = "") -> bool:
        return bool(self._run("drop", name, owner))

    def drop_due(self, lease: Lease) -> None:
        self._run("drop_due", lease.name, lease.owner)

    def due(self, most: int = 200) -> list[Lease]:
        return self._rows(self._run("due", number=most))

    def listed(self, prefix: str) -> list[Lease]:
        return self._rows(self._run("listed", prefix))

    def _rows(self, found: Sequence[bytes]) -> list[Lease]:
        return [Lease(*json.loads(row)) for row in found]

    def now(self) -> float:
        return float(self._run("now"))

    def clear(self) -> None:
        self._connection.delete(*self._keys)
