"""CODEOWNERS as GitHub reads it.

The last matching line wins and replaces earlier ones. A line without owners means that nobody needs
to sign. A broken line is skipped and reported. Paths are case-sensitive. Source: GitHub's "About
code owners", with its differences from gitignore: no `!`, no `[ ]` ranges, no escaped `#`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from policy.errors import Problem, UserError
from policy.files.codeowners_index import Index
from policy.governed import CODEOWNERS_PLACES

MAX_BYTES = 3 * 1024 * 1024
"""GitHub does not load a file of this size or larger."""

_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9._-]+)?|[^\s@]+@[^\s@]+\.[^\s@]+")


@dataclass(frozen=True)
class Rule:
    """One line: its number (from 1), its pattern, and who owns what it matches."""

    line: int
    pattern: str
    owners: tuple[str, ...]

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(translate(self.pattern), re.DOTALL)  # a path may contain a newline

    def matches(self, path: str) -> bool:
        """Return whether `path`, relative to the repository's root, matches this line."""
        return self.regex.match(path) is not None


@dataclass(frozen=True)
class Codeowners:
    """A parsed file; `problems` are the lines that GitHub skips."""

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]

    def rule_for(self, path: str) -> Rule | None:
        """Return the line that decides `path`: the last that matches, or None."""
        return self._index.last(path)

    @cached_property
    def _index(self) -> Index[Rule]:
        return Index(self.rules)

    def owners(self) -> frozenset[str]:
        """Return every owner that any line names."""
        return frozenset(owner for rule in self.rules for owner in rule.owners)

    def deciding(self, paths: Iterable[str]) -> dict[Rule | None, tuple[str, ...]]:
        """Return the paths that each line decides; the key None has those without a match."""
        decided: dict[Rule | None, list[str]] = {}
        for path in paths:
            decided.setdefault(self.rule_for(path), []).append(path)
        return {rule: tuple(found) for rule, found in decided.items()}


def parse(text: str, where: str = CODEOWNERS_PLACES[0]) -> Codeowners:
    """Read a CODEOWNERS file; bad lines are skipped and reported with their numbers."""
    if len(text.encode("utf-8", "surrogatepass")) >= MAX_BYTES:
        raise UserError.one(where, "3 MB or more: GitHub does not load it", "make it smaller")
    rules: list[Rule] = []
    problems: list[Problem] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        words = _words(raw.rstrip("\r"))
        if not words:
            continue
        pattern, owners = words[0], tuple(words[1:])
        reason = _refusal(pattern, owners)
        if reason:
            problems.append(Problem(f"{where}:{number}", reason, "GitHub skips this line"))
        else:
            rules.append(Rule(number, pattern, owners))
    return Codeowners(tuple(rules), tuple(problems))


def _words(line: str) -> list[str]:
    """Split at unescaped spaces and tabs; stop at a word that begins with #."""
    words: list[str] = []
    for word in re.findall(r"(?:\\.|[^\s\\]|\\$)+", line):
        if word.startswith("#"):
            break
        words.append(word)
    return words


def refused_pattern(pattern: str) -> str:
    """Return why GitHub would skip a line with this pattern; empty if it would not."""
    if pattern.startswith("!"):
        return f"{pattern!r} is a negation, which CODEOWNERS does not support"
    if "[" in pattern or "]" in pattern:
        return f"{pattern!r} contains a [ ] range, which CODEOWNERS does not support"
    if pattern.startswith("\\#"):
        return f"{pattern!r} escapes a #, which CODEOWNERS does not support"
    if "***" in pattern:
        return f"{pattern!r} contains three stars in a row"
    return ""


def _refusal(pattern: str, owners: tuple[str, ...]) -> str:
    if reason := refused_pattern(pattern):
        return reason
    for owner in owners:
        if not _OWNER.fullmatch(owner):
            return f"{owner!r} is not @user, @organisation/team or an e-mail address"
    return ""


def translate(pattern: str) -> str:
    """Return the regular expression (for `match`) of one pattern.

    A pattern with a slash before its end is anchored at the root, one without matches at any depth.
    It matches a file, or a folder with everything below it. But a last segment `*` after a slash
    matches one level only, and a pattern that ends in a slash matches only a folder.
    """
    folder = pattern.endswith("/")
    body = pattern.strip("/") if pattern.strip("/") else ""
    anchored = pattern.startswith("/") or "/" in body
    if not body:
        return r".*\Z" if pattern == "/" else r"(?!)"
    segments = body.split("/")
    text = _places(segments if anchored else ["**", *segments])
    if segments[-1] == "**":
        return text + r".+\Z"
    if folder:
        return text + r"/.*\Z"
    if segments[-1] == "*" and (len(segments) > 1 or pattern.startswith("/")):
        return text + r"\Z"
    return text + r"(?:/.*)?\Z"


def _places(segments: Sequence[str]) -> str:
    """Return the regular expression of names with any folders at each `**`.

    The names after a `**` that is not the last one are looked for once, from left to right: the
    first place leaves the most for the rest, so no other place has to be tried.
    """
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment == "**":
            groups.append([])
        else:
            groups[-1].append(segment)
    first, *others = ["/".join(map(segment_regex, group)) for group in groups]
    if not others:
        return first
    *middle, last = others
    text = f"{first}/" if first else ""
    text += "".join(f"(?>(?:[^/]+/)*?{names}/)" for names in middle if names)
    return text + (f"(?:[^/]+/)*{last}" if last else "")


def segment_regex(segment: str) -> str:
    """Return the regular expression of one name in a pattern.

    What follows a star, but for the last one, is looked for once, from left to right (as in
    Python's `fnmatch.translate`): many stars cannot make matching slow.
    """
    if segment == "*":
        return "[^/]+"
    pieces = [""]
    escaped = False
    for character in segment:
        if escaped:
            pieces[-1] += re.escape(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "*":
            pieces.append("")
        elif character == "?":
            pieces[-1] += "[^/]"
        else:
            pieces[-1] += re.escape(character)
    first, *others = pieces
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + f"[^/]*{last}"
