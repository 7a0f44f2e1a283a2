"""The labelled data set: rows for the train, validation and test splits."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from examples.support_triage.lexicon import Issue, lexicon
from examples.support_triage.tickets import Facts, facts_for, ticket

SYSTEM = "Triage the ticket. Reply in JSON: category, priority, product, order_id, summary."
SEED = 20260105
SPLITS = {"train": 1470, "validation": 315, "test": 340}
HELD_OUT_ROWS = 140
"""The number of test rows whose problem is stated in a sentence of no other split."""
LARGEST_LIKENESS = 0.6
"""The largest Jaccard similarity of the three-word runs of two rows about one issue."""

Row = dict[str, Any]


def answer(facts: Facts) -> str:
    """Return the label as the compact JSON that the model must write."""
    label = {
        "category": facts.issue.category,
        "priority": facts.priority,
        "product": facts.product,
        "order_id": facts.order_id,
        "summary": facts.summary,
    }
    return json.dumps(label, separators=(",", ":"))


def splits() -> dict[str, list[Row]]:
    """Return every split's rows, the same on every call."""
    rng = Random(SEED)
    kept: dict[str, list[frozenset[str]]] = {}
    made: dict[str, list[Row]] = {}
    number = 0
    for split, size in SPLITS.items():
        held_out = HELD_OUT_ROWS if split == "test" else 0
        sentences = [
            *_sentences("seen", size - held_out, rng),
            *_sentences("held_out", held_out, rng),
        ]
        rng.shuffle(sentences)
        made[split] = []
        for issue, wording, sentence in sentences:
            facts, text = _unlike(issue, sentence, kept.setdefault(issue.name, []), rng)
            number += 1
            made[split].append(_row(number, facts, text, wording, rng))
    return made


def _sentences(share: str, size: int, rng: Random) -> Iterator[tuple[Issue, str, str]]:
    """Yield `size` sentences, from each issue in turn."""
    issues = lexicon().issues
    turns = {issue.name: 0 for issue in issues}
    label = share.replace("_", "-")
    for index in range(size):
        issue = issues[index % len(issues)]
        said = getattr(issue, share)
        place = turns[issue.name] % len(said)
        turns[issue.name] += 1
        yield issue, f"{label}/{issue.slug}-{place + 1}", said[place]


def _unlike(
    issue: Issue, sentence: str, kept: list[frozenset[str]], rng: Random
) -> tuple[Facts, str]:
    """Draw tickets of one wording until one differs enough from all kept ones."""
    for _ in range(1000):
        facts = facts_for(issue, rng)
        text = ticket(facts, sentence, rng)
        runs = word_runs(text)
        if all(likeness(runs, other) <= LARGEST_LIKENESS for other in kept):
            kept.append(runs)
            return facts, text
    raise RuntimeError(f"no new ticket from {sentence!r} in 1000 draws: add choices to it")


def word_runs(text: str) -> frozenset[str]:
    """Return the runs of three words in `text`, in lower case."""
    words = text.lower().split()
    return frozenset(" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def likeness(left: frozenset[str], right: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets, 0 to 1."""
    return len(left & right) / len(left | right)


def _row(number: int, facts: Facts, text: str, wording: str, rng: Random) -> Row:
    created = datetime.date(2026, 1, 5) + datetime.timedelta(days=rng.randrange(120))
    return {
        "id": f"t-{number:06d}",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text},
            {"role": "assistant", "content": answer(facts)},
        ],
        "approved": True,
        "source": "synthetic-generator-1",
        "licence": "CC0-1.0",
        "industry": facts.industry,
        "wording": wording,
        "created": created.isoformat(),
    }
