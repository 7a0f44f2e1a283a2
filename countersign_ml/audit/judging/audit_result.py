"""The result of an audit: plain data for the reports, and its JSON form."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from countersign_ml.audit.history.audit_facts import CommitFacts, KeyFacts
from countersign_ml.audit.judging.pointer_movement import Way
from countersign_ml.audit.judging.signers import Signer
from policy.canonical import canonical_json
from policy.people.sign_off_record import Override
from policy.people.spot_check_signatures import SpotCheckSignature
from policy.verdict import Finding


@dataclass(frozen=True)
class SignOff:
    """The record of a change, as it was signed."""

    tag: str
    key: str
    """The key that signed it; empty if no key did."""
    repository: str
    pull: int
    title: str
    author: str
    at: str
    signers: tuple[Signer, ...]
    overrides: tuple[Override, ...]
    spot_checks: tuple[SpotCheckSignature, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "tag": self.tag,
            "key": self.key or None,
            "repository": self.repository,
            "pull": self.pull,
            "title": self.title,
            "author": self.author,
            "at": self.at,
            "signers": [
                {"login": s.login, "roles": list(s.roles), "submitted": s.submitted}
                for s in self.signers
            ],
            "overrides": [
                {
                    "gate": o.gate,
                    "user": o.user,
                    "role": o.role,
                    "reason": o.reason,
                    "stated": o.stated,
                }
                for o in self.overrides
            ],
            "spot_checks": [
                {"login": s.user, "sample": s.sample, "marks": s.marks, "stated": s.stated}
                for s in self.spot_checks
            ],
        }


@dataclass(frozen=True)
class ChangeAudit:
    """One change of a pointer, and the finding on it."""

    model: str
    commit: CommitFacts
    way: Way
    before: str | None
    after: str | None
    """The versions; None if no version is live or the pointer cannot be read."""
    sign_off: SignOff | None
    finding: Finding

    @property
    def proven(self) -> bool:
        return self.finding.outcome.lets_through

    @property
    def forced(self) -> tuple[Override, ...]:
        return self.sign_off.overrides if self.sign_off else ()

    def as_json(self) -> dict[str, Any]:
        return {
            "commit": commit_json(self.commit),
            "movement": self.way,
            "before": self.before,
            "after": self.after,
            "proven": self.proven,
            "sign_off": self.sign_off.as_json() if self.sign_off else None,
            "finding": self.finding.as_json(),
        }


@dataclass(frozen=True)
class ModelAudit:
    """One model: its changes, oldest first, and the finding on its files as they are now."""

    model: str
    live: str | None
    changes: tuple[ChangeAudit, ...]
    tip: Finding

    @property
    def proven(self) -> bool:
        return self.tip.outcome.lets_through and all(change.proven for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "live": self.live,
            "proven": self.proven,
            "changes": [change.as_json() for change in self.changes],
            "tip": self.tip.as_json(),
        }


@dataclass(frozen=True)
class RuleAudit:
    """One change of the rules themselves."""

    commit: CommitFacts
    paths: tuple[str, ...]
    founding: bool
    """Whether no key was in force yet: such rules cannot be proven and are taken as given."""
    sign_off: SignOff | None
    finding: Finding

    @property
    def proven(self) -> bool:
        return self.finding.outcome.lets_through

    @property
    def mark(self) -> str:
        if self.founding:
            return "taken as given"
        return "proven" if self.proven else "not proven"

    def as_json(self) -> dict[str, Any]:
        return {
            "commit": commit_json(self.commit),
            "paths": list(self.paths),
            "founding": self.founding,
            "proven": self.proven,
            "sign_off": self.sign_off.as_json() if self.sign_off else None,
            "finding": self.finding.as_json(),
        }


@dataclass(frozen=True)
class Audit:
    """The audit of one branch."""

    ref: str
    tip: CommitFacts
    commits: int
    repositories: tuple[str, ...]
    models: tuple[ModelAudit, ...]
    rules: tuple[RuleAudit, ...]
    keys: tuple[KeyFacts, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Tags without a readable record, and why."""
    lost: tuple[tuple[str, str], ...] = ()
    """Tags of merges that the bot recorded and the branch no longer shows, and why."""

    @property
    def proven(self) -> bool:
        models = all(model.proven for model in self.models)
        return models and all(rule.proven for rule in self.rules) and not self.lost

    @property
    def changes(self) -> tuple[ChangeAudit, ...]:
        """Return every change of a pointer, model by model."""
        return tuple(change for model in self.models for change in model.changes)

    @property
    def later_rules(self) -> tuple[RuleAudit, ...]:
        """Return the changes of the rules that a key could have signed."""
        return tuple(rule for rule in self.rules if not rule.founding)

    @property
    def conclusion(self) -> str:
        """Return the result in one sentence; nothing that was not there is called proven."""
        if not self.proven:
            return "Not everything is proven."
        if self.changes:
            return "Everything is proven."
        if self.later_rules:
            return "No version to prove. Every change of the rules is proven."
        return "Nothing to prove: no version was ever live, and no rule changed under a key."

    def as_json(self) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "ref": self.ref,
            "tip": commit_json(self.tip),
            "commits": self.commits,
            "repositories": list(self.repositories),
            "proven": self.proven,
            "conclusion": self.conclusion,
            "models": [model.as_json() for model in self.models],
            "rules": [rule.as_json() for rule in self.rules],
            "keys": [
                {
                    "name": key.name,
                    "sha256": fingerprint(key),
                    "since": commit_json(key.since),
                }
                for key in self.keys
            ],
            "lost_merges": [{"tag": tag, "problem": why} for tag, why in self.lost],
            "unreadable_tags": [{"tag": tag, "problem": why} for tag, why in self.unreadable],
        }

    def text(self) -> str:
        """Return the JSON: keys sorted, no spaces, one line."""
        return canonical_json(_printable(self.as_json())).decode() + "\n"


def fingerprint(key: KeyFacts) -> str:
    """Return the SHA-256 of the key file's bytes, as `sha256sum` prints it."""
    return hashlib.sha256(key.pem.encode()).hexdigest()


def commit_json(commit: CommitFacts) -> dict[str, Any]:
    return {
        "id": commit.id,
        "parents": list(commit.parents),
        "author": commit.author,
        "committer": commit.committer,
        "at": commit.at,
        "subject": commit.subject,
    }


def _printable(value: Any) -> Any:
    """Return plain values that UTF-8 can encode: odd bytes of a path are escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
