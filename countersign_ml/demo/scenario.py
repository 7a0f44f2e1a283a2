"""The demo's chapters: the first version, four more pull requests, and an audit."""

from __future__ import annotations

import json
from pathlib import Path

from countersign_ml.attestation import verify_model
from countersign_ml.demo import proposals
from countersign_ml.demo.demo_world import MODEL, REPOSITORY, World
from countersign_ml.demo.observe import Observer
from countersign_ml.demo.timeline import Timeline
from countersign_ml.registry import Registry
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer
from policy.governed import KEYS
from policy.people.sign_off_record import model_tags
from policy.policy_sentences import percent, short


class Scenario:
    """What people do, and the facts that must be true after each step."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        self.world = world
        self.line = timeline
        self.ada, self.grace, self.omar = (world.people[who] for who in ("ada", "grace", "omar"))
        self.see = Observer(self.ada.repository)
        self.registry = Registry(world.registry)

    def play(self) -> None:
        self.ada.clone_to(self.world.scratch / "ada")
        first = self.prologue()
        second = self.good_proposal(first)
        self.defects(second)
        self.worse_proposal(second)
        self.revert(first, second)
        self.audit(first, second)

    def prologue(self) -> Pointer:
        """The first version: proposed, measured, signed and merged like every other."""
        self.line.chapter("Prologue: the first version")
        clone = self.ada.branch("first-version")
        proposals.lay_down_model(clone)
        pull = self.ada.propose(
            "first-version",
            "Add support-triage",
            f"A first version, trained on {proposals.FIRST_ROWS} tickets.",
        )
        self.line.say(f"ada opened #{pull.number}: the model, with {proposals.FIRST_ROWS} rows")
        evidence = self._measured(pull.number)
        self._sign_and_merge(pull.number)
        pointer = self._live(evidence)
        self.world.serve()
        self._served(pointer, evidence)
        return pointer

    def good_proposal(self, first: Pointer) -> Pointer:
        """(a) More data: measured, signed, merged, served."""
        self.line.chapter("(a) A good proposal: more data")
        clone = self.ada.branch("more-tickets")
        added = proposals.add_rows(clone)
        pull = self.ada.propose(
            "more-tickets", "Train on all approved tickets", f"Adds {added} approved rows."
        )
        self.line.say(f"ada opened #{pull.number}: {added} more rows")
        evidence = self._measured(pull.number)
        data = evidence.data
        rows = data.rows("train") if data else 0
        self.line.fact(
            f"trained on {rows} rows, {proposals.FIRST_ROWS} before",
            rows == proposals.FIRST_ROWS + added,
            rows,
        )
        before, after = _exact(evidence, "incumbent"), _exact(evidence, "candidate")
        base = _exact(evidence, "base")
        self.line.fact(
            f"all fields correct: base {percent(base)}, live {percent(before)}, "
            f"candidate {percent(after)}",
            base < before < after,
        )
        comment = self.see.comments(pull.number)
        self.line.fact(
            "the bot wrote one comment, with the table",
            len(comment) == 1 and "exact_match" in comment[0],
            len(comment),
        )
        self._sign_and_merge(pull.number)
        pointer = self._live(evidence)
        self.line.fact(
            f"the pointer moved from {first.version} to {pointer.version}",
            pointer.predecessor is not None and pointer.predecessor.version == first.version,
            pointer.predecessor,
        )
        self._served(pointer, evidence)
        return pointer

    def defects(self, live: Pointer) -> None:
        """(b) Defects in the data: each is found at its line, before training."""
        self.line.chapter("(b) Defects in the data")
        clone = self.ada.branch("spoiled")
        planted = proposals.plant_defects(clone)
        pull = self.ada.propose("spoiled", "Fix some tickets", "Hand-edited rows.")
        self.line.say(f"ada opened #{pull.number} with {len(planted)} defects in the data")
        check = self.world.wait(
            f"the check of #{pull.number} turns red",
            lambda: self.see.concluded(pull.number, "failure"),
        )
        self.line.fact(f"the check is red: {check.output.title}", check.conclusion == "failure")
        run = self.see.runs("finetune.yml")[0]
        jobs = self.see.jobs(run)
        self.line.fact(
            "nothing was trained: the GPU job was skipped",
            jobs.get("gate") == "failure" and jobs.get("finetune") == "skipped",
            jobs,
        )
        comment = self.see.comments(pull.number)[0]
        for defect, line in planted.items():
            self.line.fact(
                f"{defect}: found at train.jsonl:{line}", f"train.jsonl:{line}" in comment, "-"
            )
        self._pointer_is(live)
        pull.edit(state="closed")
        self.line.say(f"ada closed #{pull.number}")

    def worse_proposal(self, live: Pointer) -> None:
        """(c) A worse model: trained, measured, red."""
        self.line.chapter("(c) A proposal that makes the model worse")
        clone = self.ada.branch("slower")
        proposals.slow_down(clone)
        pull = self.ada.propose("slower", "Lower the learning rate", "Might be more stable.")
        self.line.say(f"ada opened #{pull.number}: learning_rate 5e-3 becomes 2e-4")
        check = self.world.wait(
            f"the check of #{pull.number} turns red",
            lambda: self.see.concluded(pull.number, "failure"),
        )
        jobs = self.see.jobs(self.see.runs("finetune.yml")[0])
        self.line.fact("it was trained and measured", set(jobs.values()) <= {"success", "failure"}
                       and jobs.get("gate") == "success", jobs)  # fmt: skip
        self.line.fact(f"the check is red: {check.output.title}", check.conclusion == "failure")
        comment = self.see.comments(pull.number)[0]
        self.line.fact(
            "the comment says why: exact_match fell against the live version",
            "exact_match" in comment and "against the incumbent" in comment,
        )
        for person in (self.grace, self.omar):
            person.approve(pull.number)
        status = self.see.merge_refused(pull.number)
        self.line.fact(
            "grace and omar approved it; it still cannot be merged", status == 405, status
        )
        self._pointer_is(live)
        pull.edit(state="closed")
        self.line.say(f"ada closed #{pull.number}")

    def revert(self, first: Pointer, second: Pointer) -> None:
        """(d) The revert of (a): recognised as a rollback, verified, signed and merged."""
        self.line.chapter("(d) Roll back by reverting (a)")
        trained = len(self.see.runs("finetune.yml"))
        merged = next(
            pull
            for pull in self.ada.repository.get_pulls(state="closed")
            if pull.merged and pull.head.ref == "more-tickets"
        )
        number = self.world.forge.revert(REPOSITORY, merged.number, "ada").number
        self.line.say(f"ada pressed Revert on #{merged.number}; that opened #{number}")
        check = self.world.wait(
            f"the check of #{number}: the rollback waits for operations",
            lambda: self.see.concluded(number, "action_required"),
        )
        self.line.fact(
            f"recognised as a rollback to {first.version}: {check.output.title}",
            f"`{second.version}` back to `{first.version}`" in self.see.comments(number)[0],
            check.output.title,
        )
        runs = self.see.runs("rollback.yml")
        self.line.fact(
            "fast lane: the artifact was verified and its benchmark repeated",
            len(runs) == 1 and runs[0].conclusion == "success",
            [run.conclusion for run in runs],
        )
        self.line.fact(
            "nothing was trained", len(self.see.runs("finetune.yml")) == trained, trained
        )
        issues = [issue for issue in self.ada.repository.get_issues() if not issue.pull_request]
        self.line.fact(
            "an incident is open, with a root-cause section",
            len(issues) == 1 and "root cause" in (issues[0].body or "").lower(),
            [issue.title for issue in issues],
        )
        self.omar.approve(number, "Rolling back.")
        self.line.say("omar signed it as operations")
        self.world.wait(f"the bot merges #{number}", lambda: self.see.pull(number).merged)
        pointer = self.see.pointer("main")
        self.line.fact(
            f"the pointer is back at {first.version}, byte for byte", pointer == first, pointer
        )
        self._served(first, self.see.evidence("main"))
        left = [read_pointer(text) for text in quarantined(self.see.pointer_history("main"))]
        self.line.fact(
            f"the pointer's history puts {second.version} in quarantine", left == [second], left
        )

    def audit(self, first: Pointer, second: Pointer) -> None:
        """(e) A year later: prove every change from a clone alone."""
        self.line.chapter("(e) Audit from a clone, offline")
        clone = self.omar.clone_to(self.world.scratch / "audited")
        page = self.world.output / "audit.html"
        code, found = self.see.audit(clone, page)
        self.line.fact("every change of the pointer is proved", code == 0, found)
        moves = [(move["before"], move["after"]) for move in found["models"][0]["changes"]]
        expected = [(None, first.version), (first.version, second.version)]
        expected.append((second.version, first.version))
        self.line.fact(
            "the changes: first version, second version, first version", moves == expected, moves
        )
        self.line.say(f"the sign-off log with its timeline: {page}")
        self._signatures(clone, first, second)

    def _signatures(self, clone: Path, *versions: Pointer) -> None:
        """Keep key and model signatures next to the registry, as `model_signing` reads them."""
        folder = self.world.output / "signatures"
        folder.mkdir()
        key = (clone / KEYS / "countersign.pem").read_text(encoding="ascii")
        (folder / "countersign.pem").write_text(key, encoding="ascii")
        for version in versions:
            digest = version.artifact.digest
            tags = f"{model_tags(MODEL, digest)}*"
            bundle = self.omar.git("tag", "--list", "--format=%(contents)", tags)
            (folder / f"{version.version}.sig").write_text(bundle, encoding="utf-8")
            signer = verify_model(bundle, digest, {"countersign.pem": key})
            self.line.fact(f"{version.version} is signed by {signer}", bool(signer))
        self.line.say(f"signatures that model_signing verifies: {folder}")

    def _measured(self, number: int) -> Evidence:
        """Wait for the release commit; return its evidence."""
        check = self.world.wait(
            f"the check of #{number}: measured, and waiting for signatures",
            lambda: self.see.concluded(number, "action_required", "failure"),
        )
        self.line.fact(
            f"measured, and red until signed: {check.output.title}",
            check.conclusion == "action_required",
            check.output.title,
        )
        head = self.see.pull(number).head.sha
        evidence = self.see.evidence(head)
        seconds = sum(stage.seconds for stage in evidence.stages)
        digest = evidence.proposal.digest
        self.line.fact(
            f"evidence of {short(digest)} in {seconds:.0f} s on {evidence.producer.device}",
            evidence.training is not None,
        )
        return evidence

    def _sign_and_merge(self, number: int) -> None:
        head = self.see.pull(number).head.sha
        status = self.see.merge_refused(number)
        self.line.fact("nobody can merge it yet", status == 405, status)
        self.grace.approve(number, "The numbers are good.")
        self.world.wait(
            f"the bot's comment on #{number} shows grace's signature",
            lambda: "signed by @grace" in self.see.comments(number)[0],
        )
        check = self.see.check(number)
        self.line.fact(
            f"grace signed; still red: {check.output.title if check else ''}",
            check is not None and check.conclusion == "action_required",
        )
        self.omar.approve(number, "Ready to ship.")
        self.world.wait(f"the bot merges #{number}", lambda: self.see.pull(number).merged)
        pull = self.see.pull(number)
        self.line.fact(
            f"omar signed; the bot merged {head[:12]}, the commit that both signed",
            pull.head.sha == head and pull.merged_by.login.endswith("[bot]"),
            pull.merged_by.login,
        )

    def _live(self, evidence: Evidence) -> Pointer:
        """Return the pointer on the default branch, after a check of the file that it names."""
        pointer = self.see.pointer("main")
        measured = evidence.measurement("candidate")
        if pointer is None or measured is None:
            raise LookupError("no pointer on the default branch")
        self.line.fact(
            f"live: {pointer.version}, the file that was measured "
            f"({short(pointer.artifact.digest)})",
            pointer.artifact.digest == measured.model,
            measured.model,
        )
        stored = self.registry.verify(pointer.artifact.digest)
        self.line.fact(
            f"the registry has it, complete: {stored.size} bytes",
            stored.size == pointer.artifact.size,
            stored.size,
        )
        merged = self.ada.repository.get_branch("main").commit.sha
        self.world.wait(
            f"deploy.yml verifies {merged[:12]}", lambda: self.see.deployed(merged) == "success"
        )
        self.line.fact(
            f"deploy.yml verified it; deployment of {merged[:12]} succeeded",
            self.see.deployed(merged) == "success",
        )
        return pointer

    def _served(self, pointer: Pointer, evidence: Evidence) -> None:
        """Check that the model server follows and answers as the candidate did when measured."""
        self.world.wait(
            f"the model server serves {pointer.version}",
            lambda: self.world.served().get("version") == pointer.version,
        )
        sample = evidence.samples[0]
        row = self._test_row(sample.id)
        text, digest = self.world.ask(row["messages"][:-1], 128)
        self.line.fact(f"served by {short(digest)}", digest == pointer.artifact.digest, digest)
        self.line.fact(
            f"asked {sample.id}; it answers as it did when measured: {_brief(text)}",
            text == sample.answers["candidate"],
            f"{text!r}, measured {sample.answers['candidate']!r}",
        )

    def _test_row(self, row_id: str) -> dict[str, list[dict[str, str]]]:
        text = self.see.text(f"models/{MODEL}/data/test.jsonl", "main") or ""
        rows = (json.loads(line) for line in text.splitlines())
        return next(row for row in rows if row["id"] == row_id)

    def _pointer_is(self, live: Pointer) -> None:
        pointer = self.see.pointer("main")
        self.line.fact(f"{live.version} is still live", pointer == live, pointer)


def _exact(evidence: Evidence, subject: str) -> float:
    measured = evidence.measurement(subject)  # type: ignore[arg-type]  # the three are subjects
    metric = measured.metric("exact_match") if measured else None
    if metric is None:
        raise LookupError(f"exact_match of {subject} was not measured")
    return metric.value


def _brief(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "..."
