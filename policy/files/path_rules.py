"""Further files that a policy governs: patterns, and who must sign a change of a matching file.

Patterns match as in CODEOWNERS, with two differences. Upper and lower case are not told apart:
where a checkout does not, a twin replaces the file. And a file in the place of a folder that a
pattern names matches too: a link there would bring other files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from policy.documents import Document
from policy.files.codeowners import refused_pattern, segment_regex, translate
from policy.names import Quorum


def _usable(pattern: str) -> str:
    reason = refused_pattern(pattern)
    names = pattern.removeprefix("/").removesuffix("/").split("/")
    if not reason and pattern != "/" and any(name in ("", ".", "..") for name in names):
        reason = f"{pattern!r} can match no path; write one from the repository's root"
    if reason:
        raise ValueError(reason)
    return pattern


PathPattern = Annotated[
    str, StringConstraints(min_length=1, max_length=300), AfterValidator(_usable)
]


class PathRule(Document):
    """Files that any of the patterns matches, and who must sign a change of one of them."""

    match: Annotated[tuple[PathPattern, ...], Field(min_length=1, max_length=100)]
    sign: Annotated[Quorum, Field(min_length=1)] | None = None
    """How many holders of which roles; by default those of `policy`."""

    def matches(self, path: str) -> bool:
        """Return whether a change of `path`, relative to the repository's root, needs `sign`."""
        return any(_regex(pattern).match(path) is not None for pattern in self.match)


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    whole = pattern if pattern == "/" else pattern.removesuffix("/")
    return re.compile("|".join([translate(whole), *_places(whole)]), re.DOTALL | re.IGNORECASE)


def _places(pattern: str) -> Iterator[str]:
    """Yield the regular expression of each folder above what an anchored pattern matches."""
    names = pattern.removeprefix("/").split("/")
    for depth in range(1, len(names)):
        if names[depth - 1] == "**":
            return
        yield "/".join(map(segment_regex, names[:depth])) + r"\Z"
