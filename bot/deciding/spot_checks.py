"""Who signed the samples, read from comments: `/spot-check DIGEST A B = ?`, a mark for each row.

It names the sample by its digest and counts for the evidence that is there: a comment from before
that was measured says nothing of it. A comment counts whole or not at all, every reason against it
is answered once, and what was answered so stays refused: whoever is given the role later has to say
it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.deciding import signing
from bot.deciding import spot_check_messages as say
from bot.deciding.stops import holders, involved
from bot.facts import comment_commands
from bot.facts.actions import Reply
from bot.facts.comment_commands import Command
from bot.facts.model_state import ModelState, SpotCheckState
from bot.facts.snapshot import Comment, Snapshot
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

_DIGEST = re.compile(rf"(?:sha256:)?([0-9a-f]{{{say.LEAST_DIGITS},64}})")
_MARKS = re.compile(f"[{re.escape(''.join(MARKS))}ab]+")
SHOWN_MARKS = 5


@dataclass(frozen=True)
class Open:
    """A sample that may be signed: whose, in which evidence, and since when that is there."""

    model: str
    evidence: str
    sample: SpotCheck
    digest: str
    since: str

    @property
    def named(self) -> tuple[str, str]:
        return self.model, self.digest


@dataclass(frozen=True)
class Stated:
    """What one comment says: the signatures that it gives, or why it gives none."""

    comment: Comment
    signatures: tuple[SpotCheckSignature, ...]
    defects: tuple[str, ...]


def consider(
    snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]
) -> tuple[ModelState, ...]:
    """Return the states, each promotion with who signed its sample, where the policy asks that."""
    rules = policy.spot_check
    if rules is None:
        return tuple(states)
    facts = signing.facts_of(snapshot, None)
    samples = _open(states)
    given = [
        signature for stated in _stated(snapshot, rules, samples) for signature in stated.signatures
    ]
    found = []
    for state in states:
        if state.kind != "promote":
            found.append(state)
            continue
        given_here = [one for one in given if one.model == state.model]
        evidence = _judged(state)
        finding = judge_spot_check(rules, state.model, evidence, given_here, facts)
        counted = signers(rules, evidence, given_here, facts) if evidence is not None else {}
        signatures = tuple(counted[login] for login in sorted(counted))
        found.append(replace(state, spot_check=SpotCheckState(finding, signatures)))
    return tuple(found)


def _judged(state: ModelState) -> Evidence | None:
    """Return the evidence; a run that stopped early drew no sample, which is no defect of it."""
    evidence = state.evidence
    if evidence is not None and evidence.spot_check is None:
        return evidence if state.finding.outcome.lets_through else None
    return evidence


def replies(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> tuple[Reply, ...]:
    """Return an answer to every `/spot-check` that does not count and has no answer yet.

    Those are answered who may write or have a part in the proposal: nobody else, and no other App,
    can make the bot write.
    """
    may = {login.lower() for login in snapshot.writers} | involved(snapshot)
    samples = _open(states)
    found = []
    for stated in _stated(snapshot, policy.spot_check, samples):
        author = stated.comment.author.lower()
        if stated.defects and author in may and not author.endswith("[bot]"):
            lines = [say.REFUSED, "\n".join(f"- {defect}" for defect in stated.defects)]
            if samples and policy.spot_check is not None:
                lines.append(say.AGAIN)
                lines += [f"    {say.example(one.digest, len(one.sample.rows))}" for one in samples]
            marker = say.marker(stated.comment.id)
            found.append(Reply(snapshot.pull.number, marker, "\n\n".join(lines) + "\n"))
    return tuple(reply for reply in found if reply.marker not in _markers(snapshot))


def _open(states: Sequence[ModelState]) -> tuple[Open, ...]:
    return tuple(
        Open(
            state.model,
            state.evidence.digest(),
            state.evidence.spot_check,
            state.evidence.spot_check.digest(),
            state.measured_since,
        )
        for state in states
        if state.kind == "promote"
        and state.evidence is not None
        and state.evidence.spot_check is not None
    )


def _markers(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(c.body.partition("\n")[0] for c in snapshot.comments if c.by_bot)


def _answered(snapshot: Snapshot, comment: Comment) -> bool:
    return say.marker(comment.id) in _markers(snapshot)


def _stated(
    snapshot: Snapshot, rules: SpotCheckRules | None, samples: Sequence[Open]
) -> tuple[Stated, ...]:
    """Return what every comment with the command comes to, oldest first.

    One that was refused in an answer gives no signature any more, and a person's first stands.
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
            stated = replace(stated, defects=(*stated.defects, say.SIGNED_ALREADY))
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
        return Stated(comment, (), (say.NOT_ASKED,))
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
        found.append(say.EDITED)
    if command.author in involved(snapshot):
        found.append(say.INVOLVED)
    if command.author not in holders(snapshot, rules.sign):
        found.append(say.wrong_role(sorted(rules.sign)))
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
    defects += [say.wrong_count(len(marks), count) for count in rows - {len(marks)}]
    if any(command.comment.created < one.since for one in chosen):
        defects.append(say.TOO_EARLY)
    if not defects and not says_enough(marks):
        defects.append(say.TOO_LITTLE)
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
    """Return a mark for each row, and what cannot be read; marks may stand close together."""
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
    return marks, [say.unknown_marks(odd[:SHOWN_MARKS], max(0, len(odd) - SHOWN_MARKS))]


def chosen_by(named: str, samples: Sequence[Open]) -> tuple[tuple[Open, ...], str]:
    """Return the samples of the one digest that begins so, or why there is none."""
    match = _DIGEST.fullmatch(named.lower())
    if not samples:
        return (), say.NOTHING_THERE
    if match is None:
        return (), say.too_short(named) if named else say.NO_DIGEST
    found = tuple(one for one in samples if one.digest.startswith(f"sha256:{match[1]}"))
    if not found:
        return (), say.unknown(match[1], [one.named for one in samples])
    if len({one.digest for one in found}) > 1:
        return (), say.ambiguous(match[1], [one.named for one in found])
    return found, ""
