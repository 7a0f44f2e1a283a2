"""The one place where text that somebody else wrote becomes safe for Markdown and HTML.

Rows, metrics, titles, reasons and logins come from outside. A reader sees them letter by letter:
they become no link, mention, image, tag, heading or formula, and they notify nobody.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

LOOKED_AT = 50
"""How many characters are read for each one that is shown."""
LIMIT = 65_000
"""Below GitHub's 65,536 characters for a comment and 65,535 for a check's field."""
EMPTY = "(empty)"
"""What `code` shows of a text without any visible character."""

_SPACES = frozenset({"Cc", "Zl", "Zp"})
_HIDDEN = frozenset({"Cf", "Cs", "Co", "Cn"})
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode says are drawn as nothing: fillers and variation selectors."""

ZERO_WIDTH = "\u200b"
"""The space that `plain` puts where GitHub would find a mention, a reference or a link."""
_REFERENCES = re.compile(
    r"""(?ix)
      (?<=@)                        # a mention, an e-mail address, user@commit
    | (?<=\#)(?=\d)                 # an issue: #1, org/repo#1
    | (?<=\bgh-)(?=\d)              # GH-1
    | (?<=\bcve-)(?=\d)             # CVE-2026-1
    | (?<=\bghsa-)(?=\w)            # a security advisory
    | (?<=:)(?=//)                  # a link with any scheme
    | (?<=\bmailto:) | (?<=\bxmpp:)
    | (?<=www)(?=\.)
    | (?<=:)(?=[\w+-]+:)(?!\d\d:)   # an emoji, such as :tada:; no emoji is two digits, as in a time
    """
)
"""The places where a zero-width space breaks what GitHub looks for after rendering."""
_COMMIT = re.compile(r"(?i)(?<![0-9a-z])[0-9a-f]{7,}(?![0-9a-z])")
_SHORTEST_COMMIT = 7
_MARKUP = re.compile(
    r"""(?x)
      [\\`*{}\[\]<>&\#|~$]              # markup wherever it is
    | (?<![^\W_])_ | _(?![^\W_])        # emphasis; between two letters it is only itself
    | !\Z                               # an image, when a link follows
    """
)
_LEADING = re.compile(r"\A(?:\d+[.)](?=\s|\Z)|[-+](?![^\W_])|[=:(])")
"""What begins a list, an underline or a table at the start of a line, or the target of a link."""
_NAMES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", ZERO_WIDTH: "&#8203;"}


def visible(text: str, limit: int = 300) -> str:
    """Return one line of printable characters, at most `limit` long; controls become spaces.

    Bidirectional overrides and invisible characters are dropped, so that a reader sees what is
    there. Only the beginning of a long text is read: nobody waits for a megabyte to see one line.
    """
    flat = "".join(
        " " if unicodedata.category(char) in _SPACES else char
        for char in _BLANK.sub("", text[: LOOKED_AT * limit])
        if unicodedata.category(char) not in _HIDDEN
    )
    flat = " ".join(flat.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def plain(text: str, limit: int = 300) -> str:
    """Return `text` so that Markdown and HTML show exactly `visible(text)`, and notify nobody.

    Entities keep characters from being markup, inside HTML too, where a backslash does not help.
    GitHub looks for mentions, references and links after rendering, where an entity is a character
    again, so a zero-width space breaks those.
    """
    safe = _REFERENCES.sub(ZERO_WIDTH, visible(text, limit))
    safe = _COMMIT.sub(_broken_commit, safe)
    safe = _MARKUP.sub(lambda found: _entity(found[0]), safe)
    safe = _LEADING.sub(lambda found: found[0][:-1] + _entity(found[0][-1]), safe)
    return safe.replace(ZERO_WIDTH, _entity(ZERO_WIDTH))


def as_read(markdown: str) -> str:
    """Return Markdown with the entities and zero-width spaces of `plain` taken out again."""
    return re.sub(r"&(?:#\d{2,4}|lt|gt|amp);", _character, markdown).replace(ZERO_WIDTH, "")


def code(text: str, limit: int = 300) -> str:
    """Return `text` as one code span, whatever backticks and bars are in it; never an empty one.

    GitHub makes no mention, link or reference of what is in a code span.
    """
    flat = visible(text, limit).replace("|", "¦") or EMPTY
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fold(summary: str, body: str) -> str:
    """Return a folded section; `summary` and `body` are safe already.

    GitHub reads no Markdown inside a summary: what `plain` returns is fine there, `code` is not.
    """
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; every cell is safe already."""
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


def _broken_commit(found: re.Match[str]) -> str:
    """Return hex digits in pieces that are too short to be a commit."""
    digits, length = found[0], _SHORTEST_COMMIT - 1
    return ZERO_WIDTH.join(digits[at : at + length] for at in range(0, len(digits), length))


def _entity(char: str) -> str:
    return _NAMES.get(char) or f"&#{ord(char)};"


def _character(found: re.Match[str]) -> str:
    return html.unescape(found[0])
