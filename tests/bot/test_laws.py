"""Laws of deciding, whatever the facts are."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.deciding.decide import decide
from bot.facts import comment_commands
from bot.facts.actions import (
    CancelRun,
    CommitRelease,
    DispatchRun,
    Merge,
    OpenIncident,
    PostCheck,
    RecordSignOff,
    UpsertComment,
)
from bot.facts.snapshot import Comment, Commit, IssueEvent, PostedCheck, Snapshot
from policy.people.sign_off import Review
from policy.verdict import Finding, Outcome
from tests.bot import builders as a
from tests.bot.builders import of_kind
from tests.bot.law_snapshots import PEOPLE, at, green, snapshots, unhurried, written

thorough = settings(unhurried, max_examples=150)
STOPS = ("hold", "freeze")
GRANTS = ("override", "unhold", "unfreeze")


def leaves(finding: Finding) -> list[tuple[str, Outcome]]:
    return sorted((leaf.name, leaf.outcome) for leaf in finding.leaves())


@unhurried
@given(snapshots())
def test_deciding_twice_agrees(pull: Snapshot) -> None:
    event(f"green: {green(pull)}")
    assert decide(pull) == decide(pull)


@unhurried
@given(snapshots(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_listed_changes_nothing(
    pull: Snapshot, chance: random.Random
) -> None:
    """Reviews carry their place, comments and events their time; all else is a set."""

    turned = replace(
        pull,
        reviews=tuple(chance.sample(pull.reviews, len(pull.reviews))),
        comments=tuple(chance.sample(pull.comments, len(pull.comments))),
        files=tuple(chance.sample(pull.files, len(pull.files))),
        commits=tuple(chance.sample(pull.commits, len(pull.commits))),
        models=tuple(chance.sample(pull.models, len(pull.models))),
        keys=tuple(chance.sample(pull.keys, len(pull.keys))),
    )
    one, other = decide(pull), decide(turned)
    assert leaves(one.verdict) == leaves(other.verdict)
    assert [c.conclusion for c in of_kind(one, PostCheck)] == [
        c.conclusion for c in of_kind(other, PostCheck)
    ]
    assert {type(action) for action in one.actions} == {type(action) for action in other.actions}


def _silent(pull: Snapshot, who: str) -> bool:
    """Whether somebody neither asked for changes nor stopped anything: their going is no relief."""
    objected = any(r.user == who and r.state == "CHANGES_REQUESTED" for r in pull.reviews)
    stopped = any(c.author == who for c in comment_commands.heard(pull.comments, *STOPS))
    return not objected and not stopped


def _without_reviews(pull: Snapshot, who: str) -> Snapshot:
    """Another review by the same person may lie below, so the person's reviews all go."""
    kept = tuple(review for review in pull.reviews if review.user != who)
    return replace(pull, reviews=kept) if _silent(pull, who) else pull


def _objecting(pull: Snapshot, who: str) -> Snapshot:
    more = Review(who, "CHANGES_REQUESTED", a.HEAD, 99, 99, at(55))
    return replace(pull, reviews=(*pull.reviews, more))


def _dismissed(pull: Snapshot, who: str) -> Snapshot:
    if not _silent(pull, who):
        return pull
    return replace(pull, reviews=(*pull.reviews, Review(who, "DISMISSED", a.HEAD, 99, 99, at(55))))


def _with_a_commit(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, commits=(*pull.commits, Commit("e" * 40, (who,))))


def _with_a_stranger(pull: Snapshot, who: str) -> Snapshot:
    more = Commit("e" * 40, (), (f"{who}@elsewhere.example",))
    return replace(pull, commits=(*pull.commits, more))


def _without_a_role(pull: Snapshot, who: str) -> Snapshot:
    roles = {role: logins - {who} for role, logins in pull.roles.items()}
    return replace(pull, roles=roles) if _silent(pull, who) else pull


def _without_access(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, writers=pull.writers - {who}) if _silent(pull, who) else pull


def _retargeted(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, events=(*pull.events, IssueEvent("base_ref_changed", who, at(56))))


def _held(pull: Snapshot, who: str) -> Snapshot:
    said = Comment(800, who, False, "/hold wait for the audit", at(57), at(57))
    return replace(pull, comments=(*pull.comments, said))


def _edited(pull: Snapshot, who: str) -> Snapshot:
    """Every comment of one person that grants something was edited; stops stay as they are."""
    return replace(
        pull,
        comments=tuple(
            replace(comment, updated=at(59))
            if comment.author == who
            and {c.name for c in comment_commands.commands_of(comment)} & set(GRANTS)
            else comment
            for comment in pull.comments
        ),
    )


