"""Every state that a pull request can be in, as a snapshot, by name."""

from __future__ import annotations

from dataclasses import replace

from bot.facts.late import Freeze
from bot.facts.snapshot import (
    ChangedFile,
    Comment,
    Commit,
    IssueEvent,
    Snapshot,
)
from policy.facts.evidence import Evidence
from tests.bot import builders as a
from tests.bot.builders import objection, rollback, signed, snapshot
from tests.policy import spot_checks
from tests.policy.builders import POLICY

LATER = "2026-01-02T05:00:00Z"
STOPPING = POLICY + "stop: {hold: [ml-lead, operations], freeze: [operations]}\n"
FORCING = POLICY + "override: {roles: [ml-lead], gates: [measurement]}\n"
CLOSED = POLICY + (
    "calendar:\n"
    "  timezone: Europe/Berlin\n"
    "  windows: [{days: [mon, tue], start: '09:00', until: '16:00'}]\n"
)
THRIFTY = POLICY + (
    "budget: {max_hours: 1, tokens_per_second: 10, price_per_hour: 2, roles: [ml-lead]}\n"
)


def comment(author: str, body: str, number: int = 50, updated: str = LATER) -> Comment:
    return Comment(number, author, by_bot=False, body=body, created=LATER, updated=updated)


def forced(*bodies: tuple[str, str], **changes: object) -> Snapshot:
    """A worse candidate under a policy that lets the ML lead force the measurement."""
    said = tuple(comment(who, body, 50 + n) for n, (who, body) in enumerate(bodies))
    found = {"policy": FORCING, "comments": said, "released": False, **changes}
    return snapshot(shown=a.failing(), **found)  # type: ignore[arg-type]


def command(evidence: Evidence) -> str:
    return f"/override measurement {evidence.digest()} The rows that fell were retired in March."


def frozen() -> a.Late:
    return a.Late(Freeze(12, "audit week", "2026-01-01T00:00:00Z", is_open=True))


def sized(size: int) -> dict[str, object]:
    return {"head_sizes": (("data/train.jsonl", size),)}


def reading(*bodies: tuple[str, str]) -> Snapshot:
    """A sample waits, or was signed; the judge and people may say other things of it."""
    said = tuple(comment(who, body, 60 + n) for n, (who, body) in enumerate(bodies))
    shown = a.evidence(spot_check=spot_checks.sample())
    return snapshot(
        shown=shown,
        released=False,
        policy=POLICY.replace("[grace]", "[grace, linus]") + spot_checks.SECTION,
        comments=said,
        writers=frozenset({"ada", "grace", "linus", "omar", "ken"}),
        roles={"ml-lead": frozenset({"grace", "linus"}), "operations": frozenset({"omar"})},
    )


def reads(marks: str) -> str:
    return f"/spot-check {spot_checks.sample().digest()[7:19]} {marks}"


STATES: dict[str, Snapshot] = {
    "outsider": snapshot(measured_yet=False, pull_changes={"author_can_write": False}),
    "fork": snapshot(measured_yet=False, pull_changes={"head_repository": "mallory/models"}),
    "draft": snapshot(measured_yet=False, pull_changes={"draft": True}),
    "held": snapshot(
        reviews=signed(),
        policy=STOPPING,
        comments=(comment("grace", "/hold the label set is under discussion"),),
        events=(IssueEvent("labeled", a.BOT, LATER, "countersign: hold"),),
        labels=frozenset({"countersign: hold"}),
    ),
    "frozen": snapshot(reviews=signed(), policy=STOPPING, late=frozen()),
    "outside-window": snapshot(reviews=signed(), policy=CLOSED),
    "over-budget": snapshot(measured_yet=False, policy=THRIFTY, facts_changes=sized(10_000_000)),
    "nobody-can-sign": snapshot(
        measured_yet=False, codeowners="* @ada\n/models/*/data/ @acme/unread data@example.com\n"
    ),
    "may-be-forced": forced(),
    "forced": forced(("grace", command(a.failing()))),
    "not-forced": forced(("ada", command(a.failing())), ("omar", command(a.failing()))),
    "objection": snapshot(reviews=[*signed(), objection("grace", order=2)]),
    "unknown-committer": snapshot(
        reviews=signed(), commits=(Commit("c" * 40, ("ada",), ("someone@example.com",)),)
    ),
    "base-changed": snapshot(
        reviews=signed(), events=(IssueEvent("base_ref_changed", "ada", LATER),)
    ),
    "conflict": snapshot(reviews=signed(), pull_changes={"mergeable": False}),
    "rules": snapshot(
        files=(ChangedFile("policy/policy.yml"), ChangedFile(".github/CODEOWNERS")), models=()
    ),
    "rules-broken": snapshot(
        files=(ChangedFile("policy/policy.yml"),), models=(), head_policy="version: 1\nroles: {}\n"
    ),
    "policy-missing": snapshot(policy=None),
    "key-missing": snapshot(reviews=signed(), keys=()),
    "too-many-files": snapshot(files_truncated=True),
    "pointer-by-hand": snapshot(
        files=(ChangedFile(f"models/{a.MODEL}/pointer.json"),), released=False
    ),
    "nothing-governed": snapshot(files=(ChangedFile("README.md"),), models=()),
    "other-base": snapshot(pull_changes={"base_ref": "next"}),
    "spot-check-awaited": reading(),
    "spot-check-refused": reading(("ada", reads("A A C")), ("ken", "/spot-check 12 A B = ?")),
    "spot-check-disagreement": a.after_release(reading(("grace", reads("B B = A")))),
    "rollback-waiting": rollback(),
    "rollback-fell-short": rollback(shown=a.recovery(share=0.5)),
    "rollback-partial": rollback(shown=a.recovery(), facts_changes={"head_inputs": a.inputs(2)}),
    "unsanctioned": snapshot(
        pull_changes={
            "state": "closed",
            "merged": True,
            "merge_sha": "f" * 40,
            "merged_by": "omar",
        },
    ),
}


def explained() -> Snapshot:
    """Somebody asks why, while signatures are awaited."""
    return replace(snapshot(), comments=(comment("ken", "/explain"),))
