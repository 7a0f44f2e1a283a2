"""E-mail addresses: found from each @ outwards, so that cost depends only on the number of @s."""

from __future__ import annotations

import re
from collections.abc import Iterator

from countersign_ml.rows.detect.hit import Candidate, Hit, Text

_LETTERS = "A-Za-z\u00aa\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff"
_LOCAL = re.compile(rf"[{_LETTERS}0-9](?:[{_LETTERS}0-9._%+'~-]{{0,63}})\Z")
_ASCII_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'~-]{0,63}\Z")
_QUOTED = re.compile(r'"[^"\r\n@]{1,62}"\Z')
_LABEL = rf"[{_LETTERS}\u00ba0-9](?:[{_LETTERS}\u00ba0-9-]{{0,61}}[{_LETTERS}\u00ba0-9])?"
_ASCII_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}(?:xn--[a-z0-9-]{2,59}|[A-Za-z]{2,24})"
    r"(?![A-Za-z0-9_]|-[A-Za-z0-9])"
)
_DOMAIN = re.compile(rf"(?:{_LABEL}\.){{1,8}}[{_LETTERS}\u00ba]{{2,24}}(?![{_LETTERS}\u00ba0-9_])")
_CREDENTIALS = re.compile(r"://[^\s/@]{0,70}:\Z")
_FILES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "css",
        "js",
        "ts",
        "jsx",
        "tsx",
        "json",
        "yml",
        "yaml",
        "toml",
        "md",
        "txt",
        "html",
        "htm",
        "xml",
        "pdf",
        "zip",
        "gz",
        "whl",
        "py",
        "so",
        "dll",
        "exe",
        "lock",
        "map",
    ]
)
"""Endings of names such as `logo@2x.png` and `react@18.2.0.js`: not an address if the host is a
size or a version."""


def emails(text: Text) -> Iterator[Candidate]:
    """Yield each address with a dotted domain; handles (@you@host) and file names are not."""
    plain = text.plain
    at = plain.find("@")
    while at >= 0:
        found = _around(plain, at)
        if found:
            yield Candidate(30, Hit("email", *found))
        at = plain.find("@", at + 1)


def _around(plain: str, at: int) -> tuple[int, int] | None:
    domain = _ASCII_DOMAIN.match(plain, at + 1) or _DOMAIN.match(plain, at + 1)
    if not domain:
        return None
    head = plain[max(0, at - 64) : at]
    local = _LOCAL.search(head) or _ASCII_LOCAL.search(head) or _QUOTED.search(head)
    if not local or local.group()[-1] == "." or ".." in local.group():
        return None
    start, end = at - len(local.group()), domain.end()
    if start > 0 and plain[start - 1] == "@":
        return None
    if _CREDENTIALS.search(plain[max(0, start - 80) : start]):
        return None  # the password in a URL, which is a secret of its own
    host, _, ending = domain.group().rpartition(".")
    if ending.lower() in _FILES and re.fullmatch(r"[0-9]+x|[0-9.]+[a-z0-9-]*", host):
        return None
    if plain[end : end + 1] == ":" and local.group() in ("git", "hg") and plain[end + 1 : end + 2]:
        return None
    return start, end
