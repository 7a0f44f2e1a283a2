"""The log: lines for people, or JSON for machines, each with the delivery that it belongs to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_about: ContextVar[dict[str, str | int] | None] = ContextVar("about", default=None)
TEXT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def about(**facts: str | int) -> Iterator[None]:
    """Add facts, such as the delivery and the repository, to every line logged meanwhile."""
    token = _about.set({**(_about.get() or {}), **{k: v for k, v in facts.items() if v}})
    try:
        yield
    finally:
        _about.reset(token)


def delivery() -> str:
    """Return the id of the delivery that the work at hand answers; empty if none."""
    return str((_about.get() or {}).get("delivery", ""))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, facts, and the error if any."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_about.get() or {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    """A line for people, with the facts at its end."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # logging's name
        facts = " ".join(f"{name}={value}" for name, value in (_about.get() or {}).items())
        line = super().formatMessage(record).replace("\n", "\\n")
        return line + (f" [{facts}]" if facts else "")


def set_up(kind: str) -> None:
    """Log to standard error as `text` or `json`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if kind == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("huey").setLevel(logging.WARNING)
