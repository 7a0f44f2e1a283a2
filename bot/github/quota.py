"""How much GitHub still lets one installation ask, and when to stop asking.

GitHub counts requests by the hour and writes of content by the minute and the hour; a 304 is free.
Whoever goes on after a refusal is refused for longer. So the bot stops before the end, keeps a
reserve for rollbacks, and never waits inside a request: the work is put off.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

RESERVE = 0.1
"""The share of an hour's requests that is left for rollbacks."""
WRITES_AN_HOUR = 500
WRITES_A_MINUTE = 80
RESERVED_WRITES = 50
HOUR, MINUTE = 3600.0, 60.0
SECONDARY_SECONDS = 60.0
"""GitHub asks for at least a minute's rest after a secondary limit that names no time."""


class Quota:
    """What one installation has left; safe between threads.

    `limits_writes` is False for a server that does not limit writes.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, *, limits_writes: bool = True
    ) -> None:
        self._clock = clock
        self._limits_writes = limits_writes
        self._lock = threading.Lock()
        self._writes: deque[float] = deque()
        self._shut_until = 0.0
        self.limit = 0
        self.remaining = 0
        self.reset = 0.0
        self.charged = 0
        self.free = 0

    def wait_for(self, *, writes: bool, urgent: bool) -> float:
        """Return how many seconds to put the work off; 0 if the request may be made now."""
        with self._lock:
            now = self._clock()
            if self._shut_until > now:
                return self._shut_until - now
            kept = 0 if urgent else int(self.limit * RESERVE)
            if self.limit and self.reset > now and self.remaining <= kept:
                return self.reset - now
            limited = writes and self._limits_writes
            return self._wait_to_write(now, urgent) if limited else 0.0

    def _wait_to_write(self, now: float, urgent: bool) -> float:
        while self._writes and self._writes[0] <= now - HOUR:
            self._writes.popleft()
        most = WRITES_AN_HOUR - (0 if urgent else RESERVED_WRITES)
        if len(self._writes) >= most:
            return self._writes[-most] + HOUR - now
        if len(self._writes) >= WRITES_A_MINUTE:
            return max(0.0, self._writes[-WRITES_A_MINUTE] + MINUTE - now)
        return 0.0

    def answered(self, status: int, headers: Mapping[str, Any], *, writes: bool) -> None:
        """Take in what an answer says about the quota."""
        with self._lock:
            now = self._clock()
            self.free += status == 304
            self.charged += status != 304
            if writes:
                self._writes.append(now)
            if str(headers.get("x-ratelimit-resource", "core")) != "core":
                return
            if _number(headers, "x-ratelimit-limit"):
                self.limit = int(_number(headers, "x-ratelimit-limit"))
                self.remaining = int(_number(headers, "x-ratelimit-remaining"))
                self.reset = _number(headers, "x-ratelimit-reset")

    def refused(self, status: int, headers: Mapping[str, Any], message: str) -> float:
        """Return how long to wait if this answer is a refusal for quota, and shut until then."""
        after = _number(headers, "retry-after")
        empty = str(headers.get("x-ratelimit-remaining", "")) == "0"
        limited = status == 429 or (status == 403 and (after or empty or _says_limit(message)))
        if not limited:
            return 0.0
        with self._lock:
            now = self._clock()
            until = now + (after or SECONDARY_SECONDS)
            if empty and not after:
                until = max(now + 1, _number(headers, "x-ratelimit-reset"))
            self._shut_until = max(self._shut_until, until)
            return self._shut_until - now


def _says_limit(message: str) -> bool:
    said = message.lower()
    return "rate limit" in said or "abuse detection" in said


def _number(headers: Mapping[str, Any], name: str) -> float:
    try:
        return float(headers.get(name, 0))
    except ValueError:
        return 0.0
