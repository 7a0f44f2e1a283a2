"""The statistics of a file of rows, in one pass: lengths, shares and repetitions."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from math import ceil

from countersign_ml.rows.kept.sketch import PREFIX_BYTES, normalised
from countersign_ml.rows.read.language import GuessLanguage
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.statistics.stats_distance import nearest_rank
from countersign_ml.rows.statistics.stats_fields import FieldCounts
from policy.documents import Document
from policy.facts.data_diff import RowList, RowPlace, Shown

SHOWN = 20
BINS = 20
CountTokens = Callable[[Sequence[str]], Sequence[int]]
BATCH = 256


class Histogram(Document):
    """How many values are in each step from 0 on; `over` counts those beyond the last step."""

    step: int
    counts: tuple[int, ...]
    over: int


class Lengths(Document):
    """The distribution of one length over all rows, by nearest rank."""

    mean: float = 0.0
    least: int = 0
    p05: int = 0
    median: int = 0
    p95: int = 0
    p99: int = 0
    longest: int = 0
    total: int = 0
    histogram: Histogram = Histogram(step=1, counts=(), over=0)


class ValueShare(Document):
    """How many rows have a value, and their share of the rows that have the field."""

    value: str
    rows: int
    share: float


class FieldShares(Document):
    """The values of one field, the most frequent first; `values` counts the distinct ones."""

    field: str
    rows: int
    values: int
    largest: tuple[ValueShare, ...]


class DataStats(Document):
    """Everything that `countersign data stats` shows. Shares are of all rows, from 0 to 1."""

    rows: int
    unreadable: RowList
    formats: dict[str, int]
    prompt_characters: Lengths
    answer_characters: Lengths
    prompt_tokens: Lengths | None
    answer_tokens: Lengths | None
    duplicate_question_share: float
    """Rows that repeat the question of an earlier row; case and spaces are ignored."""
    duplicate_answer_share: float
    same_prefix_share: float
    """Rows whose question begins with the same 32 bytes as the most common beginning."""
    fields: tuple[FieldShares, ...]
    fields_left_out: tuple[Shown, ...]
    languages: FieldShares | None


def measure(
    rows: Iterable[Row | Defect],
    fields: Iterable[str] = (),
    tokens: CountTokens | None = None,
    language: GuessLanguage | None = None,
) -> DataStats:
    """Read rows once; memory holds a few digests and numbers per row.

    Tokens are those of the texts alone, without the chat template.
    """
    counted = FieldCounts(fields)
    formats: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    prefixes: Counter[bytes] = Counter()
    questions: set[bytes] = set()
    answers: set[bytes] = set()
    lengths = [array("Q") for _ in range(4)]
    waiting: list[str] = []
    unreadable = 0
    first: list[RowPlace] = []

    def flush() -> None:
        if tokens is not None and waiting:
            for number, count in enumerate(tokens(waiting)):
                lengths[2 + number % 2].append(count)
        waiting.clear()

    for row in rows:
        if isinstance(row, Defect):
            unreadable += 1
            if len(first) < SHOWN:
                first.append(RowPlace(file=row.file, line=row.line, id=row.id[:100]))
            continue
        counted.add(row)
        formats[row.format] += 1
        asked = "\n".join(turn.content for turn in row.prompt)
        lengths[0].append(len(asked))
        lengths[1].append(len(row.answer))
        question = normalised(row.user_text).encode()
        questions.add(_digest(question))
        answers.add(_digest(normalised(row.answer).encode()))
        prefixes[_digest(question[:PREFIX_BYTES])] += 1
        if language is not None:
            languages[language(row.user_text)] += 1
        if tokens is not None:
            waiting += (asked, row.answer)
            if len(waiting) >= BATCH:
                flush()
    flush()
    total = counted.rows
    return DataStats(
        rows=total,
        unreadable=RowList(count=unreadable, first=tuple(first)),
        formats=dict(formats.most_common()),
        prompt_characters=_lengths(lengths[0]),
        answer_characters=_lengths(lengths[1]),
        prompt_tokens=_lengths(lengths[2]) if tokens is not None else None,
        answer_tokens=_lengths(lengths[3]) if tokens is not None else None,
        duplicate_question_share=_share(total - len(questions), total),
        duplicate_answer_share=_share(total - len(answers), total),
        same_prefix_share=_share(max(prefixes.values(), default=0), total),
        fields=tuple(_shares(name, found) for name, found in sorted(counted.labels().items())),
        fields_left_out=tuple(sorted(counted.free())[:SHOWN]),
        languages=_shares("language", languages) if language is not None else None,
    )


def _lengths(values: array[int]) -> Lengths:
    ordered = sorted(values)
    if not ordered:
        return Lengths()
    p99 = nearest_rank(ordered, 0.99)
    return Lengths(
        mean=round(sum(ordered) / len(ordered), 2),
        least=ordered[0],
        p05=nearest_rank(ordered, 0.05),
        median=nearest_rank(ordered, 0.5),
        p95=nearest_rank(ordered, 0.95),
        p99=p99,
        longest=ordered[-1],
        total=sum(ordered),
        histogram=_histogram(ordered, p99),
    )


def _histogram(ordered: Sequence[int], p99: int) -> Histogram:
    """Count in about twenty steps of a round width, up to the 99th percentile."""
    wanted = max(1, ceil(p99 / BINS))
    power = 10 ** (len(str(wanted)) - 1)
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= wanted)
    counts = [0] * (p99 // step + 1)
    over = 0
    for value in ordered:
        if value // step < len(counts):
            counts[value // step] += 1
        else:
            over += 1
    return Histogram(step=step, counts=tuple(counts), over=over)


def _shares(field: str, counts: Counter[str]) -> FieldShares:
    rows = counts.total()
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return FieldShares(
        field=field,
        rows=rows,
        values=len(counts),
        largest=tuple(
            ValueShare(value=value, rows=count, share=_share(count, rows))
            for value, count in largest
        ),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
