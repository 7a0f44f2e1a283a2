"""The sample as people read it: blind until everyone signed, then with names and answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.facts.bot_sentences import spot_check_command
from bot.facts.model_state import ModelState
from countersign_ml.markdown import code, plain, table
from policy.facts.evidence import Evidence
from policy.facts.spot_check import SpotCheck, SpotRow, agreement
from policy.people.spot_check_signatures import MARKS, SpotCheckSignature
from policy.policy_sentences import agreement_of, nothing_to_agree_on

HEADS = ("Row", "Input", "Expected", "A", "B")
BLIND = 42_000
"""Characters of all unsigned tables together: the longest sample fits whole in most alphabets."""
SIGNED = 16_000
"""Characters of a signed table, which is only there to look things up."""
TEXTS = (1_200, 800, 500, 300, 200, 120, 60, 30)
"""How long a text may be; the first limit with which all rows fit is used."""
_LETTERS: dict[str, str] = {word: mark for mark, word in MARKS.items() if word is not None}


def hidden(state: ModelState) -> frozenset[str]:
    """Return the ids of rows that no other table may show, since it says whose answers are whose.

    Empty if the gates failed and nobody can force them, because then nobody will sign.
    """
    sample, spot = _sample(state), state.spot_check
    may_ship = state.finding.outcome.lets_through or bool(state.judged.waivable)
    if sample is None or spot is None or spot.signed or not may_ship:
        return frozenset()
    return frozenset(row.id for row in sample.rows)


def how_to_sign(state: ModelState) -> str:
    """Return how to sign a sample that waits; empty if none does."""
    sample, spot = _sample(state), state.spot_check
    if sample is None or spot is None or not state.awaits_readers:
        return ""
    missing = [f"{part.name}: {part.sentence}" for part in spot.finding.blocking()]
    rows = "1 row waits" if len(sample.rows) == 1 else f"{len(sample.rows)} rows wait"
    command = spot_check_command(sample.digest(), len(sample.rows))
    return (
        f"**{rows} for people to read them.** {plain('; '.join(missing), 1000)}. Open the sample "
        f"below and decide for each row which answer is better. Then comment "
        f"{code(command, 1000)} with a mark for each row in place of its `?`: `A` or `B` for the "
        "better answer, `=` for a tie, `?` if you cannot say. Which of A and B is the candidate "
        "changes from row to row; that and the judge model's answers are shown once everyone "
        "required has signed. Until then the other tables leave out the rows of the sample."
    )


def blind(state: ModelState, budget: int = BLIND) -> str:
    """Return the sample without whose answers they are, and without the judge's preference."""
    sample = _sample(state)
    if sample is None:
        return ""
    rows = [(str(number), row) for number, row in enumerate(sample.rows, 1)]
    return _fitting(
        HEADS,
        lambda limit: [
            (number, *(_text(text, limit) for text in _texts(row))) for number, row in rows
        ],
        sample,
        budget,
        _drawn(sample, blind=True),
    )


def signed(state: ModelState) -> str:
    """Return the sample with the candidate's letter, and each person's and the judge's choices."""
    sample, spot = _sample(state), state.spot_check
    if sample is None or spot is None or not spot.signed or not spot.signatures:
        return ""
    people = [(f"@{one.user}", one.marks) for one in spot.signatures]
    heads = (*HEADS, "Candidate", *(plain(user) for user, _ in people), "Judge")

    def rows(limit: int) -> list[tuple[str, ...]]:
        return [
            (
                str(number + 1),
                *(_text(text, limit) for text in _texts(row)),
                _letter(row.candidate),
                *(marks[number] for _, marks in people),
                _letter(row.judged),
            )
            for number, row in enumerate(sample.rows)
        ]

    shown = _fitting(heads, rows, sample, SIGNED, _drawn(sample))
    return f"{shown}\n\n{_said(sample, spot.signatures)}"


def of_card(evidence: Evidence, signatures: Sequence[SpotCheckSignature]) -> list[str]:
    """Return the model card's section; empty if nobody signed a sample."""
    sample = evidence.spot_check
    if sample is None or not signatures:
        return []
    digest = f"Sample {code(sample.digest())}: {_drawn(sample)}"
    return ["## Spot-check", digest, _said(sample, signatures)]


def _drawn(sample: SpotCheck, *, blind: bool = False) -> str:
    """Return what the rows were drawn from; `blind` hides the seed, which shows whose is whose."""
    seed = "" if blind else f" with seed {code(sample.seed, 100)}"
    source = sample.drawn_from
    against = {"incumbent": "the live version", "base": "the base model"}[sample.against]
    return (
        f"{len(sample.rows)} of {source.rows} held-out rows, drawn at random{seed}: the "
        f"candidate's answers next to those of {against}. Rows with different scores "
        f"({source.other_scores}) were {source.weight_of_other_scores} times as likely as others, "
        f"rows with different texts ({source.other_texts}) {source.weight_of_other_texts} times."
    )


def _left_out(count: int) -> str:
    rows = "1 row is" if count == 1 else f"{count} rows are"
    return f"_{rows} left out here: a comment has room for 65,536 characters. See the evidence._"


def _shortened(limit: int) -> str:
    return f"_Texts longer than {limit} characters are cut here and end with …. See the evidence._"


def _sample(state: ModelState) -> SpotCheck | None:
    return state.evidence.spot_check if state.evidence is not None else None


def _texts(row: SpotRow) -> tuple[str, str, str, str]:
    return row.input, row.expected, row.first, row.second


def _text(text: str, limit: int) -> str:
    return code(text.replace("\n", " ⏎ "), limit)


def _letter(said: str) -> str:
    return _LETTERS.get(said, "–")


def _fitting(
    heads: Sequence[str],
    rows: Callable[[int], list[tuple[str, ...]]],
    sample: SpotCheck,
    budget: int,
    lead: str,
) -> str:
    """Return the table within `budget` characters: it cuts texts first, then rows, and says so."""
    longest = max(len(text) for row in sample.rows for text in _texts(row))
    notes: list[str] = []
    for limit in TEXTS:
        notes = [_shortened(limit)] if longest > limit else []
        whole = "\n\n".join([lead, table(heads, rows(limit)), *notes])
        if len(whole) <= budget:
            return whole
    shown = rows(TEXTS[-1])
    while len(shown) > 1 and len(table(heads, shown)) > budget:
        shown.pop()
    notes.append(_left_out(len(sample.rows) - len(shown)))
    return "\n\n".join([lead, table(heads, shown), *notes])


def _said(sample: SpotCheck, signatures: Sequence[SpotCheckSignature]) -> str:
    """Return a line for each person: what they preferred, and how far the judge agrees."""
    lines = []
    for one in signatures:
        labels = one.labels(sample)
        if labels is None:
            continue
        found = agreement(sample, labels)
        words = [labels.labels.get(row.id) for row in sample.rows]
        better = sum(word == row.candidate for word, row in zip(words, sample.rows, strict=True))
        ties, unsaid = words.count("tie"), words.count(None)
        other = len(words) - better - ties - unsaid
        agreed = agreement_of(one.user, found) if found.rows else nothing_to_agree_on(one.user)
        tally = (
            f"the candidate better on {better}, the other on {other}, {ties} ties, "
            f"{unsaid} undecided"
        )
        told = "; ".join([tally, agreed])
        lines.append(f"- {plain(one.user)}, {plain(one.stated)}: {plain(told, 1000)}")
    return "\n".join(lines)
