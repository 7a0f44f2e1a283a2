"""Text that somebody else wrote, made harmless for Markdown: no link, mention, image or tag."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
"""What may begin markup anywhere in a line; `_` between letters is only itself."""
_LEADING = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+](?=[-+\s]|$)|[=#:])")
"""What may begin a block at the start of a line."""
LOOKED_AT = 50
"""How many characters are looked at for one that is shown."""
LIMIT = 65_000
"""Below GitHub's 65,536 characters for a comment and 65,535 for a check's field."""


def visible(text: str, limit: int = 300) -> str:
    """Return one line of printable characters, at most `limit` long; controls become spaces.

    Bidirectional overrides and invisible characters go too: what is read is what is there. Of a
    long text only the beginning is looked at: nobody has to be shown a megabyte to be shown a line.
    """
    text = text[: LOOKED_AT * limit]
    flat = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in text
        if unicodedata.category(char) not in ("Cf", "Cs", "Co", "Cn")
    )
    flat = " ".join(flat.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def plain(text: str, limit: int = 300) -> str:
    """Return `text` so that Markdown shows it letter by letter and GitHub notifies nobody.

    GitHub looks for mentions and links after rendering, so an entity alone would not do: a
    zero-width space breaks the name or the scheme.
    """
    safe = _MARKS.sub(r"\\\g<0>", visible(text, limit))
    safe = _LEADING.sub(r"\1\\\2\3", safe)
    safe = html.escape(safe, quote=False)
    safe = re.sub(r"#(?=\d)", "#&#8203;", safe)  # first: the entities below hold a # too
    safe = re.sub(r"(?i)(h|f|w)(ttps?:|tp:|ww\.)", r"\1&#8203;\2", safe)
    return safe.replace("@", "@&#8203;")


def code(text: str, limit: int = 300) -> str:
    """Return `text` as a code span, whatever backticks and pipes it holds."""
    flat = visible(text, limit).replace("|", "¦")
    if not flat:
        return ""
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fold(summary: str, body: str) -> str:
    """Return a folded section; `summary` and `body` are already safe."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of cells that are already safe."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines.extend("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(lines)


def cut_middle(text: str, notice: str, limit: int = LIMIT) -> str:
    """Return `text` within `limit` characters: the beginning and the tail stay, the middle goes."""
    if len(text) <= limit:
        return text
    keep = limit - len(notice) - 40
    head, tail = text[: keep * 3 // 4], text[-(keep // 4) :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    open_folds = head.count("<details>") - head.count("</details>")
    closing = "\n</details>\n" * max(0, open_folds)
    while tail.count("</details>") > tail.count("<details>"):
        tail = tail.replace("</details>", "", 1)
    return f"{head}{closing}\n{notice}\n\n{tail}"
