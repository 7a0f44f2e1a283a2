"""Snapshots as a test wants them: released and not yet signed, unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bot.deciding.decide import decide
from bot.deciding.release_files import release_texts
from bot.facts import proposed
from bot.facts.actions import FINETUNE, ROLLBACK, CommitRelease, PostCheck, UpsertComment, run_title
from bot.facts.late import Freeze
from bot.facts.model_facts import ModelFacts, Run
from bot.facts.proposed import head_proposal
from bot.facts.snapshot import ChangedFile, Commit, PullFacts, Snapshot
from policy.canonical import git_blob_sha
from policy.facts.evidence import (
    ArtifactFacts,
    Evidence,
    Incumbent,
    Measurement,
    PairedCounts,
    StageFacts,
)
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.proposal import run_key
from policy.gates.judge import RECOVERY_STAGES
from policy.governed import WORKFLOWS, card_path, evidence_path, pointer_path
from policy.people.sign_off import Review
from tests.policy import builders as measured

MODEL = measured.MODEL
REPOSITORY = "acme/models"
BOT = "countersign[bot]"
HEAD = "a" * 40
BASE = "b" * 40
RECIPE = f"base_model: models/{MODEL}/base\nquantization: Q8_0\n"
CARD = """---
license: CC0-1.0
language: en
configs:
  - config_name: default
    data_files:
      - {split: train, path: train.jsonl}
      - {split: test, path: test.jsonl}
countersign:
  source: synthetic
  owner: ada
  version: "1"
  guidelines: guidelines.md
  review_cadence: quarterly
  consent: not personal
  classification: public
---
Tickets.
"""
KEY = "-----BEGIN PUBLIC KEY-----\nbot\n-----END PUBLIC KEY-----\n"
CODEOWNERS = "* @grace\n/models/*/pointer.json @omar\n"
ARTIFACTS = {1: "sha256:" + "1" * 64, 2: measured.CANDIDATE, 3: "sha256:" + "3" * 64}


@dataclass(frozen=True)
class Late:
    """Late facts that are known from the start."""

    newest: Freeze | None = None
    changed: bool = False

    def freeze(self, until: str = "") -> Freeze | None:
        return self.newest

    def attempts_changed(self) -> bool:
        return self.changed


def sha(text: str) -> str:
    return git_blob_sha(text.encode())


def inputs(version: int = 2, **more: str) -> tuple[tuple[str, str], ...]:
    """The inputs of the version-th proposal; the data is what differs."""
    files = {
        "recipe.yml": sha(RECIPE),
        "base/base.yml": sha("base"),
        "data/README.md": sha(CARD),
        "data/train.jsonl": sha(f"rows of {version}"),
        "data/test.jsonl": sha("held out"),
    }
    return tuple(sorted({**files, **more}.items()))


def facts_of(version: int) -> ModelFacts:
    return ModelFacts(MODEL, head_inputs=inputs(version), recipe=RECIPE, dataset_card=CARD)


def evidence(version: int = 2, **changes: Any) -> Evidence:
    """Evidence of the version-th proposal, measured against the version before it."""
    artifact = ARTIFACTS[version]
    before = None
    if version > 1:
        old = pointer(version - 1)
        before = Incumbent(version=old.version, artifact=old.artifact.digest)
    candidate = measured.measurement("candidate", artifact, 0.9)
    subjects: tuple[Measurement, ...] = (measured.measurement("base", measured.BASE, 0.0),)
    if before is not None:
        subjects += (measured.measurement("incumbent", before.artifact, 0.51),)
    facts: dict[str, Any] = {
        "proposal": head_proposal(facts_of(version)),
        "incumbent": before,
        "measurements": (*subjects, candidate),
        "artifacts": (
            ArtifactFacts(
                name="model.gguf",
                digest=artifact,
                size=1_400_000,
                uri=f"file:///registry/{artifact}",
                media="gguf",
                quantisation="Q8_0",
            ),
        ),
    }
    return measured.evidence(**{**facts, **changes})


def failing(version: int = 2) -> Evidence:
    """Evidence of a candidate that is plainly worse than the incumbent."""
    worse = evidence(version).measurements
    subjects = (*worse[:-1], measured.measurement("candidate", ARTIFACTS[version], 0.30))
    comparison = measured.compared().model_copy(
        update={"counts": PairedCounts(both=80, only_first=73, only_second=10, neither=137)}
    )
    return evidence(version, measurements=subjects, comparisons=(comparison,))


def pointer(version: int) -> Pointer:
    found = pointer_of(evidence(version))
    assert found is not None
    return found


def release_files(facts: ModelFacts, shown: Evidence) -> dict[str, str]:
    """The texts of a release commit, by path below the repository's root."""
    wanted = pointer_of(shown)
    assert wanted is not None
    return release_texts(facts, shown, wanted)


