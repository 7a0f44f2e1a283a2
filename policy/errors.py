"""Two families of failure: what a person can fix, and our own bugs.

A `UserError` carries one or more `Problem`s; the command line prints each as one line and exits
with code 2. Anything else that escapes is a bug and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: where it is, what is wrong, and how to fix it."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{text}; {self.remedy}" if self.remedy else text)


def one_line(text: str) -> str:
    """Return text with line breaks and control characters escaped, safe for terminals and logs."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


class UserError(Exception):
    """Every problem found, at once; `str()` has one line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[UserError], tuple[tuple[Problem, ...]]]:
        """Pickle with all problems: the default would pass only the text to another process."""
        return type(self), (self.problems,)

    @classmethod
    def one(cls, where: str, what: str, remedy: str = "") -> UserError:
        """Return an error with a single problem."""
        return cls([Problem(where, what, remedy)])
