"""Who signed the samples, read from comments: `/spot-check DIGEST A B = ?`, a mark for each row.

It names the sample by its digest and counts for the present evidence only: a comment from before
that was measured says nothing about it. A comment counts whole or not at all. The answer to one
that does not count gives every reason, once, and it stays refused: anyone who gets the role later
has to write it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.deciding import signing
from bot.facts import comment_commands
from bot.facts.actions import Reply
from bot.facts.answer_limits import within_limits
from bot.facts.bot_sentences import LEAST_DIGITS, sample_name, spot_check_command
from bot.facts.comment_commands import Command
from bot.facts.markers import SPOT_CHECK_MARKER, answer_marker
from bot.facts.model_state import ModelState, SpotCheckPart
from bot.facts.role_holders import holders, involved, writers
from bot.facts.snapshot import Comment, Snapshot
from countersign_ml.markdown import code
from policy.facts.evidence import Evidence
from policy.facts.spot_check import SpotCheck
from policy.files.rules import Policy
from policy.files.win_rate_rules import SpotCheckRules
from policy.people.spot_check_signatures import (
    CANNOT_SAY,
    MARKS,
    SpotCheckSignature,
    judge_spot_check,
    says_enough,
    signers,
)

_DIGEST = re.compile(rf"(?:sha256:)?([0-9a-f]{{{LEAST_DIGITS},64}})")
_MARKS = re.compile(f"[{re.escape(''.join(MARKS))}ab]+")
SHOWN_MARKS = 5
SIGNED_ALREADY = (
    "you signed this sample before, and that stands: whose answers they were may have been shown "
    "since"
)


@dataclass(frozen=True)
class Open:
    """A sample that may be signed: whose, in which evidence, and since when that is there."""

    model: str
    evidence: str
    sample: SpotCheck
    digest: str
    since: str


@dataclass(frozen=True)
class Stated:
    """What one comment says: the signatures that it gives, or why it gives none."""

    comment: Comment
    signatures: tuple[SpotCheckSignature, ...]
    defects: tuple[str, ...]


def consider(
    snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]
) -> tuple[SpotCheckPart | None, ...]:
    """Return who signed the sample of each model; None for a model that needs no spot-check."""
    rules = policy.spot_check
    if rules is None:
        return (None,) * len(states)
    facts = signing.facts_of(snapshot, None)
    samples = _open(states)
    given = [
        signature for stated in _stated(snapshot, rules, samples) for signature in stated.signatures
    ]
    found: list[SpotCheckPart | None] = []
    for state in states:
        if state.kind != "promote":
            found.append(None)
            continue
        given_here = [one for one in given if one.model == state.model]
        evidence = _judged(state)
        finding = judge_spot_check(rules, state.model, evidence, given_here, facts)
        counted = signers(rules, evidence, given_here, facts) if evidence is not None else {}
        signatures = tuple(counted[login] for login in sorted(counted))
        found.append(SpotCheckPart(finding, signatures))
    return tuple(found)


def _judged(state: ModelState) -> Evidence | None:
    """Return the evidence; a run that stopped early drew no sample, which is no fault of it."""
    evidence = state.evidence
    if evidence is not None and evidence.spot_check is None:
        return evidence if state.finding.outcome.lets_through else None
    return evidence


def replies(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> tuple[Reply, ...]:
    """Return an answer to every `/spot-check` that does not count and has no answer yet.

    Only people with write access or a part in the proposal get one: nobody else, and no other App,
    can make the bot write.
    """
    may = writers(snapshot) | involved(snapshot)
    samples = _open(states)
    found = []
    refused = [
        stated
        for stated in _stated(snapshot, policy.spot_check, samples)
        if stated.defects and stated.comment.author.lower() in may
    ]
    kept = within_limits(stated.comment for stated in refused)
    for stated in refused:
        author = stated.comment.author.lower()
        if stated.comment.id in kept and not author.endswith("[bot]"):
            defects = "\n".join(f"- {defect}" for defect in stated.defects)
            lines = ["This `/spot-check` does not count:", defects]
            if samples and policy.spot_check is not None:
                lines.append("Write it again, in a new comment:")
                lines += [
                    f"    {spot_check_command(one.digest, len(one.sample.rows))}" for one in samples
                ]
            marker = answer_marker(SPOT_CHECK_MARKER, stated.comment.id)
            found.append(Reply(snapshot.pull.number, marker, "\n\n".join(lines) + "\n"))
    return tuple(reply for reply in found if reply.marker not in _markers(snapshot))


def _open(states: Sequence[ModelState]) -> tuple[Open, ...]:
    return tuple(
        Open(
            state.model,
            state.evidence.digest(),
            state.evidence.spot_check,
            state.evidence.spot_check.digest(),
            state.judged.measured_since,
        )
        for state in states
        if state.kind == "promote"
        and state.evidence is not None
        and state.evidence.spot_check is not None
    )


def _markers(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(c.body.partition("\n")[0] for c in snapshot.comments if c.by_bot)


def _answered(snapshot: Snapshot, comment: Comment) -> bool:
    return answer_marker(SPOT_CHECK_MARKER, comment.id) in _markers(snapshot)


def _stated(
    snapshot: Snapshot, rules: SpotCheckRules | None, samples: Sequence[Open]
) -> tuple[Stated, ...]:
    """Return what every comment with the command gives, oldest first.

    One that an answer refused gives no signature any more, and a person's first signature stands.
    """
    by_comment: dict[int, list[Command]] = {}
    for command in comment_commands.heard(snapshot.comments, "spot-check", edited=True):
        by_comment.setdefault(command.comment.id, []).append(command)
    found: list[Stated] = []
    signed: set[tuple[str, str]] = set()
    for given in by_comment.values():
        stated = _of_comment(snapshot, rules, samples, given)
        author = stated.comment.author.lower()
        if any((author, one.model) in signed for one in stated.signatures):
            stated = replace(stated, defects=(*stated.defects, SIGNED_ALREADY))
        if stated.defects or _answered(snapshot, stated.comment):
            stated = replace(stated, signatures=())
        signed |= {(author, one.model) for one in stated.signatures}
        found.append(stated)
    return tuple(found)


def _of_comment(
    snapshot: Snapshot,
    rules: SpotCheckRules | None,
    samples: Sequence[Open],
    commands: Sequence[Command],
) -> Stated:
    comment = commands[0].comment
    if rules is None:
        return Stated(comment, (), ("the policy of the base branch requires no spot-check",))
    defects = dict.fromkeys(_against(snapshot, rules, commands[0]))
    signatures: list[SpotCheckSignature] = []
    for command in commands:
        found, wrong = _read(command, samples)
        defects.update(dict.fromkeys(wrong))
        signatures += found
    return Stated(comment, tuple(signatures), tuple(defects))


def _against(snapshot: Snapshot, rules: SpotCheckRules, command: Command) -> list[str]:
    """Return what speaks against the person and the comment, whatever it says."""
    found = []
    if command.comment.edited:
        found.append(
            "the comment was edited. Anyone with write access can edit the comments of others, so "
            "only a comment that nobody edited counts"
        )
    if command.author in involved(snapshot):
        found.append("nobody who has a part in a proposal can sign its sample")
    if command.author not in holders(snapshot, rules.sign):
        roles = " or ".join(sorted(rules.sign))
        found.append(f"only people with write access and the role {roles} can sign it")
    return found


def _read(command: Command, samples: Sequence[Open]) -> tuple[list[SpotCheckSignature], list[str]]:
    """Return the signatures that one command gives, and everything that is wrong with it."""
    named, *words = re.split(r"[\s,]+", command.argument.strip())
    marks, defects = _marks(words)
    chosen, problem = chosen_by(named, samples)
    if problem:
        defects.insert(0, problem)
    about = chosen or (tuple(samples) if len(samples) == 1 else ())
    rows = {len(one.sample.rows) for one in about}
    defects += [_wrong_count(len(marks), count) for count in rows - {len(marks)}]
    if any(command.comment.created < one.since for one in chosen):
        defects.append("it was written before this evidence was measured")
    if not defects and not says_enough(marks):
        defects.append(
            "it cannot say for more than half of the rows; a signature must decide at least half"
        )
    if defects:
        return [], defects
    return [
        SpotCheckSignature(
            model=one.model,
            evidence=one.evidence,
            sample=one.digest,
            user=command.comment.author,
            marks="".join(marks),
            comment=command.comment.id,
            stated=command.comment.created,
        )
        for one in chosen
    ], []


def _marks(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a mark for each row, and what cannot be read; marks need no space between them."""
    marks: list[str] = []
    odd: list[tuple[int, str]] = []
    for word in words:
        if _MARKS.fullmatch(word):
            marks += word.upper()
        elif word:
            marks.append(CANNOT_SAY)
            odd.append((len(marks), word))
    if not odd:
        return marks, []
    return marks, [_unknown_marks(odd[:SHOWN_MARKS], max(0, len(odd) - SHOWN_MARKS))]


