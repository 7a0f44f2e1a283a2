"""The outputs that an earlier run stored, read back: the same answers, scored again now.

Nothing is trusted that can be computed: the rows must be the current rows in their order, and
scores and metrics are computed again from the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from countersign_ml.registry import Registry
from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.row import Row
from policy.documents import Document
from policy.facts.evidence import Count, Evidence, Measurement, Subject
from policy.files.recipe import Decoding
from policy.names import Digest
from runner.engines.engine import Answer, Finish
from runner.measure.evaluate import measurement_of, outputs_name
from runner.measure.outputs import write_outputs
from runner.measure.scoring import Scored, score


class NotReusable(Exception):  # noqa: N818 - an outcome, not a failure
    """Why stored results cannot be reused."""


class OutputLine(Document):
    """One line of an outputs file, as `outputs.write_outputs` writes it."""

    id: str
    subject: Subject
    prompt: Digest
    answer: str
    finish: Finish
    tokens: Count
    problem: str = ""
    expected: str
    scores: dict[str, bool | float]


@dataclass(frozen=True)
class Stored:
    """One subject's answers as they were given, scored now."""

    measurement: Measurement
    prompts: tuple[str, ...]
    """The digests of the rendered prompts."""
    scored: tuple[Scored, ...]


def read_stored(
    registry: Registry,
    folder: GovernedModel,
    rows: Sequence[Row],
    earlier: Measurement,
    place: Path,
) -> Stored:
    """Return a measurement's answers from the registry, scored by the current contract.

    NotReusable if they are about other rows or incomplete, UserError if they are missing or have
    another digest.
    """
    name = earlier.subject
    file = registry.fetch(earlier.outputs, place / f"{earlier.outputs.removeprefix('sha256:')}")
    lines = output_lines(file, name)
    if [(line.id, line.expected) for line in lines] != [(row.id, row.answer) for row in rows]:
        raise _damaged(name, "its rows are not the current rows")
    if any(line.subject != name for line in lines):
        raise _damaged(name, "a line is about another subject")
    if any(not isinstance(line.scores.get("latency"), float) for line in lines):
        raise _damaged(name, "a line has no time")
    scored = tuple(
        score(
            row,
            answer_of(line),
            folder.contract,
            folder.output_schema,
        )
        for row, line in zip(rows, lines, strict=True)
    )
    again = measurement_of(
        name, earlier.engine, earlier.model, scored, earlier.outputs, folder.contract
    )
    return Stored(again, tuple(line.prompt for line in lines), scored)


def answer_of(line: OutputLine) -> Answer:
    """Return an answer as it was given, its times among the scores."""
    first = line.scores.get("first_token")
    return Answer(
        line.answer,
        line.tokens,
        float(line.scores["latency"]),
        line.finish,
        None if first is None else float(first),
        line.problem,
    )


def require_as_recorded(stored: Stored, recorded: Measurement) -> None:
    """Raise NotReusable if stored answers, scored now, do not give the recorded figures."""
    if stored.measurement != recorded:
        raise NotReusable(
            f"the outputs of {recorded.subject}, scored again, do not give its recorded figures"
        )


def require_decoding(stored: Stored, decoding: Decoding) -> None:
    """Raise NotReusable if this decoding could have given other answers.

    With greedy decoding, a shorter limit only cuts an answer off. So an answer that stopped within
    the current limit, or was cut off exactly at it, is the answer that would be given now.
    """
    limit = decoding.max_new_tokens
    for each in stored.scored:
        answer = each.answer
        if not (answer.tokens == limit or (answer.finish == "stop" and answer.tokens < limit)):
            raise NotReusable(asked_differently("another limit of tokens"))


def as_incumbent(stored: Stored, folder: GovernedModel, place: Path) -> Stored:
    """Return a released candidate's answers as the incumbent's, which it is now."""
    subject: Subject = "incumbent"
    outputs = write_outputs(subject, stored.prompts, stored.scored, place / outputs_name(subject))
    was = stored.measurement
    measurement = measurement_of(
        subject, was.engine, was.model, stored.scored, outputs, folder.contract
    )
    return Stored(measurement, stored.prompts, stored.scored)


def measured(evidence: Evidence, subject: Subject) -> Measurement:
    """Return a subject's measurement; NotReusable if it is missing."""
    found = evidence.measurement(subject)
    if found is None or not found.metrics:
        raise NotReusable(lacks(f"measurement of {subject}"))
    return found


def output_lines(file: Path, name: str) -> list[OutputLine]:
    """Return the lines of an outputs file; NotReusable if it is damaged."""
    try:
        text = file.read_text(encoding="utf-8")
        return [OutputLine.model_validate_json(line) for line in text.split("\n")[:-1]]
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(name, first["msg"]) from error
    except UnicodeDecodeError as error:
        raise _damaged(name, "not UTF-8") from error


def lacks(what: str) -> str:
    return f"it has no {what}"


def asked_differently(what: str) -> str:
    return f"it was asked with {what}"


def _damaged(name: str, said: str) -> NotReusable:
    return NotReusable(f"the outputs of {name} are damaged: {said}")
