"""A model's training rows in OpenAI's fine-tuning format, with the checks that OpenAI documents.

This module sends nothing. It writes the file to upload, and a manifest: the inputs, the request
that would start the job, and its estimated cost. The held-out rows are never in it.

The checks are those of OpenAI's guide to fine-tuning and its notebook on preparing chat data: at
least ten examples, known roles, text in every message, an answer at the end, no example beyond the
model's limit of tokens, no file beyond the limit of an upload.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.row import Row, rows_digest
from policy.canonical import digest_bytes
from policy.documents import Document
from policy.errors import Problem, UserError
from policy.files.budget import BYTES_PER_TOKEN
from policy.files.recipe import OpenAITraining
from policy.names import Digest, ModelName

MIN_ROWS = 10
MAX_FILE_BYTES = 512_000_000
ROLES = frozenset({"system", "user", "assistant"})
TOKENS_PER_MESSAGE, TOKENS_PER_REPLY = 3, 3
"""What their notebook adds for each message and for the start of an answer."""
MAX_PROBLEMS = 20
TRAINING_FILE, MANIFEST = "training.jsonl", "manifest.json"
Count = Callable[[str], int]


class TokenEstimate(Document):
    """How many tokens are trained on, and how they were counted."""

    basis: str
    in_file: int
    longest_row: int
    trained: int
    """The file's tokens times the epochs; these are billed."""
    cost: float | None
    currency: str


class OpenAIManifest(Document):
    """What was prepared; `job` is the body of the request that would start the job."""

    schema_version: Literal[1] = 1
    model: ModelName
    proposal: Digest
    commit: str
    rows: int
    dataset: Digest
    file: str
    file_digest: Digest
    file_bytes: int
    estimate: TokenEstimate
    job: dict[str, Any]
    sent: Literal[False] = False


def prepare(folder: GovernedModel, rows: Sequence[Row], out: Path, tokenizer: Path | None) -> Path:
    """Write the training file and its manifest into `out`; return the manifest's path.

    UserError names every row that would be rejected; then nothing is written.
    """
    settings = folder.recipe.openai
    if settings is None:
        raise UserError.one(
            f"models/{folder.name}/recipe.yml engine",
            "is not openai",
            "set engine: openai, and the section openai",
        )
    count, basis = _counter(tokenizer)
    lines = [_line(row) for row in rows]
    tokens = [_tokens(row, count) for row in rows]
    content = "".join(lines).encode()
    problems = list(_problems(rows, tokens, len(content), settings, folder))
    if problems:
        left = len(problems) - MAX_PROBLEMS
        more = [Problem("", f"and {left} more problems")] if left > 0 else []
        raise UserError([*problems[:MAX_PROBLEMS], *more])
    manifest = OpenAIManifest(
        model=folder.name,
        proposal=folder.proposal.digest,
        commit=folder.commit,
        rows=len(rows),
        dataset=rows_digest(rows),
        file=TRAINING_FILE,
        file_digest=digest_bytes(content),
        file_bytes=len(content),
        estimate=_estimate(tokens, basis, settings),
        job=_job(folder, settings, digest_bytes(content)),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / TRAINING_FILE).write_bytes(content)
        path = out / MANIFEST
        path.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError.one(
            str(out), f"cannot be written: {error.strerror}", "choose another folder with --out"
        ) from error
    return path


def _line(row: Row) -> str:
    turns = [{"role": turn.role, "content": turn.content} for turn in row.messages]
    return json.dumps({"messages": turns}, ensure_ascii=False) + "\n"


def _problems(
    rows: Sequence[Row],
    tokens: Sequence[int],
    size: int,
    settings: OpenAITraining,
    folder: GovernedModel,
) -> Iterator[Problem]:
    where = folder.where(folder.data_file("train"))
    if len(rows) < MIN_ROWS:
        yield Problem(where, f"has {len(rows)} usable rows", f"at least {MIN_ROWS} are needed")
    if size > MAX_FILE_BYTES:
        yield Problem(where, f"becomes {size} bytes", f"{MAX_FILE_BYTES} can be uploaded")
    for row, count in zip(rows, tokens, strict=True):
        if row.messages[-1].role != "assistant":
            yield Problem(row.where, "does not end with the assistant", "end it with an answer")
        for number, turn in enumerate(row.messages):
            place = f"{row.where} messages.{number}"
            if turn.role not in ROLES:
                yield Problem(place, f"the role {turn.role} is not supported", "leave the row out")
            if not turn.content.strip():
                yield Problem(place, "is empty", "write its text, or leave the row out")
        if count > settings.max_tokens_per_row:
            yield Problem(
                row.where,
                f"about {count} tokens, and max_tokens_per_row is {settings.max_tokens_per_row}",
                "shorten the row, or leave it out; the rest would be cut off silently",
            )


def _counter(tokenizer: Path | None) -> tuple[Count, str]:
    """Return how to count tokens: with a tokenizer file, else by bytes, an upper bound."""
    if tokenizer is None:
        basis = f"{BYTES_PER_TOKEN:g} bytes a token, which for most text is too many tokens"
        return lambda text: math.ceil(len(text.encode()) / BYTES_PER_TOKEN), basis
    from tokenizers import Tokenizer

    try:
        content = tokenizer.read_bytes()
        read: Any = Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # the library raises bare exceptions for unreadable files
        raise UserError.one(
            f"--tokenizer {tokenizer}", f"cannot be read: {error}", "name a tokenizer.json"
        ) from error

    def count(text: str) -> int:
        return len(read.encode(text, add_special_tokens=False).ids)

    return count, f"counted by the tokenizer {digest_bytes(content)}"


def _tokens(row: Row, count: Count) -> int:
    """Count a row's tokens as their notebook does: role and text of every message."""
    spoken = sum(
        TOKENS_PER_MESSAGE + count(turn.role) + count(turn.content) for turn in row.messages
    )
    return spoken + TOKENS_PER_REPLY


def _estimate(tokens: Sequence[int], basis: str, settings: OpenAITraining) -> TokenEstimate:
    trained = sum(tokens) * settings.n_epochs
    price = settings.price_per_million_tokens
    return TokenEstimate(
        basis=basis,
        in_file=sum(tokens),
        longest_row=max(tokens),
        trained=trained,
        cost=None if price is None else trained * price / 1e6,
        currency=settings.currency,
    )


def _job(folder: GovernedModel, settings: OpenAITraining, file: str) -> dict[str, Any]:
    """Return the body of `POST /v1/fine_tuning/jobs`; the file's id is known after the upload."""
    return {
        "model": folder.recipe.base_model,
        "training_file": None,
        "seed": folder.recipe.seed,
        "suffix": folder.name,
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": settings.n_epochs}},
        },
        "metadata": {"proposal": folder.proposal.digest, "file": file, "model": folder.name},
    }
