"""Changed held-out rows: the live version and the candidate must also be compared on the old ones.

Otherwise easier rows would hide a regression: both versions do better on them, and no gate sees
what the candidate can no longer do.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy.facts.evidence import Evidence
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome

NAME = "former rows"


def judge_former_rows(policy: Policy, evidence: Evidence, *, other_rows: bool) -> Iterator[Finding]:
    """Yield whether the rows from before a change were measured; nothing if they did not change.

    They changed if the caller's git says so (`other_rows`), or if the live version's own record
    names other rows. A run that found the same rows on the base branch says so.
    """
    compares = any(gate.max_drop is not None or gate.slices for gate in policy.gates.metrics)
    candidate, live = evidence.measurement("candidate"), evidence.incumbent
    if live is None or candidate is None or not compares:
        return
    recorded = [one.rows for one in evidence.earlier if one.version == live.version]
    recorded_others = any(rows != candidate.rows for rows in recorded)
    former = evidence.former
    if former is None:
        if other_rows or recorded_others:
            sentence = (
                "the held-out rows changed, and the live version and the candidate were not "
                "compared on those from before; run again with the base branch (--incumbent)"
            )
            yield Finding(NAME, Outcome.MISSING, sentence)
    elif former.why:
        sentence = f"the held-out rows of the base branch could not be measured: {former.why}"
        yield Finding(NAME, Outcome.MISSING, sentence)
    elif former.measurements:
        sentence = "the live version and the candidate were also compared on the rows from before"
        yield Finding(NAME, Outcome.PASSED, sentence)
    elif former.rows != candidate.rows:
        sentence = "the run found other held-out rows on the base branch and did not measure them"
        yield Finding(NAME, Outcome.MISSING, sentence)
    elif other_rows and recorded_others:
        sentence = (
            "the run found the same held-out rows on the base branch, but git and the live "
            "version's record show others; run again with the base branch (--incumbent)"
        )
        yield Finding(NAME, Outcome.MISSING, sentence)
