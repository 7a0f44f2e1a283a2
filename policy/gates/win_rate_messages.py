"""Every sentence about a judge model's win rate, and about the sample that people read after it."""

from __future__ import annotations

from policy.facts.win_rate_facts import WinRateFacts
from policy.gates.messages import percent, short

NOT_JUDGED = "no judge model was asked; run again, the answers are kept"
NOT_DRAWN = "no sample was drawn for people to read; run again, the answers are kept"
NOTHING_JUDGED = "nothing could be judged"


def of_other_answers(whose: str) -> str:
    return f"what was judged are not the answers of the {whose} that were measured"


def sampled_other_answers(whose: str) -> str:
    return f"what was drawn are not the answers of the {whose} that were measured"


def of_other_version(named: str, wanted: str) -> str:
    return f"the candidate stands beside the {named}, not the {wanted}"


def of_other_rows() -> str:
    return "what was judged are not the rows that were measured"


def of_other_count(pairs: int, rows: int) -> str:
    return f"{pairs} pairs stand there for {rows} rows"


def unknown_prompt(name: str, digest: str) -> str:
    return f"the judge's prompt {name!r} ({short(digest)}) is not the one of this name"


def other_judge(asked: str, wanted: str) -> str:
    return f"{asked} was asked, and the policy names {wanted}; run again, the answers are kept"


def other_asking(what: str) -> str:
    return f"the judge was asked with another {what} than the policy names; run again"


def coverage(facts: WinRateFacts, least: float) -> str:
    text = (
        f"{facts.judged} of {facts.pairs} pairs were judged in both orders, "
        f"at least {percent(least)} wanted"
    )
    if not facts.failed:
        return text
    kinds = ", ".join(f"{count} {kind}" for kind, count in facts.failure_kinds.items())
    return f"{text}; not judged: {kinds}"


def flips(facts: WinRateFacts, most: float) -> str:
    rate = facts.flip_rate
    if rate is None:
        return "no two answers differ, so no order could change a verdict"
    return f"{percent(rate)} of verdicts change with the order, at most {percent(most)} allowed"


def rate(facts: WinRateFacts, against: str, least: float, margin: float) -> str:
    """Return the rate with its interval and what it has to reach."""
    low, high = facts.interval
    text = (
        f"preferred to the {against} in {percent(facts.win_rate or 0.0)} "
        f"({percent(low)} to {percent(high)}, {facts.judged} pairs of {facts.clusters} prompts, "
        f"a tie half); at least {percent(least)} wanted"
    )
    if margin:
        text += f", give or take {percent(margin)}"
    if facts.failed and facts.win_rate_at_worst is not None:
        text += f"; {percent(facts.win_rate_at_worst)} if all that failed were lost"
    return text


def not_known(pairs: int | None) -> str:
    if pairs is None:
        return (
            "the interval holds the bar, so this is not known; no number of pairs would settle it"
        )
    return (
        f"the interval holds the bar, so this is not known; about {pairs:,} pairs would settle it"
    )


def drawn(rows: int, of: int, disagreements: int) -> str:
    return f"{rows} of {of} rows are drawn for people to read; {disagreements} differ in some way"


def drawn_too_few(rows: int, wanted: int) -> str:
    return f"{rows} rows are drawn for people to read, {wanted} wanted; run again"