def cards(version: int) -> tuple[tuple[str, str], ...]:
    """Every card and evidence file that the versions up to this one left on a branch."""
    found = {}
    for number in range(1, version + 1):
        texts = release_files(facts_of(number), evidence(number))
        named = pointer(number).version
        for path in (card_path(MODEL, named), evidence_path(MODEL, named)):
            found[path.removeprefix(f"model_cards/{MODEL}/")] = sha(texts[path])
    return tuple(sorted(found.items()))


def run_of(
    shown: Evidence | bytes | None,
    *,
    workflow: str = FINETUNE,
    key: str | None = None,
    number: int = 100,
    **changes: Any,
) -> Run:
    """A completed run of a shipped workflow on the default branch, with this evidence."""
    content = shown.text().encode() if isinstance(shown, Evidence) else shown
    run = Run(
        id=number,
        path=WORKFLOWS + workflow,
        title=run_title(workflow, MODEL, key or forward_key()),
        event="workflow_dispatch",
        branch="main",
        repository=REPOSITORY,
        status="completed",
        conclusion="success",
        created="2026-01-02T03:04:05Z",
        url=f"https://github.com/{REPOSITORY}/actions/runs/{number}",
        actor=BOT,
        artifact=number,
        evidence=content,
    )
    return replace(run, **changes)


def forward_key(version: int = 2) -> str:
    return run_key(head_proposal(facts_of(version)).digest, ARTIFACTS.get(version - 1))


def approval(user: str, commit: str = HEAD, order: int = 0) -> Review:
    return Review(user, "APPROVED", commit, order, 100 + order, f"2026-01-02T04:00:0{order}Z")


def objection(user: str, order: int = 0) -> Review:
    return Review(
        user, "CHANGES_REQUESTED", HEAD, order, 100 + order, f"2026-01-02T04:00:0{order}Z"
    )


def signed() -> list[Review]:
    return [approval("grace", order=0), approval("omar", order=1)]


def forward_facts(shown: Evidence | None, *, released: bool) -> ModelFacts:
    """The model of a pull request that proposes version 2 while version 1 is live."""
    live = pointer(1).text()
    facts = replace(
        facts_of(2),
        base_recipe=RECIPE,
        base_dataset_card=CARD,
        base_inputs=inputs(1),
        fork_inputs=inputs(1),
        head_cards=cards(1),
        base_cards=cards(1),
        fork_cards=cards(1),
        head_pointer=live,
        base_pointer=live,
        fork_pointer=live,
        history=(live,),
        runs=() if shown is None else (run_of(shown),),
    )
    return carrying(facts, shown) if released and shown is not None else facts


def carrying(facts: ModelFacts, shown: Evidence) -> ModelFacts:
    """The same model after the release commit of this evidence."""
    texts = release_files(facts, shown)
    head = dict(facts.head_cards)
    for path, text in texts.items():
        if path.startswith("model_cards/"):
            head[path.removeprefix(f"model_cards/{MODEL}/")] = sha(text)
    wanted = pointer_of(shown)
    assert wanted is not None
    return replace(
        facts,
        head_cards=tuple(sorted(head.items())),
        head_pointer=texts[pointer_path(MODEL)],
        head_evidence=texts[wanted.evidence.path],
    )


def after_release(pull: Snapshot) -> Snapshot:
    """The same pull request once the release commit that its decision asks for is at the head."""
    (commit,) = of_kind(decide(pull), CommitRelease)
    texts = {change.path: change.text for change in commit.files}
    facts, folder = pull.models[0], f"model_cards/{MODEL}/"
    cards_at_head = dict(facts.head_cards) | {
        path.removeprefix(folder): sha(text) for path, text in texts.items() if folder in path
    }
    carried = replace(
        facts,
        head_cards=tuple(sorted(cards_at_head.items())),
        head_pointer=texts[pointer_path(MODEL)],
        head_evidence=texts[evidence_path(MODEL, pointer(2).version)],
    )
    return replace(pull, models=(carried,), files=changed(released=True))


def changed(released: bool, version: int = 2) -> tuple[ChangedFile, ...]:
    files = [ChangedFile(f"models/{MODEL}/data/train.jsonl")]
    if released:
        named = pointer(version).version
        files += [
            ChangedFile(pointer_path(MODEL)),
            ChangedFile(card_path(MODEL, named)),
            ChangedFile(evidence_path(MODEL, named)),
        ]
    return tuple(files)