def _unkeyed(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, keys=(f"the key of {who}",))


def _unread(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, commits_truncated=True) if who == "ada" else replace(pull, policy=None)


def _in_conflict(pull: Snapshot, who: str) -> Snapshot:
    return replace(pull, pull=replace(pull.pull, mergeable=False))


def _moved(pull: Snapshot, who: str) -> Snapshot:
    """The base branch got other inputs meanwhile."""
    facts = pull.models[0]
    inputs = tuple((path, a.sha(who)) for path, _ in facts.base_inputs)
    return replace(pull, models=(replace(facts, base_inputs=inputs), *pull.models[1:]))


def _other_inputs(pull: Snapshot, who: str) -> Snapshot:
    """The head holds a file that nobody measured."""
    facts = pull.models[0]
    inputs = tuple(sorted((*facts.head_inputs, (f"data/{who}.jsonl", a.sha(who)))))
    return replace(pull, models=(replace(facts, head_inputs=inputs), *pull.models[1:]))


WORSE: tuple[Callable[[Snapshot, str], Snapshot], ...] = (
    _without_reviews,
    _objecting,
    _dismissed,
    _with_a_commit,
    _with_a_stranger,
    _without_a_role,
    _without_access,
    _retargeted,
    _held,
    _edited,
    _unkeyed,
    _unread,
    _in_conflict,
    _moved,
    _other_inputs,
)


@thorough
@given(snapshots(), st.sampled_from(WORSE), st.sampled_from(PEOPLE))
def test_nothing_that_is_taken_away_turns_red_to_green(
    pull: Snapshot, worsen: Callable[[Snapshot, str], Snapshot], who: str
) -> None:
    """Fewer signatures, roles or rights, one more hand or stop in it: never a way through."""
    before, after = green(pull), green(worsen(pull, who))
    event(f"{worsen.__name__}: {before} to {after}")
    assert before or not after


@thorough
@given(snapshots())
def test_a_merge_is_asked_for_only_after_the_record_and_a_green_check(pull: Snapshot) -> None:
    decision = decide(pull)
    kinds = [type(action) for action in decision.actions]
    if Merge not in kinds:
        assert (
            pull.pull.draft
            or not green(pull)
            or "merge: person" in (pull.policy or "")
            or (not any(model.head_pointer != model.base_pointer for model in pull.models))
        )
        return
    assert kinds[-1] is Merge
    assert green(pull)
    (check,) = of_kind(decision, PostCheck)
    (merge,) = of_kind(decision, Merge)
    assert merge.head == check.head == pull.pull.head_sha
    assert kinds.index(RecordSignOff) < kinds.index(PostCheck) < kinds.index(Merge)
    posted = PostedCheck(1, "completed", "success", check.fingerprint)
    again = decide(replace(pull, checks=(posted,)))
    assert of_kind(again, Merge) == [merge]
    assert not of_kind(again, RecordSignOff)


@unhurried
@given(snapshots())
def test_a_run_or_a_release_is_never_decided_beside_a_merge(pull: Snapshot) -> None:
    decision = decide(pull)
    if of_kind(decision, Merge):
        assert not of_kind(decision, DispatchRun)
        assert not of_kind(decision, CommitRelease)


@unhurried
@given(snapshots())
def test_what_was_written_is_not_written_again(pull: Snapshot) -> None:
    """Each round only what follows from the round before it; after a few there is rest."""
    rounds = [pull]
    for _ in range(4):
        rounds.append(written(rounds[-1]))
    last = decide(rounds[-1])
    for action in last.actions:
        match action:
            case PostCheck():
                newest = rounds[-1].checks[-1]
                assert newest.fingerprint == action.fingerprint
                assert newest.conclusion == action.conclusion
            case UpsertComment():
                assert action.shown == action.body
            case OpenIncident() | DispatchRun() | Merge() | CancelRun():
                pass  # found again by marker, key, head and state
            case _:
                raise AssertionError(f"decided again: {action}")
    for before, after in pairwise(rounds[-2:]):
        assert leaves(decide(before).verdict) == leaves(decide(after).verdict)


def test_the_laws_are_tried_on_what_is_green() -> None:
    """Laws over red snapshots alone would say little."""
    found: list[bool] = []

    @settings(unhurried, database=None, derandomize=True)
    @given(snapshots())
    def look(pull: Snapshot) -> None:
        found.append(green(pull))

    look()
    assert sum(found) >= len(found) // 8
    assert sum(found) <= len(found) * 7 // 8
