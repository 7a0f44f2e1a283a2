"""Every sentence about the spot-check: how to sign it, why a signature does not count."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.facts.spot_check import DrawnFrom, SpotCheck

MARKER = "<!-- countersign:spot-check "
LEAST_DIGITS = 12
TITLE = "sample for the spot-check"
REFUSED = "This `/spot-check` does not count:"
EDITED = (
    "the comment was edited. Whoever may write can edit the comments of others, so only a comment "
    "that nobody touched counts"
)
NOT_ASKED = "the policy of the base branch asks for no spot-check"
SIGNED_ALREADY = (
    "you signed this sample before, and that stands: whose answers they were may have been shown "
    "since"
)
INVOLVED = "whoever has a part in a proposal cannot sign its sample"
NOTHING_THERE = (
    "no sample is there to be signed. It comes with the evidence, and what was said before does "
    "not count then"
)
NO_DIGEST = (
    f"it names no sample: the first {LEAST_DIGITS} or more digits of the sample's digest come first"
)
TOO_EARLY = "it was written before this evidence was measured"
TOO_LITTLE = "it cannot say of more than half of the rows; a signature speaks of at least half"
AGAIN = "Write it again, in a new comment:"
AFTER_IT = (
    "approvals count once the release commit is at the head; it follows the spot-check, because "
    "the model card tells what the spot-check came to"
)
HEADS = ("Row", "Input", "Expected", "A", "B")
CANDIDATE = "Candidate"
JUDGE = "Judge"
NOBODY_SAID = "–"


def marker(comment: int) -> str:
    return f"{MARKER}{comment} -->"


def short(sample: str) -> str:
    """Return the first digits of a sample's digest, as a command names it."""
    return sample.removeprefix("sha256:")[:LEAST_DIGITS]


def wrong_role(roles: Sequence[str]) -> str:
    return f"only people with write access who hold {' or '.join(roles)} can sign it"


def too_short(given: str) -> str:
    return (
        f"{code(given)} is no digest of a sample: give the first {LEAST_DIGITS} or more of its "
        "digits, which are 0-9 and a-f"
    )


def unknown(given: str, samples: Sequence[tuple[str, str]]) -> str:
    """Say which samples there are, as pairs of model and digest."""
    there = ", ".join(f"{code(short(sample))} of {code(model)}" for model, sample in samples)
    return f"{code(given)} is not the sample that is here now; here is {there}"


def ambiguous(given: str, samples: Sequence[tuple[str, str]]) -> str:
    named = ", ".join(
        f"{code(sample.removeprefix('sha256:'))} of {model}" for model, sample in samples
    )
    return f"{code(given)} may be several samples: write the whole digest ({named})"


def wrong_count(given: int, rows: int) -> str:
    marks = "1 mark" if given == 1 else f"{given} marks"
    wanted = "1 row" if rows == 1 else f"{rows} rows"
    return f"it has {marks} for {wanted}; write one for each row, in order and in one line"


def unknown_marks(found: Sequence[tuple[int, str]], more: int) -> str:
    """Say which marks cannot be read, as pairs of place (from 1) and text."""
    listed = ", ".join(f"{code(text, 20)} at {place}" for place, text in found)
    rest = f" and {more} more" if more else ""
    return f"{listed}{rest}: a mark is A or B (the better answer), = (a tie) or ? (cannot say)"


def example(sample: str, rows: int) -> str:
    """Return a command to be copied, with a mark to be chosen for each row."""
    return f"/spot-check {short(sample)} {' '.join('?' * rows)}"


def how_to_sign(sample: SpotCheck, missing: Sequence[str]) -> str:
    """Say what to do with a sample that is not signed yet; `missing` says who has to."""
    rows = "1 row waits" if len(sample.rows) == 1 else f"{len(sample.rows)} rows wait"
    return (
        f"**{rows} for people to read them.** {plain('; '.join(missing), 1000)}. Open the sample "
        f"below, say of each row which answer is better, and comment "
        f"{code(example(sample.digest(), len(sample.rows)), 1000)} with a mark for each row in "
        "place of its `?`: `A` or `B` for the better answer, `=` for a tie, `?` where you cannot "
        "say. Which of A and B is the candidate changes from row to row; it is shown, with what "
        "the judge model said, once everybody who has to has signed. Until then rows of the sample "
        "are left out of the other tables."
    )


def drawn(sample: SpotCheck, *, blind: bool = False) -> str:
    """Say what the rows were drawn from; `blind` without the seed, which tells whose is whose."""
    seed = "" if blind else f" with seed {code(sample.seed, 100)}"
    source: DrawnFrom = sample.drawn_from
    against = {"incumbent": "the live version", "base": "the base model"}[sample.against]
    return (
        f"{len(sample.rows)} of {source.rows} held-out rows, drawn at random{seed}; "
        f"the candidate's answers beside those of {against}. Rows with "
        f"different scores ({source.other_scores}) were {source.weight_of_other_scores} times, "
        f"rows with different texts ({source.other_texts}) {source.weight_of_other_texts} times as "
        "likely as others."
    )


def left_out(count: int) -> str:
    rows = "1 row is" if count == 1 else f"{count} rows are"
    return f"_{rows} left out here, because a comment holds 65,536 characters; see the evidence._"


def shortened(limit: int) -> str:
    return f"_Texts beyond {limit} characters are cut here, with … at the end; see the evidence._"


def held_back(count: int) -> str:
    rows = "1 row is" if count == 1 else f"{count} rows are"
    return f"{rows} held back until the spot-check is signed."


def tally(candidate: int, other: int, ties: int, unsaid: int) -> str:
    """Say what one person's marks come to, once it is known whose answers they were."""
    return (
        f"the candidate better on {candidate}, the other on {other}, {ties} ties, "
        f"{unsaid} not to be said"
    )
