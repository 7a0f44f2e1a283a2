"""The interface of everything that answers prompts, so all subjects are measured the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Progress = Callable[[int, int], None]
"""Called with the number of answered prompts and the number of all prompts."""


Finish = Literal["stop", "length", "failed"]


@dataclass(frozen=True)
class Answer:
    """A model's answer to one prompt."""

    text: str
    tokens: int
    """Generated tokens, including the one that ended the answer."""
    seconds: float
    """Time spent on this prompt; in a batch, the batch's time divided by its size."""
    finish: Finish
    """How it ended: by itself, cut off at the limit, or not given (`problem` says why)."""
    first_token: float | None = None
    """Seconds until the first token; None if the engine does not know."""
    problem: str = ""


class Engine(Protocol):
    """Answers rendered prompts greedily; prompts have their special tokens, none are added."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Return one answer for each prompt, in the prompts' order."""

    def close(self) -> None:
        """Free the engine's memory."""
