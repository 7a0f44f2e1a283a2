"""The judge model's prompt: versioned text with a digest, filled in one pass; and its verdict.

The answers may contain instructions to the judge model. So they are between marks made from the
pair's own digest: no text can contain the digest of itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from policy.canonical import digest_bytes, digest_of
from policy.errors import UserError

FOLDER = Path(__file__).parent / "prompts"
DEFAULT = "pairwise-v1"
SLOTS = frozenset({"mark", "request", "reference", "first", "second"})
Verdict = Literal["1", "2", "tie"]
_SLOT = re.compile(r"\{\{([a-z]+)\}\}")
_PARTS = re.compile(r"\A# System\n\n(?P<system>.+?)\n\n# User\n\n(?P<user>.+)\Z", re.DOTALL)
_VERDICT = re.compile(r"^[\s*_#>`]*verdict[\s*_`]*:[\s*_`]*(1|2|tie)[\s*_`.]*$", re.IGNORECASE)


@dataclass(frozen=True)
class WinRatePrompt:
    """The instructions to the judge model; the digest is of the file's bytes."""

    name: str
    digest: str
    system: str
    user: str

    def messages(self, row: Row, first: str, second: str) -> list[dict[str, str]]:
        """Return the messages that ask about two answers in this order."""
        request = "\n\n".join(_spoken(turn) for turn in row.prompt)
        texts = {"request": request, "reference": row.answer, "first": first, "second": second}
        mark = digest_of(texts).removeprefix("sha256:")[:16]
        texts["mark"] = mark
        user = _SLOT.sub(lambda slot: texts[slot[1]], self.user)
        return [{"role": "system", "content": self.system}, {"role": "user", "content": user}]


def load_prompt(name: str = DEFAULT) -> WinRatePrompt:
    """Return a prompt of this repository by its name, or of a file by its path."""
    known = sorted(path.stem for path in FOLDER.glob("*.md"))
    path = FOLDER / f"{name}.md" if name in known else Path(name)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(
            f"--prompt {name}",
            f"cannot be read: {error}",
            f"name a file, or one of these: {', '.join(known)}",
        ) from error
    parts = _PARTS.match(text)
    slots = set(_SLOT.findall(text))
    if parts is None or slots != SLOTS or set(_SLOT.findall(parts["system"])):
        wanted = ", ".join(f"{{{{{slot}}}}}" for slot in sorted(SLOTS))
        raise UserError.one(
            str(path),
            "is not a prompt for a judge model",
            f"write '# System', then '# User' with each of {wanted}, and no other slot",
        )
    return WinRatePrompt(
        path.stem, digest_bytes(content), parts["system"].strip(), parts["user"].strip()
    )


def verdict_of(text: str) -> Verdict | None:
    """Return the verdict at the end of a reply; None if there is none, or several."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = [match[1].lower() for line in lines if (match := _VERDICT.match(line))]
    if not found or not _VERDICT.match(lines[-1]) or len(set(found)) > 1:
        return None
    return "tie" if found[0] == "tie" else "1" if found[0] == "1" else "2"


def _spoken(turn: Turn) -> str:
    return f"[{turn.role}]\n{turn.content}"