def chosen_by(named: str, samples: Sequence[Open]) -> tuple[tuple[Open, ...], str]:
    """Return the samples of the one digest that begins so, or why there is none."""
    match = _DIGEST.fullmatch(named.lower())
    if not samples:
        return (), (
            "there is no sample to sign. It comes with the evidence, and earlier comments do not "
            "count then"
        )
    if match is None:
        return (), _no_digest(named)
    found = tuple(one for one in samples if one.digest.startswith(f"sha256:{match[1]}"))
    if not found:
        return (), _unknown(match[1], samples)
    if len({one.digest for one in found}) > 1:
        return (), _ambiguous(match[1], found)
    return found, ""


def _wrong_count(given: int, rows: int) -> str:
    marks = "1 mark" if given == 1 else f"{given} marks"
    wanted = "1 row" if rows == 1 else f"{rows} rows"
    return f"it has {marks} for {wanted}; write one for each row, in order and in one line"


def _unknown_marks(found: Sequence[tuple[int, str]], more: int) -> str:
    """Return which marks cannot be read, from pairs of place (from 1) and text."""
    listed = ", ".join(f"{code(text, 20)} at {place}" for place, text in found)
    rest = f" and {more} more" if more else ""
    return f"{listed}{rest}: a mark is A or B (the better answer), = (a tie) or ? (cannot say)"


def _no_digest(given: str) -> str:
    if not given:
        return (
            f"it names no sample: the first {LEAST_DIGITS} or more digits of the sample's digest "
            "come first"
        )
    return (
        f"{code(given)} is no digest of a sample: give the first {LEAST_DIGITS} or more of its "
        "digits, which are 0-9 and a-f"
    )


def _unknown(given: str, samples: Sequence[Open]) -> str:
    there = ", ".join(f"{code(sample_name(one.digest))} of {code(one.model)}" for one in samples)
    return f"{code(given)} is not the sample that is here now; here is {there}"


def _ambiguous(given: str, samples: Sequence[Open]) -> str:
    named = ", ".join(
        f"{code(one.digest.removeprefix('sha256:'))} of {one.model}" for one in samples
    )
    return f"{code(given)} may be several samples: write the whole digest ({named})"
