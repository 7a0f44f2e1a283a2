"""The one shape of everything that answers prompts, so that every subject is measured alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Progress = Callable[[int, int], None]
"""Called with the number of prompts answered and the number of all."""


Finish = Literal["stop", "length", "failed"]


@dataclass(frozen=True)
class Answer:
    """What a model said to one prompt."""

    text: str
    tokens: int
    """Generated tokens, the one that ended the answer included."""
    seconds: float
    """Time spent on this prompt; in a batch, the batch's time by its size."""
    finish: Finish
    """How it ended: by itself, cut off at the limit, or never given (`problem` says why)."""
    first_token: float | None = None
    """Seconds until the first token was there; None where an engine cannot tell."""
    problem: str = ""


class Engine(Protocol):
    """Answers rendered prompts greedily; prompts carry their own special tokens, none are added."""

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
        """Free what the engine holds."""