def pull(author: str = "ada", **changes: Any) -> PullFacts:
    facts: dict[str, Any] = {
        "number": 7,
        "title": "More tickets",
        "author": author,
        "author_can_write": True,
        "head_sha": HEAD,
        "head_ref": "more-tickets",
        "head_repository": REPOSITORY,
        "base_ref": "main",
        "base_sha": BASE,
        "mergeable": True,
    }
    return PullFacts(**{**facts, **changes})


def snapshot(
    author: str = "ada",
    reviews: list[Review] | tuple[Review, ...] = (),
    *,
    shown: Evidence | None = None,
    measured_yet: bool = True,
    released: bool = True,
    pull_changes: dict[str, Any] | None = None,
    facts_changes: dict[str, Any] | None = None,
    **changes: Any,
) -> Snapshot:
    """A pull request of version 2 over version 1: measured, passed, released, not yet signed."""
    found = (shown or evidence()) if measured_yet else None
    facts = forward_facts(found, released=released and measured_yet)
    facts = replace(facts, **(facts_changes or {}))
    known: dict[str, Any] = {
        "repository": REPOSITORY,
        "default_branch": "main",
        "bot": BOT,
        "pull": pull(author, **(pull_changes or {})),
        "files": changed(released and measured_yet),
        "commits": (Commit("c" * 40, (author,)), Commit(HEAD, ())),
        "reviews": tuple(reviews),
        "writers": frozenset({"ada", "grace", "omar", "ken"}),
        "roles": {"ml-lead": frozenset({"grace"}), "operations": frozenset({"omar"})},
        "policy": measured.POLICY,
        "codeowners": CODEOWNERS,
        "models": (facts,),
        "now": "2026-01-02T12:00:00Z",
        "base_head": BASE,
        "head_policy": measured.POLICY,
        "keys": (KEY,),
        "own_key": KEY,
        "late": Late(),
    }
    return Snapshot(**{**known, **changes})


def recovery(version: int = 1, share: float = 0.9, **changes: Any) -> Evidence:
    """Evidence that a version's artifact was verified and measured again."""
    live = pointer(version + 1)
    facts: dict[str, Any] = {
        "kind": "recovery",
        "incumbent": Incumbent(version=live.version, artifact=live.artifact.digest),
        "stages": tuple(
            StageFacts(stage=stage, outcome="done", seconds=5.0) for stage in RECOVERY_STAGES
        ),
        "measurements": (measured.measurement("candidate", ARTIFACTS[version], share),),
        "comparisons": (),
        "training": None,
    }
    return evidence(version, **{**facts, **changes})


def rollback_key(number: int = 8) -> str:
    """The key of going back from version 2 to version 1 in the pull request of this number."""
    return proposed.rollback_key(ARTIFACTS[1], ARTIFACTS[2], number)


def rollback(
    reviews: list[Review] | tuple[Review, ...] = (),
    *,
    shown: Evidence | None = None,
    facts_changes: dict[str, Any] | None = None,
    pull_changes: dict[str, Any] | None = None,
    **changes: Any,
) -> Snapshot:
    """The revert of version 2: the head is what the base branch was with version 1."""
    live, target = pointer(2).text(), pointer(1).text()
    found = () if shown is None else (
        run_of(shown, workflow=ROLLBACK, key=rollback_key(), number=200),
    )  # fmt: skip
    facts = ModelFacts(
        name=MODEL,
        head_inputs=inputs(1),
        base_inputs=inputs(2),
        fork_inputs=inputs(2),
        recipe=RECIPE,
        dataset_card=CARD,
        head_cards=cards(1),
        base_cards=cards(2),
        fork_cards=cards(2),
        head_pointer=target,
        base_pointer=live,
        fork_pointer=live,
        head_evidence=evidence(1).text(),
        recorded=evidence(1).text(),
        live_record=evidence(2).text(),
        history_dates=("2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"),
        history=(target, live),
        runs=found,
    )
    title = {"title": 'Revert "More tickets"', "head_ref": "revert-7", "number": 8}
    return snapshot(
        reviews=reviews,
        pull_changes={**title, **(pull_changes or {})},
        **{
            "files": changed(released=True),
            "models": (replace(facts, **(facts_changes or {})),),
            **changes,
        },
    )


def of_kind(decision: Any, kind: type) -> list[Any]:
    return [action for action in decision.actions if isinstance(action, kind)]


def check_of(pull: Any) -> PostCheck:
    (check,) = of_kind(decide(pull), PostCheck)
    assert isinstance(check, PostCheck)
    return check


def comment_of(pull: Any) -> str:
    (comment,) = of_kind(decide(pull), UpsertComment)
    return str(comment.body)


def conclusion(pull: Any) -> str | None:
    return check_of(pull).conclusion
