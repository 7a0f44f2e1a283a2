"""Check that an exported file reads and answers like the trained model.

Export can fail silently: with a wrong pre-tokenizer, missing interleaving or a second bos, the file
still loads and answers. So token ids are compared first, then greedy answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.engines.engine import Answer
from runner.engines.gguf_model import GgufModel


@dataclass(frozen=True)
class TokenParity:
    """How many texts were checked, and how many have the same ids in both."""

    checked: int
    equal: int
    first_difference: str = ""


@dataclass(frozen=True)
class AnswerParity:
    """How many prompts were checked, and how many have the same answer from both."""

    checked: int
    equal: int
    first_difference: str = ""


def token_parity(tokenizer_folder: Path, gguf: Path, texts: Sequence[str]) -> TokenParity:
    """Compare transformers' token ids with llama.cpp's, for texts and rendered prompts.

    Each text is read twice: as the server reads a rendered prompt, with nothing added, and as each
    library reads a bare text, with the tokens it adds. A prompt that begins with two bos tokens
    differs from training, even if both libraries agree on it.
    """
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(str(tokenizer_folder), local_files_only=True)
    equal, first = 0, ""
    with GgufModel(gguf, vocabulary_only=True) as model:
        for text in texts:
            difference = _token_difference(tokenizer, model, text)
            equal += not difference
            first = first or difference
    return TokenParity(len(texts), equal, first)


def answer_parity(
    prompts: Sequence[str], expected: Sequence[Answer], found: Sequence[Answer]
) -> AnswerParity:
    """Compare two engines' answers to the same prompts: text, and how each ended."""
    equal, first = 0, ""
    for prompt, one, other in zip(prompts, expected, found, strict=True):
        if (one.text, one.finish) == (other.text, other.finish):
            equal += 1
        elif not first:
            first = (
                f"to {prompt[-80:]!r}: {one.text[:200]!r} ({one.finish}) became "
                f"{other.text[:200]!r} ({other.finish})"
            )
    return AnswerParity(len(prompts), equal, first)


def _token_difference(tokenizer: Any, model: GgufModel, text: str) -> str:
    """Return how the two readings of a text differ; empty if they do not."""
    for special in (False, True):
        expected = tokenizer(text, add_special_tokens=special)["input_ids"]
        found = model.tokenise(text, add_special=special)
        if expected != found:
            at = next(
                (i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b),
                min(len(expected), len(found)),
            )
            return (
                f"{text[:80]!r}, token {at}{' with special tokens added' if special else ''}: "
                f"{expected[at : at + 5]} became {found[at : at + 5]}"
            )
    bos = tokenizer.bos_token_id
    if bos is not None and model.tokenise(text)[:2] == [bos, bos]:
        return f"{text[:80]!r}: begins with two bos tokens"
    return ""
