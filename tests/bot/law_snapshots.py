"""Snapshots of every kind that laws are tried on: mostly near to green, with anything beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bot.deciding.decide import decide
from bot.facts.actions import (
    Action,
    CloseFreeze,
    CommitRelease,
    OpenFreeze,
    PostCheck,
    RecordMeasured,
    Reply,
    SetLabel,
    UpsertComment,
)
from bot.facts.late import Freeze
from bot.facts.markers import HOLD_LABEL
from bot.facts.model_facts import ModelFacts
from bot.facts.snapshot import (
    ChangedFile,
    Comment,
    Commit,
    IssueEvent,
    PostedCheck,
    Snapshot,
)
from policy.facts.pointer_history import read_pointer
from policy.governed import pointer_path
from policy.people.sign_off import Review, ReviewState
from tests.bot import builders as a
from tests.policy.builders import POLICY

unhurried = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
"""A busy machine is no counterexample."""
PEOPLE = ("ada", "grace", "omar", "ken", "mallory")
STATES: tuple[ReviewState, ...] = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED")
COMMITS = (a.HEAD, "c" * 40, "d" * 40)
STOPS = "stop: {hold: [ml-lead, operations], freeze: [operations]}\n"
OVERRIDES = "override: {roles: [ml-lead], gates: [measurement, parity, quarantine]}\n"
KEPT = POLICY.replace("sign_off:\n", "sign_off:\n  keep_on_same_tree: true\n")
CALENDAR = (
    "calendar:\n  windows: [{days: [mon, tue, wed, thu], start: 09:00, until: 16:00}]\n"
    "  freezes: [{first: 2026-12-21, last: 2027-01-03, reason: Year-end}]\n"
)
PLAIN = POLICY + STOPS + OVERRIDES
POLICIES = (
    POLICY,
    PLAIN,
    KEPT + STOPS + OVERRIDES,
    PLAIN + CALENDAR,
    POLICY.replace("merge: bot", "merge: person") + STOPS,
    POLICY.replace("  rollback:", "  data: {operations: 2}\n  policy: {ml-lead: 1}\n  rollback:"),
)
NOWS = ("2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z", "2026-12-24T12:00:00Z")
"""A Thursday, a Friday, and a day in a freeze."""
OTHER = "spam-filter"


def at(second: int) -> str:
    return f"2026-01-02T04:00:{second:02d}Z"


reviews = st.lists(
    st.builds(
        lambda user, state, commit, order: Review(user, state, commit, order, order, at(order)),
        st.sampled_from(PEOPLE),
        st.sampled_from(STATES),
        st.sampled_from(COMMITS),
        st.integers(4, 30),
    ),
    max_size=4,
    unique_by=lambda review: review.order,
)
signed = [a.approval("grace", order=1), a.approval("omar", order=2), a.approval("ken", order=3)]


def _commands(evidence: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        (
            "/hold not today",
            "/unhold",
            "/unhold",
            "/freeze the registry moves",
            "/unfreeze",
            f"/override measurement {evidence} The customer accepts this.",
            f"/override measurement sha256:{'0' * 64} The customer accepts this.",
            f"/train {a.HEAD}",
            "/cancel",
            "/explain",
            "> /unhold\n\n    /unhold\n",
            "Thank you.",
        )
    )


@st.composite
def comments(draw: st.DrawFn, evidence: str) -> tuple[Comment, ...]:
    """Comments of anybody, some edited, with or without commands; oldest first, as GitHub lists."""
    found = []
    for number in range(draw(st.integers(0, 4))):
        made = at(10 * number + draw(st.integers(0, 9)))
        edited = draw(st.sampled_from((False, False, False, True)))
        found.append(
            Comment(
                number + 1,
                draw(st.sampled_from(PEOPLE)),
                by_bot=False,
                body=draw(_commands(evidence)),
                created=made,
                updated=at(59) if edited else made,
            )
        )
    return tuple(found)


events = st.lists(
    st.builds(
        IssueEvent,
        st.sampled_from(("labeled", "unlabeled", "unlabeled", "base_ref_changed")),
        st.sampled_from((a.BOT, "mallory")),
        st.integers(0, 40).map(at),
        st.just(HOLD_LABEL),
    ),
    max_size=2,
).map(lambda found: tuple(sorted(found, key=lambda event: event.created)))
freezes = st.sampled_from(
    (
        a.Late(),
        a.Late(),
        a.Late(),
        a.Late(Freeze(3, "Soon", at(0), is_open=True)),
        a.Late(Freeze(3, "Soon", at(0), is_open=False, closed_by="omar", closed=at(1))),
        a.Late(Freeze(3, "Soon", at(0), is_open=False, closed_by="ken", closed=at(1))),
    )
)


def _second_model(of: ModelFacts) -> ModelFacts:
    """The same content as a model of another name: its evidence is about the first, so it waits."""
    return replace(of, name=OTHER, runs=())


def green(pull: Snapshot) -> bool:
    checks = a.of_kind(decide(pull), PostCheck)
    return [check.conclusion for check in checks] == ["success"]


def written(pull: Snapshot) -> Snapshot:
    """What GitHub shows once everything that was decided is done, runs and merges aside."""
    for action in decide(pull).actions:
        pull = _after(pull, action)
    return pull


def _after(pull: Snapshot, action: Action) -> Snapshot:
    now = at(58)
    match action:
        case PostCheck():
            status = "completed" if action.conclusion else "in_progress"
            shown = PostedCheck(9, status, action.conclusion, action.fingerprint)
            return replace(pull, checks=(*pull.checks, shown))
        case UpsertComment():
            others = tuple(c for c in pull.comments if c.id != action.existing)
            ours = Comment(action.existing or 900, a.BOT, True, action.body, at(0), now)
            return replace(pull, comments=(*others, ours))
        case Reply():
            number = action.existing or 901 + len(pull.comments)
            others = tuple(c for c in pull.comments if c.id != action.existing)
            said = Comment(number, a.BOT, True, f"{action.marker}\n{action.body}", now, now)
            return replace(pull, comments=(*others, said))
        case SetLabel():
            kind = "labeled" if action.present else "unlabeled"
            labels = pull.labels | {action.label}
            return replace(
                pull,
                labels=labels if action.present else labels - {action.label},
                events=(*pull.events, IssueEvent(kind, a.BOT, now, action.label)),
            )
        case OpenFreeze():
            return replace(pull, late=a.Late(Freeze(30, action.reason, now, is_open=True)))
        case CloseFreeze():
            newest = pull.late.freeze()
            assert newest is not None
            ended = replace(newest, is_open=action.reopen, closed_by=a.BOT, closed=now)
            return replace(pull, late=a.Late(ended))
        case RecordMeasured():
            first = action.record
            models = tuple(
                replace(m, measured=first.evidence) if m.name == first.model else m
                for m in pull.models
            )
            return replace(pull, models=models)
        case CommitRelease():
            return _released(pull, action)
    return pull


def _released(pull: Snapshot, action: CommitRelease) -> Snapshot:
    """The same pull request with the release at its head, which keeps its name here."""
    texts = {change.path: change.text for change in action.files if change.text is not None}
    pointer = texts.get(pointer_path(a.MODEL)) or pull.models[0].head_pointer or ""
    cards = {
        path.removeprefix(f"model_cards/{a.MODEL}/"): a.sha(text)
        for path, text in texts.items()
        if path.startswith("model_cards/")
    }
    evidence = [text for path, text in texts.items() if path.endswith("/" + _record(pointer))]
    head = dict(pull.models[0].head_cards)
    facts = replace(
        pull.models[0],
        head_pointer=pointer,
        head_cards=tuple(sorted({**head, **cards}.items())),
        head_evidence=evidence[0] if evidence else pull.models[0].head_evidence,
    )
    files = dict.fromkeys((*pull.files, *(ChangedFile(path) for path in texts)))
    return replace(pull, models=(facts, *pull.models[1:]), files=tuple(files))


def _record(pointer: str) -> str:
    found = read_pointer(pointer)
    assert found is not None
    return found.evidence.path.rpartition("/")[2]


def _forced() -> Snapshot:
    """A weak candidate that grace let through by name, released so."""
    said = f"/override measurement {a.failing().digest()} The customer accepts this."
    pull = a.snapshot(
        reviews=signed,
        shown=a.failing(),
        released=False,
        policy=PLAIN,
        comments=(Comment(1, "grace", False, said, at(0), at(0)),),
    )
    (release,) = a.of_kind(decide(pull), CommitRelease)
    return _released(pull, release)


@cache
def _started(kind: str) -> tuple[str, Snapshot]:
    """A pull request of some kind, signed by everybody, and the digest of its evidence."""
    if kind in ("back", "lost"):
        shown = a.recovery(share=0.9 if kind == "back" else 0.4)
        return shown.digest(), a.rollback(signed, shown=shown, policy=PLAIN)
    if kind == "forced":
        return a.failing().digest(), _forced()
    if kind == "unmeasured":
        return "sha256:" + "0" * 64, a.snapshot(reviews=signed, measured_yet=False, policy=PLAIN)
    return a.evidence().digest(), a.snapshot(reviews=signed, released=kind == "good", policy=PLAIN)


KINDS = (
    *("good", "good", "good", "good", "back", "back", "forced", "forced"),
    *("unreleased", "unmeasured", "lost"),
)


def _disturbed(draw: st.DrawFn, what: str, pull: Snapshot, evidence: str) -> Snapshot:
    """The pull request with one more thing about it; most of them make it wait."""
    match what:
        case "policy":
            return replace(pull, policy=draw(st.sampled_from(POLICIES)))
        case "calendar":
            return replace(pull, policy=POLICIES[3], now=draw(st.sampled_from(NOWS)))
        case "comments":
            said = tuple(replace(comment, id=100) for comment in pull.comments)
            return replace(pull, comments=(*said, *draw(comments(evidence))))
        case "events":
            return replace(pull, events=draw(events))
        case "freeze":
            return replace(pull, late=draw(freezes))
        case "reviews":
            return replace(pull, reviews=(*pull.reviews, *draw(reviews)))
        case "trees":
            same = "1" if draw(st.booleans()) else "2"
            return replace(
                pull,
                policy=POLICIES[2],
                trees={a.HEAD: "1" * 40, "c" * 40: same * 40},
                reviews=tuple(replace(review, commit="c" * 40) for review in pull.reviews),
            )
        case "rules":
            return replace(pull, files=(*pull.files, ChangedFile("policy/policy.yml")))
        case "models":
            more = ChangedFile(f"models/{OTHER}/data/train.jsonl")
            second = _second_model(pull.models[0])
            return replace(pull, models=(*pull.models, second), files=(*pull.files, more))
        case "commits":
            made = Commit("e" * 40, (draw(st.sampled_from(PEOPLE)),))
            return replace(pull, commits=(*pull.commits, made))
        case "draft":
            return replace(pull, pull=replace(pull.pull, draft=True))
        case "roles":
            everybody = frozenset(PEOPLE[1:])
            return replace(pull, roles={"ml-lead": everybody, "operations": everybody})
        case "checks":
            old = PostedCheck(1, "completed", "failure", "sha256:other")
            return replace(pull, checks=(old,))
        case "labels":
            return replace(pull, labels=frozenset({HOLD_LABEL}))
        case _:
            return pull


DISTURBANCES = (
    *("policy", "calendar", "comments", "comments", "events", "freeze", "reviews", "trees"),
    *("rules", "models", "commits", "draft", "roles", "checks", "labels", "nothing"),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Return a pull request that is green but for what was drawn to be otherwise."""
    evidence, pull = _started(draw(st.sampled_from(KINDS)))
    for what in draw(st.lists(st.sampled_from(DISTURBANCES), max_size=3)):
        pull = _disturbed(draw, what, pull, evidence)
    return pull
