"""Rows for the benchmarks of the data gates: synthetic, varied, the same each time."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

CATEGORIES, PRIORITIES = ("access", "billing", "fault", "returns"), ("low", "normal", "high")
MADE_ROWS = 1_000_000
PLANTED_EVERY = 1000
"""One row in this many is a near copy of an earlier one."""


def write_rows(path: Path, rows: int) -> None:
    """Write rows of about 0.8 KB: tickets of 40 to 75 words of 20,000, Zipf-like, with answers.

    A longer file begins with the rows of a shorter one. Beyond a million, the same rows repeat
    with other ids and groups and with the letters of their questions exchanged, so that no question
    repeats. That takes a tenth of the time.
    """
    if rows > MADE_ROWS:
        write_rows(path, MADE_ROWS)
        for first in range(MADE_ROWS, rows, MADE_ROWS):
            _add_exchanged(path, first, min(MADE_ROWS, rows - first))
        return
    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 20) for rank in range(len(words))]
    pool = rng.choices(words, weights, k=1 << 20)
    runs = [" ".join(pool[start : start + 5]) for start in range(len(pool) - 5)]
    products, question, summary, draw = words[100:160], "", "", rng.random
    system = "Triage the ticket. Reply in JSON: category, priority, product."
    with path.open("w") as out:
        for number in range(rows):
            if number % PLANTED_EVERY == PLANTED_EVERY - 1:
                question = question.replace(" ", " really ", 1)
            else:
                said = [runs[int(draw() * len(runs))] for _ in range(8 + int(draw() * 8))]
                summary = said[0].rpartition(" ")[0]
                question = f"{' '.join(said)} {number % 1000}."
            answer = (
                f'{{"category": "{CATEGORIES[int(draw() * 4)]}", '
                f'"priority": "{PRIORITIES[int(draw() * 3)]}", '
                f'"product": "{products[int(draw() * 60)]}", '
                f'"order_id": "P{10 + int(draw() * 90)}M{10 + int(draw() * 90)}", '
                f'"summary": "{summary}"}}'
            ).replace('"', '\\"')
            out.write(
                f'{{"id": "t-{number:08d}", "messages": ['
                f'{{"role": "system", "content": "{system}"}}, '
                f'{{"role": "user", "content": "{question}"}}, '
                f'{{"role": "assistant", "content": "{answer}"}}], '
                f'"approved": true, "source": "synthetic", "licence": "CC0-1.0", '
                f'"group": "c{number // 5}"}}\n'
            )


def _add_exchanged(path: Path, first: int, rows: int) -> None:
    letters = bytes(range(97, 123))
    by = first // MADE_ROWS * 5 % 26
    exchange = bytes.maketrans(letters, letters[by:] + letters[:by])
    mark, end = b'"role": "user", "content": "', b'"}, {"role": "assistant"'
    with path.open("rb") as source, path.open("ab") as out:
        for number, line in enumerate(itertools.islice(source, rows), first):
            head, _, rest = line.partition(mark)
            question, _, rest = rest.partition(end)
            head = head.replace(b"t-%08d" % (number - first), b"t-%08d" % number)
            rest = rest.replace(b'"c%d"' % ((number - first) // 5), b'"c%d"' % (number // 5))
            out.write(b"".join((head, mark, question.translate(exchange), end, rest)))


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["category", "priority", "product", "order_id", "summary"],
    "properties": {
        "category": {"enum": ["access", "billing", "fault", "returns"]},
        "priority": {"enum": ["low", "normal", "high"]},
        "product": {"type": "string"},
        "order_id": {"type": "string", "pattern": "^[A-Z][0-9]{2}[A-Z][0-9]{2}$"},
        "summary": {"type": "string", "minLength": 5, "maxLength": 80},
    },
}
