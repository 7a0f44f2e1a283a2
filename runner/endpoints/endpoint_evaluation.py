"""A model behind an endpoint on a model's held-out rows: the same scores, but no evidence.

Only an endpoint itself knows what it runs, so its figures are never evidence. They help to choose a
base, to compare a hosted model with one's own (`countersign compare`), and as the other side of
`countersign win-rate`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.row import Row, read_rows, rows_digest
from policy.canonical import canonical_json, digest_bytes
from policy.documents import Document
from policy.facts.class_facts import ClassFacts
from policy.facts.evidence import Metric
from policy.files.recipe import Decoding
from runner.engines.engine import Answer
from runner.engines.openai_client import Endpoint
from runner.engines.openai_engine import OpenAIEngine
from runner.measure.class_metrics import class_facts
from runner.measure.outputs import Asked, answers_of, write_outputs
from runner.measure.scoring import score
from runner.measure.subject_metrics import metrics_of

MAX_PROBLEMS = 50
SUBJECT = "endpoint"


class RowProblem(Document):
    """A row without a complete answer, and why."""

    id: str
    where: str
    problem: str


class EndpointFacts(Document):
    """The result of asking an endpoint; `outcomes` counts every row once."""

    endpoint: str
    models: tuple[str, ...]
    constrained: bool
    """Whether the answers were constrained to the contract's schema; `schema_valid` then means
    little."""
    decoding: Decoding
    rows: str
    left_out: int
    """Lines of the file that the data gates reject; they were not asked."""
    outputs: str
    outcomes: dict[str, int]
    problems: tuple[RowProblem, ...]
    tokens_in: int
    tokens_out: int
    seconds: float
    metrics: tuple[Metric, ...]
    classes: ClassFacts | None = None


@dataclass(frozen=True)
class Questions:
    """The rows to ask, their model's contract and decoding, and whether its schema is imposed."""

    folder: GovernedModel
    rows: tuple[Row, ...]
    constrained: bool = False

    @cached_property
    def lines(self) -> int:
        """Return how many rows the file has, including those that are not asked."""
        path = self.folder.data_file("test")
        return sum(1 for _ in read_rows(path, self.folder.where(path)))

    @property
    def schema(self) -> Mapping[str, Any] | None:
        checker = self.folder.output_schema
        return checker.schema if self.constrained and checker is not None else None


def evaluate_endpoint(
    questions: Questions,
    endpoint: Endpoint,
    out: Path,
    cache: Path,
    *,
    parallel: int = 4,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> EndpointFacts:
    """Ask every row, score the answers by the contract, and write them to `out`."""
    folder, rows = questions.folder, questions.rows
    decoding = folder.recipe.decoding
    prompts = tuple(_prompt(row) for row in rows)
    bound = digest_bytes(canonical_json(questions.schema)) if questions.schema else "free"
    decoded = endpoint.decoding(decoding.max_new_tokens)
    asked = Asked(
        endpoint.named, f"chat, {bound}, {canonical_json(decoded).decode()}", prompts, decoding
    )
    with OpenAIEngine(endpoint, parallel=parallel) as engine:

        def ask() -> list[Answer]:
            return engine.converse(
                [row.prompt for row in rows],
                max_new_tokens=decoding.max_new_tokens,
                schema=questions.schema,
                progress=progress,
            )

        answers = answers_of(asked, cache, fresh, ask)
        tokens_in, models = engine.tokens_in, tuple(sorted(engine.models))
    scored = [
        score(row, answer, folder.contract, folder.output_schema)
        for row, answer in zip(rows, answers, strict=True)
    ]
    outputs = write_outputs(
        SUBJECT, [digest_bytes(prompt.encode()) for prompt in prompts], scored, out
    )
    return EndpointFacts(
        endpoint=endpoint.named,
        models=models,
        constrained=questions.schema is not None,
        decoding=decoding,
        rows=rows_digest(rows),
        left_out=questions.lines - len(rows),
        outputs=outputs,
        outcomes=dict(sorted(Counter(map(outcome_of, answers)).items())),
        problems=tuple(_problems(rows, answers))[:MAX_PROBLEMS],
        tokens_in=tokens_in,
        tokens_out=sum(answer.tokens for answer in answers),
        seconds=round(math.fsum(answer.seconds for answer in answers), 3),
        metrics=metrics_of(scored, folder.contract),
        classes=class_facts(scored, folder.contract),
    )


def outcome_of(answer: Answer) -> str:
    """Return how one answer came out: `answered`, `truncated`, `empty`, or how it failed."""
    if answer.problem:
        return answer.problem.partition(":")[0]
    return "truncated" if answer.finish == "length" else "answered"


def _problems(rows: Sequence[Row], answers: Sequence[Answer]) -> list[RowProblem]:
    found = []
    for row, answer in zip(rows, answers, strict=True):
        if (outcome := outcome_of(answer)) != "answered":
            problem = answer.problem or f"{outcome}: cut off after {answer.tokens} tokens"
            found.append(RowProblem(id=row.id, where=row.where, problem=problem))
    return found


def _prompt(row: Row) -> str:
    return canonical_json([[turn.role, turn.content] for turn in row.prompt]).decode()
