"""A judge's replies, kept by the content of the question: the same question is paid for once.

Whole replies are kept, also those without a verdict: nobody asks again until the judge is pleased.
What failed on the way is not kept.
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
    """A folder of replies; several threads and runs may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "judge"

    def key(self, endpoint: Endpoint, messages: list[dict[str, str]], max_tokens: int) -> str:
        """Return what decides a reply: who is asked what, and how it decodes."""
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
        """Return a reply that is kept whole, or None."""
        try:
            value: dict[str, Any] = json.loads(self._file(key).read_text(encoding="utf-8"))
            return Reply(**value)
        except (FileNotFoundError, ValueError, TypeError):
            return None  # a torn file is asked again and written over

    def keep(self, key: str, reply: Reply) -> None:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
        part.write_text(json.dumps(asdict(reply), ensure_ascii=False), encoding="utf-8")
        part.replace(file)

    def _file(self, key: str) -> Path:
        name = key.removeprefix("sha256:")
        return self._folder / name[:2] / f"{name}.json"
