"""Write the example model's files: `python -m examples.support_triage MODEL_FOLDER`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from examples.support_triage.base_text import chats, copying, reading
from examples.support_triage.labelled_rows import splits


def lines(items: Iterable[Mapping[str, Any]]) -> str:
    """Return the items as JSON lines, keys in their given order."""
    return "".join(
        json.dumps(item, separators=(",", ":"), ensure_ascii=False) + "\n" for item in items
    )


def generated() -> dict[str, str]:
    """Return every generated file: path below the model folder, and content."""
    files = {f"data/{split}.jsonl": lines(rows) for split, rows in splits().items()}
    text = {"copying": copying(), "reading": reading(), "chats": chats()}
    base = {f"base/{name}.jsonl": lines(documents) for name, documents in text.items()}
    return {**base, **files}


def write(folder: Path) -> None:
    """Write the generated files below `folder`; they are the same bytes every time."""
    for name, content in generated().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m examples.support_triage MODEL_FOLDER")
    write(Path(sys.argv[1]))
