"""Builders of samples for people to read, and of their signatures."""

from __future__ import annotations

from typing import Any

from policy.facts.evidence import Evidence
from policy.facts.spot_check import DrawnFrom, SpotCheck, SpotRow
from policy.files.win_rate_rules import SpotCheckRules
from policy.people.sign_off import SignOffFacts
from policy.people.spot_check_signatures import SpotCheckSignature
from tests.policy import builders as measured

RULES = SpotCheckRules(rows=4, sign={"ml-lead": 1})
SECTION = "spot_check: {rows: 4, sign: {ml-lead: 1}}\n"
MARKS = "AB=?"
"""One person's marks; the judge model agrees on the first three rows and says B for the fourth."""
WHEN = "2026-01-02T05:00:00Z"


def row(number: int, **changes: Any) -> SpotRow:
    """The candidate is first in odd rows; the judge model prefers A, B, none, B, and so on."""
    facts: dict[str, Any] = {
        "id": f"t{number}",
        "input": f"Where is my parcel {number}?",
        "expected": '{"label": "delivery"}',
        "first": '{"label": "delivery"}',
        "second": '{"label": "other"}',
        "candidate": "first" if number % 2 else "second",
        "judged": ("first", "second", "tie", "second")[(number - 1) % 4],
    }
    return SpotRow(**{**facts, **changes})


def sample(rows: int = 4, seed: str = "7", **changes: Any) -> SpotCheck:
    facts: dict[str, Any] = {
        "seed": seed,
        "against": "incumbent",
        "candidate_outputs": measured.OUTPUTS,
        "against_outputs": measured.OUTPUTS,
        "drawn_from": DrawnFrom(
            rows=300,
            other_scores=30,
            other_texts=20,
            weight_of_other_scores=8,
            weight_of_other_texts=4,
        ),
        "rows": tuple(row(number) for number in range(1, rows + 1)),
    }
    return SpotCheck(**{**facts, **changes})


def signature(shown: Evidence, user: str = "grace", **changes: Any) -> SpotCheckSignature:
    """Return a person's signature of the sample in this evidence."""
    assert shown.spot_check is not None
    facts: dict[str, Any] = {
        "model": shown.model,
        "evidence": shown.digest(),
        "sample": shown.spot_check.digest(),
        "user": user,
        "marks": (MARKS * 13)[: len(shown.spot_check.rows)],
        "comment": 60,
        "stated": WHEN,
    }
    return SpotCheckSignature(**{**facts, **changes})


def people(**changes: Any) -> SignOffFacts:
    """Ada proposes; grace and linus are leads; ken may write."""
    facts: dict[str, Any] = {
        "head": "a" * 40,
        "author": "ada",
        "writers": frozenset({"ada", "grace", "linus", "ken"}),
        "roles": {"ml-lead": frozenset({"grace", "linus"})},
    }
    return SignOffFacts(**{**facts, **changes})
