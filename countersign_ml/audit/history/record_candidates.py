"""Which records may prove a commit of the branch, and how each one relates to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress

from countersign_ml.attestation import without
from countersign_ml.audit.history.audit_facts import (
    Candidate,
    CommitFacts,
    ModelMove,
    PointerFile,
    Relation,
    Rules,
    StoredRecord,
)
from countersign_ml.audit.history.branch_history import History
from countersign_ml.audit.history.claimed_records import stored
from countersign_ml.audit.history.git_objects import Commit
from policy.errors import UserError
from policy.files.people_rules import ChangeKind
from policy.governed import (
    CARDS,
    CODEOWNERS_PLACES,
    KEYS,
    MODELS,
    POLICY_FILE,
    is_rule,
    models_of,
    pointer_path,
)
from policy.people.co_authors import GITHUB, named_among, noreply, trailers
from policy.people.further_paths import FurtherPaths, further_paths
from policy.people.kinds_of_change import change_kinds
from policy.people.revoked_keys import REVOKED_KEYS, RevokedKey, read_revoked
from policy.people.sign_off_record import TAGS, SignOffRecord

Pasts = Mapping[str, tuple[str | None, ...]]
"""Model to every content that its pointer has had so far."""


def commit_facts(commit: Commit) -> CommitFacts:
    return CommitFacts(
        id=commit.id,
        parents=commit.parents,
        author=commit.author.name,
        committer=commit.committer.name,
        at=commit.committer.at,
        subject=commit.subject,
    )


def rules_at(history: History, commit: Commit | None) -> Rules:
    """Return the rules in force after a commit; before the first commit there are none."""
    owners = next(
        (path for path in CODEOWNERS_PLACES if history.entry(commit, path) is not None), ""
    )
    there = {
        path: history.objects.blob(entry.id).decode("utf-8", "replace")
        for path, entry in history.below(commit, KEYS)
        if entry.is_plain and path.endswith(".pem")
    }
    keys = _unrevoked(history, commit, there)
    text = history.text(commit, owners) if owners else None
    revoked = tuple(sorted(there.keys() - keys.keys()))
    return Rules(history.text(commit, POLICY_FILE), text, owners, tuple(keys.items()), revoked)


def revoked_ever(history: History) -> tuple[RevokedKey, ...]:
    """Return every revocation that the branch ever had: nobody takes one back.

    Else a stolen key could sign the very change that removes its revocation.
    """
    found: list[RevokedKey] = []
    for text in dict.fromkeys(history.text(commit, REVOKED_KEYS) for commit in history.line):
        with suppress(UserError):
            found += read_revoked(text)
    return tuple(found)


def _unrevoked(history: History, commit: Commit | None, keys: dict[str, str]) -> dict[str, str]:
    """Return the keys that still prove what came right after `commit`, by the branch's last word.

    A key counts up to the commit that its revocation names. If that is not on the branch, or the
    list cannot be read, it counts nowhere.
    """
    try:
        read_revoked(history.text(history.tip, REVOKED_KEYS))
    except UserError:
        return {}
    listed = revoked_ever(history)
    judged = history.places[commit.id] + 1 if commit is not None else 0
    gone = {one.sha256 for one in listed if judged > history.places.get(one.after, -1)}
    return without(keys, frozenset(gone))


def kinds_between(
    history: History, model: str, old: Commit | None, new: Commit
) -> frozenset[ChangeKind]:
    """Return what changed of a model's inputs from one commit to another."""
    folder = f"{MODELS}/{model}"

    def inputs(commit: Commit | None) -> tuple[tuple[str, str], ...]:
        return tuple((path, entry.id) for path, entry in history.below(commit, folder))

    cards = [history.text(commit, f"{folder}/data/README.md") for commit in (new, old)]
    return change_kinds(inputs(new), inputs(old), *cards)


