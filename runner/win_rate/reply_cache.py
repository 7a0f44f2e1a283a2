"""A judge model's replies, cached by the content of the question, so each is paid for once.

Complete replies are cached, also without a verdict: asking again does not change the result. Failed
calls are not cached.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from policy.canonical import digest_of
from runner.engines.openai_client import Endpoint, Reply

LAYOUT = 1


class ReplyCache:
    """A folder of replies; several threads and runs can use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "win_rate"

    def key(self, endpoint: Endpoint, messages: list[dict[str, str]], max_tokens: int) -> str:
        """Return the digest of what decides a reply: the model, the question and the decoding."""
        return digest_of(
            {
                "layout": LAYOUT,
                "base_url": endpoint.base_url,
                "model": endpoint.model,
                "decoding": endpoint.decoding(max_tokens),
                "messages": messages,
            }
        )

    def read(self, key: str) -> Reply | None:
        """Return a cached reply, or None."""
        try:
            value: dict[str, Any] = json.loads(self._file(key).read_text(encoding="utf-8"))
            return Reply(**value)
        except (FileNotFoundError, ValueError, TypeError):
            return None  # a damaged file is asked again and overwritten

    def keep(self, key: str, reply: Reply) -> None:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
        part.write_text(json.dumps(asdict(reply), ensure_ascii=False), encoding="utf-8")
        part.replace(file)

    def _file(self, key: str) -> Path:
        name = key.removeprefix("sha256:")
        return self._folder / name[:2] / f"{name}.json"
