"""Which machines keep results from one run to the next."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from policy.documents import Document


class RunnerRules(Document):
    """The runners whose kept results a run may use.

    Any workflow of the repository that reaches a runner can write to its disk. On other runners a
    workflow's run measures everything itself.
    """

    trusted: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Names of runners, with `*` and `?`, that only the workflows of this repository's default
    branch can reach."""

    def trusts(self, name: str) -> bool:
        """Return whether a runner of this name may use results that it kept."""
        return any(fnmatchcase(name, pattern) for pattern in self.trusted)
