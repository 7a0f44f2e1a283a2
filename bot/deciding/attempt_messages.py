"""Every sentence about attempts after the first: asked for, refused, under way, missing."""

from __future__ import annotations

from collections.abc import Sequence

from policy.facts.attempt import MAX_REASON, MIN_REASON

RETRAIN_MARKER = "<!-- countersign:retrain "
RULE = (
    "Every attempt has to hold, and what ships is the file of the first: another attempt can take "
    "a version back, and never let one through."
)
NOTHING_MEASURED = (
    "Nothing was measured here yet that another attempt could be set beside. A run that broke is "
    "started again with `/train` and the full commit id, and does not count as an attempt."
)
STOPPED = (
    "The first attempt was stopped before it was measured, and the same files would stop another "
    "one in the same place. Change the proposal."
)
FIRST = "the proposal itself"
HEADS = ("Attempt", "Asked by", "When", "Why", "Outcome", "Figures", "Evidence")


def retrain_marker(comment: int) -> str:
    return f"{RETRAIN_MARKER}{comment} -->"


def accepted(number: int, most: int) -> str:
    return f"This is attempt {number} of at most {most}. {RULE}"


def reason_needed(length: int) -> str:
    found = f"yours has {length}" if length else "there is none"
    return (
        f"Say why, in {MIN_REASON} to {MAX_REASON} characters on the same line ({found}), such as "
        "`/retrain the runner's GPU was replaced, does the result repeat?`. It is kept for ever."
    )


def may_not(roles: Sequence[str]) -> str:
    held = f" who hold {' or '.join(roles)}" if roles else ""
    return f"Only people with write access{held} may ask for another attempt."


def no_more(most: int) -> str:
    return (
        f"The policy lets one proposal be measured {most} times at most (`attempts.max`), and it "
        "was. Change the proposal."
    )


def under_way(number: int) -> str:
    return f"Attempt {number} is not measured yet. Ask again once it is, if you still want to."


def is_recorded(number: int, user: str) -> str:
    return f"attempt {number} was asked for by @{user}, and is being recorded"


def waits(number: int, sentence: str) -> str:
    return f"attempt {number}: {sentence}"


def missing(number: int) -> str:
    return (
        f"attempt {number} was recorded in a tag that is gone, so nobody can see how it ended; "
        "restore the tag, or change the proposal"
    )


def summary_line(attempts: int) -> str:
    return f"**Measured in {attempts} attempts.** {RULE}"


def does_not_hold(number: int) -> str:
    return f"Attempt {number} does not hold."