class Records:
    """The clone's records, found by the move that they claim or the commit that they point at."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._claims: dict[tuple[str, str | None, str | None], list[StoredRecord]]
        self._claims = defaultdict(list)
        self._targets: dict[str, list[StoredRecord]] = defaultdict(list)
        found = stored(history.tags(TAGS))
        self.any = bool(found)
        self.unreadable = tuple(kept for kept in found if kept.record is None)
        self._readable = tuple(kept for kept in found if kept.record is not None)
        for kept in found:
            self._targets[kept.target].append(kept)
        for kept in self._readable:
            for moved in kept.record.models if kept.record else ():
                self._claims[moved.model, moved.before, moved.after].append(kept)

    def further(self, commit: Commit | None) -> FurtherPaths:
        """Return which further files the policy at a commit governs."""
        return further_paths(self._history.text(commit, POLICY_FILE))

    def unreadable_at(self, commit: Commit) -> tuple[str, ...]:
        """Return the tags without a readable record on the commits that a commit merged."""
        return tuple(
            kept.tag
            for parent in commit.parents[1:]
            for kept in self._targets[parent]
            if kept.record is None
        )

    def for_pointer(
        self,
        parent: Commit | None,
        commit: Commit,
        model: str,
        before: PointerFile | None,
        after: PointerFile | None,
        pasts: Pasts,
    ) -> tuple[Candidate, ...]:
        """Return the records that point at a merged commit, or claim exactly this move."""
        if parent is None:
            return ()
        claim = (model, before.blob if before else None, after.blob if after else None)
        near = [kept for second in commit.parents[1:] for kept in self._targets[second]]
        return self._candidates(parent, commit, [*near, *self._claims[claim]], pasts)

    def for_rules(
        self, parent: Commit | None, commit: Commit, paths: Iterable[str], pasts: Pasts
    ) -> tuple[Candidate, ...]:
        """Return the records that point at a merged commit, or whose head has the same rules."""
        if parent is None:
            return ()
        near = [kept for second in commit.parents[1:] for kept in self._targets[second]]
        if not near:
            entry = self._history.entry
            near = [
                kept
                for kept in self._readable
                if all(
                    entry(self._history.objects.commit(kept.target), path) == entry(commit, path)
                    for path in paths
                )
            ]
        found = self._candidates(parent, commit, near, pasts)
        return tuple(candidate for candidate in found if candidate.relation != "other")

    def _candidates(
        self, parent: Commit, commit: Commit, near: list[StoredRecord], pasts: Pasts
    ) -> tuple[Candidate, ...]:
        unique = {kept.tag: kept for kept in near}
        return tuple(
            self._candidate(parent, commit, kept, kept.record, pasts)
            for _, kept in sorted(unique.items())
            if kept.record is not None
        )

    def _candidate(
        self,
        parent: Commit,
        commit: Commit,
        kept: StoredRecord,
        record: SignOffRecord,
        pasts: Pasts,
    ) -> Candidate:
        history = self._history
        brought = commit.parents[1] if len(commit.parents) > 1 else ""
        if kept.target != record.head:
            return Candidate(kept, record, "other", brought)
        head = history.objects.commit(kept.target)
        place = history.places.get(record.base)
        on_branch = place is not None and place <= history.places[parent.id]
        base = history.line[place] if place is not None and on_branch else None
        # from the record's base: a push may have added the head's own commits to the branch first
        fork = history.fork_point(base or parent, head.id)
        changed = history.changed(fork, head)
        paths = tuple(path for path, _, _ in changed)
        landed = history.changed(parent, commit)
        signed = frozenset(paths)
        further = self.further(parent)
        brought_in = history.brought(base or parent, head.id)
        differing = tuple(
            path
            for path, _, new in landed
            if (
                is_rule(path)
                or path.startswith((f"{MODELS}/", f"{CARDS}/"))
                or further.governs(path)
            )
            and new != history.entry(head, path)
        )
        strays = tuple(path for path, _, _ in landed if path not in signed)
        return Candidate(
            stored=kept,
            record=record,
            relation=self._relation(parent, commit, head.id, differing, strays),
            brought=brought,
            base_on_branch=on_branch,
            moved_since=self._moved_since(base, parent, record) if base else (),
            differing=differing,
            strays=strays,
            paths=paths,
            models=tuple(
                self._move(model, fork, head, pasts.get(model, ())) for model in models_of(paths)
            ),
            head_tree=head.tree,
            git_logins=_made(brought_in, record),
            git_credited=_credited(brought_in, record),
        )

    def _relation(
        self,
        parent: Commit,
        commit: Commit,
        head: str,
        differing: tuple[str, ...],
        strays: tuple[str, ...],
    ) -> Relation:
        if head in commit.parents[1:]:
            return "merged"
        if len(commit.parents) == 1:
            return "other" if differing or strays else "squashed"
        step = self._history.objects.commit(commit.parents[1])
        while step.id != parent.id and len(step.parents) > 1:  # only the merges of a queue
            if head in step.parents[1:]:
                return "queued"
            step = self._history.objects.commit(step.parents[0])
        return "other"

    def _moved_since(self, base: Commit, parent: Commit, record: SignOffRecord) -> tuple[str, ...]:
        pointers = {pointer_path(moved.model) for moved in record.models}
        return tuple(
            path
            for path, _, _ in self._history.changed(base, parent)
            if path == POLICY_FILE
            or path in CODEOWNERS_PLACES
            or path.startswith(KEYS + "/")
            or path in pointers
        )

    def _move(
        self, model: str, fork: Commit | None, head: Commit, past: tuple[str | None, ...]
    ) -> ModelMove:
        return ModelMove(
            model=model,
            history=past,
            before=self._history.text(fork, pointer_path(model)),
            after=self._history.text(head, pointer_path(model)),
            kinds=kinds_between(self._history, model, fork, head),
        )


def _made(commits: Iterable[Commit], record: SignOffRecord) -> frozenset[str]:
    """Return the people in a record (lower case) who made commits, by their noreply addresses."""
    addresses = {who.email for commit in commits for who in (commit.author, commit.committer)}
    return _named(addresses, record)


def _credited(commits: Iterable[Commit], record: SignOffRecord) -> dict[str, frozenset[str]]:
    """Return the people in a record (lower case) whom trailers name, each with the commits."""
    found: dict[str, set[str]] = defaultdict(set)
    for commit in commits:
        for login in _named((email for _, email in trailers(commit.message)), record):
            found[login].add(commit.id)
    return {login: frozenset(ids) for login, ids in found.items()}


def _named(addresses: Iterable[str], record: SignOffRecord) -> frozenset[str]:
    hosts = {GITHUB, record.server}
    shown = [named for address in addresses if (named := noreply(address, hosts)) is not None]
    return named_among(shown, record.people())
