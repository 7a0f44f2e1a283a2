"""A subject's answers: cached by digest, and written with their scores to a file.

The same model is asked the same prompts in the same way only once, so repeating a run does not give
better numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from countersign_ml.registry.file_digest import digest_file
from policy.canonical import canonical_json, digest_bytes, digest_of
from policy.files.recipe import Decoding
from runner.engines.engine import Answer
from runner.measure.scoring import Scored

LAYOUT = 2
"""Increased when cached answers would be read differently."""


@dataclass(frozen=True)
class Asked:
    """Everything that decides a subject's answers; it is their key in the cache."""

    model: str
    engine: str
    """Engine, its version, and the device that it runs on."""
    prompts: tuple[str, ...]
    decoding: Decoding
    settings: str = ""
    """The engine's settings that can change an answer, such as its batch size."""

    @property
    def digest(self) -> str:
        return digest_of(
            {
                "layout": LAYOUT,
                "model": self.model,
                "engine": self.engine,
                "prompts": digest_bytes(canonical_json(list(self.prompts))),
                "decoding": self.decoding.model_dump(),
                "settings": self.settings,
            }
        )


def answers_of(
    asked: Asked, cache: Path, fresh: bool, ask: Callable[[], list[Answer]]
) -> list[Answer]:
    """Return the answers from the cache, or ask and cache them; a damaged file is replaced.

    If a question failed, nothing is cached: that was the network, not the model.
    """
    name = asked.digest.removeprefix("sha256:")
    file = cache / "answers" / name[:2] / f"{name}.jsonl"
    if not fresh and file.is_file():
        kept = _read(file)
        if len(kept) == len(asked.prompts):
            return kept
    answers = ask()
    if any(answer.finish == "failed" for answer in answers):
        return answers
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in answers))
    part.replace(file)
    return answers


def _read(file: Path) -> list[Answer]:
    return [Answer(**json.loads(line)) for line in file.read_text().splitlines()]


def write_outputs(subject: str, prompts: Sequence[str], rows: Sequence[Scored], path: Path) -> str:
    """Write one line for each row, answer and scores together; return the file's digest.

    `prompts` are the digests of the rendered prompts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for prompt, row in zip(prompts, rows, strict=True):
            line = {
                "id": row.row.id,
                "subject": subject,
                "prompt": prompt,
                "answer": row.answer.text,
                "finish": row.answer.finish,
                "tokens": row.answer.tokens,
                "problem": row.answer.problem,
                "expected": row.row.answer,
                "scores": row.scores,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return digest_file(path)[0]
