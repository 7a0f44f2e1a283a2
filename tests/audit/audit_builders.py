"""A governed repository in real git, built step by step: propose, sign, merge, roll back."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.facts.proposed import head_proposal
from countersign_ml.attestation import fingerprint, public_key, sign, sign_model
from countersign_ml.attestation.ml_bom import DataTerms, render
from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.audit.judging.audit_result import Audit, ChangeAudit
from policy.canonical import digest_bytes
from policy.facts.evidence import Evidence, Incumbent
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer
from policy.governed import bom_path, card_path, evidence_path, pointer_path
from policy.people.sign_off_record import RecordedModel, RecordedReview, SignOffRecord, model_tags
from policy.verdict import Finding
from tests.bot import builders as bot
from tests.policy import builders as measured

MODEL = bot.MODEL
TERMS = DataTerms("cc-by-4.0", "grace", "internal")
ADA, GRACE, OMAR = "ada", "grace", "omar"
BOT = "countersign[bot]"
CODEOWNERS = bot.CODEOWNERS
WORSE = 0.4
"""Below the policy's bar, and significantly below the incumbent."""
Kind = Literal["promote", "rollback"]


def private_key(seed: int = 1) -> str:
    """A key that is the same in every run."""
    key = derive_private_key(seed, SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY, OTHER_KEY = private_key(1), private_key(2)
WITH_OVERRIDES = measured.POLICY.replace(
    "gates:\n", "override: {roles: [ml-lead], gates: [measurement]}\ngates:\n"
)


def inputs(version: int) -> dict[str, str]:
    """The version's inputs, as `tests.bot.builders.inputs` names their blobs."""
    return {
        f"models/{MODEL}/recipe.yml": bot.RECIPE,
        f"models/{MODEL}/base/base.yml": "base",
        f"models/{MODEL}/data/README.md": bot.CARD,
        f"models/{MODEL}/data/train.jsonl": f"rows of {version}",
        f"models/{MODEL}/data/test.jsonl": "held out",
    }


def evidence_of(version: int, live: Pointer | None, share: float = 0.9) -> Evidence:
    """Evidence of a version's proposal, measured against the live version."""
    incumbent = Incumbent(version=live.version, artifact=live.artifact.digest) if live else None
    subjects = [measured.measurement("base", measured.BASE, 0.0)]
    if incumbent is not None:
        subjects.append(measured.measurement("incumbent", incumbent.artifact, 0.51))
    artifact = artifact_of(version)
    subjects.append(measured.measurement("candidate", artifact, share))
    shipped = (
        bot.evidence(1)
        .artifacts[0]
        .model_copy(update={"digest": artifact, "uri": f"file:///registry/{artifact}"})
    )
    facts: dict[str, Any] = {
        "proposal": head_proposal(bot.facts_of(version)),
        "incumbent": incumbent,
        "measurements": tuple(subjects),
        "artifacts": (shipped,),
    }
    if share == WORSE:
        facts["comparisons"] = (measured.compared(both=100, lost=53, won=20, neither=127),)
    return bot.evidence(1, **facts)


def artifact_of(version: int) -> str:
    return bot.ARTIFACTS.get(version) or digest_bytes(f"artifact {version}".encode())


class Repository:
    """A clone with a branch `main`; each step takes a day."""

    def __init__(self, folder: Path, *, rules: str = measured.POLICY, key: str = KEY) -> None:
        self.folder, self.key, self.pulls = folder, key, 0
        self._now = datetime(2026, 1, 5, 10, tzinfo=UTC)
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.founding = self.commit(
            "Lay down the rules",
            {
                "policy/policy.yml": rules,
                "policy/keys/bot.pem": public_key(key),
                ".github/CODEOWNERS": CODEOWNERS,
                "README.md": "Models.\n",
            },
        )

    def git(self, *arguments: str, user: str = "grace", text: str | None = None) -> str:
        email = f"1+{user}@users.noreply.github.com"
        at = self._now.isoformat()
        settings = {
            "GIT_AUTHOR_NAME": user,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": at,
            "GIT_COMMITTER_NAME": user,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_COMMITTER_DATE": at,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=text,
            text=True,
            capture_output=True,
            env=os.environ | settings,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def copy(self, folder: Path) -> Repository:
        """A copy of the repository, to be changed."""
        shutil.copytree(self.folder, folder)
        other = copy.copy(self)
        other.folder = folder
        return other

    def later(self) -> None:
        self._now += timedelta(days=1)

    @property
    def now(self) -> str:
        return self._now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def head(self, ref: str = "HEAD") -> str:
        return self.git("rev-parse", ref)

    def file(self, path: str, ref: str = "main") -> str | None:
        listed = self.git("ls-tree", ref, "--", path)
        return self.git("cat-file", "blob", listed.split()[2]) + "\n" if listed else None

    def blob(self, path: str, ref: str) -> str | None:
        listed = self.git("ls-tree", ref, "--", path)
        return listed.split()[2] if listed else None

    def live(self) -> Pointer | None:
        return read_pointer(self.file(pointer_path(MODEL)))

    def commit(self, subject: str, files: Mapping[str, str | None], user: str = GRACE) -> str:
        """Commit these files to the branch that is checked out; None removes one."""
        for path, text in files.items():
            target = self.folder / path
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        self.git("add", "--all", "--", *files)
        self.git("commit", "-q", "--allow-empty", "-m", subject, user=user)
        return self.head()

    def push(self, subject: str, files: Mapping[str, str | None], user: str = ADA) -> str:
        """Commit straight to the branch, as a direct push would."""
        self.later()
        self.git("checkout", "-q", "main")
        return self.commit(subject, files, user)

    def propose(
        self,
        version: int,
        *,
        evidence: Evidence | None = None,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Open a branch with the version's inputs and the bot's release commit; return its head."""
        self.later()
        self.pulls += 1
        shown = evidence or evidence_of(version, self.live())
        wanted = pointer_of(shown)
        assert wanted is not None
        self.git("checkout", "-q", "-b", f"pull-{self.pulls}", "main")
        self.commit("More tickets", {**inputs(version), **(more or {})}, ADA)
        release = {
            pointer_path(MODEL): wanted.text(),
            card_path(MODEL, wanted.version): f"# {MODEL} {wanted.version}\n",
            evidence_path(MODEL, wanted.version): shown.text(),
            bom_path(MODEL, wanted.version): render(shown, wanted, TERMS),
        }
        return self.commit(f"Release {MODEL} {wanted.version}", release, BOT)

    def revert(self, merge: str) -> str:
        """Open a branch that reverts a merge, as GitHub's button does; return its head."""
        self.later()
        self.pulls += 1
        self.git("checkout", "-q", "-b", f"pull-{self.pulls}", "main")
        self.git("revert", "--no-edit", "-m", "1", merge, user=ADA)
        return self.head()

    def record(self, head: str, kind: Kind = "promote", **changes: Any) -> SignOffRecord:
        """The bot's record of a head: ada proposed it, grace and omar approved it."""
        base = changes.get("base", self.head("main"))
        path = pointer_path(MODEL)
        target = read_pointer(self.file(path, head))
        assert target is not None
        judged, recovery = target.evidence.digest, {}
        if kind == "rollback":
            text = self.recovery(target).text()
            judged, recovery = digest_bytes(text.encode()), {MODEL: text}
        facts: dict[str, Any] = {
            "repository": "acme/models",
            "pull": self.pulls,
            "title": "More tickets" if kind == "promote" else 'Revert "More tickets"',
            "head": head,
            "base": base,
            "rules": "sha256:" + "0" * 64,
            "branch": "main",
            "author": ADA,
            "contributors": (),
            "reviews": (self.approval(GRACE, head, 1), self.approval(OMAR, head, 2)),
            "writers": (ADA, GRACE, OMAR),
            "roles": {"ml-lead": (GRACE,), "operations": (OMAR,)},
            "teams": {},
            "models": (
                RecordedModel(
                    model=MODEL,
                    kind=kind,
                    before=self.blob(path, base),
                    after=self.blob(path, head),
                    evidence=judged,
                    artifact=target.artifact.digest,
                ),
            ),
            "recovery": recovery,
            "at": self.now,
        }
        return SignOffRecord(**{**facts, **changes})

    def recovery(self, target: Pointer) -> Evidence:
        """Evidence that the target's artifact was verified and measured again."""
        live = self.live()
        assert live is not None
        version = next(v for v, name in bot.ARTIFACTS.items() if name == target.artifact.digest)
        incumbent = Incumbent(version=live.version, artifact=live.artifact.digest)
        return bot.recovery(version, incumbent=incumbent)

    def approval(self, user: str, head: str, number: int = 1) -> RecordedReview:
        return RecordedReview(
            id=number, user=user, state="APPROVED", commit=head, submitted=self.now
        )

    def tag(self, record: SignOffRecord, key: str | None = None, target: str | None = None) -> str:
        """Sign model files and record, write both as tags on its head; return the record's tag."""
        for moved in record.models:
            if moved.artifact is not None:
                self.tag_model(moved.artifact, key or self.key)
        envelope = sign(record.payload(), key or self.key)
        self.write_tag(record.tag(), target or record.head, envelope)
        return record.tag()

    def tag_model(self, artifact: str, key: str) -> None:
        name = model_tags(MODEL, artifact) + fingerprint(public_key(key))[:12]
        self.write_tag(name, "HEAD", sign_model(f"{MODEL}.gguf", artifact, key))

    def write_tag(self, name: str, target: str, message: str) -> None:
        self.git("tag", "-a", "-f", "--cleanup=verbatim", "-F", "-", name, target,
                 user=BOT, text=message)  # fmt: skip

    def merge(self, head: str) -> str:
        """Merge a head with a merge commit."""
        self.later()
        self.git("checkout", "-q", "main")
        self.git(
            "merge", "-q", "--no-ff", "-m", f"Merge pull request #{self.pulls}", head, user=BOT
        )
        return self.head()

    def squash(self, head: str) -> str:
        """Merge a head as one commit."""
        self.later()
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", head)
        self.git("commit", "-q", "-m", f"More tickets (#{self.pulls})", user=BOT)
        return self.head()

    def ship(self, version: int, **changes: Any) -> str:
        """Propose, sign and merge a version; return the merge."""
        head = self.propose(version)
        self.tag(self.record(head, **changes))
        return self.merge(head)

    def roll_back(self, merge: str, **changes: Any) -> str:
        head = self.revert(merge)
        self.tag(self.record(head, "rollback", **changes))
        return self.merge(head)

    def audit(self, *names: str) -> Audit:
        return judge_history(read(self.folder, "main"), names)


def good_history(folder: Path) -> Repository:
    """v1, v2, back to v1, and another v2."""
    repository = Repository(folder)
    repository.ship(1)
    second = repository.ship(2)
    repository.roll_back(second)
    repository.ship(3)
    return repository


def changes(audit: Audit) -> tuple[ChangeAudit, ...]:
    return tuple(change for model in audit.models for change in model.changes)


def last(audit: Audit) -> ChangeAudit:
    return changes(audit)[-1]


def blocking(change: ChangeAudit) -> dict[str, str]:
    """The name and sentence of every finding that keeps a change from being proven."""
    return {leaf.name: leaf.sentence for leaf in change.finding.blocking()}


def named(finding: Finding, name: str) -> Finding:
    """The first finding of this name in a tree."""
    found = _named(finding, name)
    assert found is not None, f"no finding {name}"
    return found


def _named(finding: Finding, name: str) -> Finding | None:
    if finding.name == name:
        return finding
    return next((f for part in finding.parts if (f := _named(part, name)) is not None), None)
