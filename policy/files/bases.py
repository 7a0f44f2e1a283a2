"""Which base models a recipe may name: the weights decide what a fine-tune can do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import StringConstraints

from policy.documents import Document

Pattern = Annotated[str, StringConstraints(pattern=r"^[\w.*?-]+(/[\w.*?-]+)*$")]
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Return whether a base model is `owner/name`, not written as a path (`./x`, `models/x`)."""
    return bool(_HUB_ID.fullmatch(name)) and not name.startswith((".", "/", "models/"))


class BaseRules(Document):
    """The base models that recipes may name, as patterns with `*` and `?`.

    Only folders below `models/` are allowed if nothing is said: a change of one is judged like any
    other file of a model. Nothing of the Hub is allowed until it is named.
    """

    hub: tuple[Pattern, ...] = ()
    """Ids of the Hub, such as `HuggingFaceTB/*` or `Qwen/Qwen3-0.6B`."""
    folders: tuple[Pattern, ...] = ("models/*",)
    """Folders of the repository; `*` also matches slashes."""
    hosted: tuple[Pattern, ...] = ("*",)
    """Models of a provider that trains them, such as `gpt-4.1-mini-*`."""

    def refusal(self, base_model: str) -> str:
        """Return why a recipe may not name this base model; empty if it may."""
        path = PurePosixPath(base_model)
        if path.is_absolute() or ".." in path.parts:
            return (
                f"base_model {base_model!r} is outside the repository, where nobody judges a "
                "change; name a folder below models/ or an id of the Hub"
            )
        key, patterns = self._patterns(base_model)
        if _matches(path.as_posix(), patterns):
            return ""
        return (
            f"base_model {base_model!r} is not in bases.{key} of the policy"
            f"{' (' + ', '.join(patterns) + ')' if patterns else ', which is empty'}; "
            "add it there, or name another base model"
        )

    def _patterns(self, base_model: str) -> tuple[str, tuple[str, ...]]:
        if is_hub_id(base_model):
            return "hub", self.hub
        return ("folders", self.folders) if "/" in base_model else ("hosted", self.hosted)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
