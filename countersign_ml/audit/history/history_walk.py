"""Walk the branch once, oldest commit first, and collect the facts of every governed change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from countersign_ml.audit.history.audit_facts import (
    CardEdit,
    ChangeFacts,
    CommitFacts,
    HistoryFacts,
    KeyFacts,
    PointerFile,
    RuleFacts,
    StoredAttempt,
    StoredMerge,
    TipFacts,
)
from countersign_ml.audit.history.branch_history import Change, History
from countersign_ml.audit.history.git_objects import Commit, Entry
from countersign_ml.audit.history.record_candidates import (
    Records,
    commit_facts,
    kinds_between,
    rules_at,
)
from policy.facts.attempt import ATTEMPT_TAGS
from policy.facts.look import look_tags
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import Moment, moments, read_pointer
from policy.governed import (
    CARDS,
    ERASED,
    KEYS,
    MODELS,
    bom_path,
    card_path,
    is_rule,
    model_of,
    pointer_path,
    version_of,
)
from policy.people.merge_record import MERGED_TAGS


class Walk:
    """The facts seen so far, from the first commit on."""

    def __init__(self, history: History, only: str | None) -> None:
        self._history = history
        self._only = only
        self._records = Records(history)
        self._measured = history.tags(ATTEMPT_TAGS)
        self._merges = history.tags(MERGED_TAGS)
        self._pointers: dict[str, tuple[Moment, ...]] = defaultdict(tuple)
        self._changes: list[ChangeFacts] = []
        self._edits: dict[tuple[str, str], list[CardEdit]] = defaultdict(list)
        self._released: dict[str, set[str]] = defaultdict(set)
        self._rules: list[RuleFacts] = []
        self._keys: dict[str, KeyFacts] = {}
        self._inputs_alone: dict[str, list[CommitFacts]] = defaultdict(list)

    def facts(self) -> HistoryFacts:
        """Walk the branch and return all its facts."""
        parent: Commit | None = None
        for commit in self._history.line:
            self._visit(parent, commit)
            parent = commit
        tip = self._history.tip
        return HistoryFacts(
            ref=self._history.ref,
            branch=self._history.branch,
            tip=commit_facts(tip),
            commits=len(self._history.line),
            changes=tuple(self._with_edits(change) for change in self._changes),
            rules=tuple(self._rules),
            tips=self._tips(tip),
            keys=tuple(key for _, key in sorted(self._keys.items())),
            unreadable=self._records.unreadable,
            elsewhere=tuple(self._elsewhere(tip)),
        )

    def _elsewhere(self, tip: Commit) -> Iterator[StoredMerge]:
        """Yield the records of merges that are not on the line, and a tag where they belong."""
        keys = rules_at(self._history, tip).keys
        blocked = MERGED_TAGS.removesuffix("/")
        found = self._merges | {
            name: tag for name, tag in self._history.tags(blocked).items() if name == blocked
        }
        for name, tag in sorted(found.items()):
            if name.removeprefix(MERGED_TAGS) not in self._history.places:
                target, message = (tag.target, tag.message) if tag is not None else ("", "")
                yield StoredMerge(name, target, message, keys)

    def _visit(self, parent: Commit | None, commit: Commit) -> None:
        changed = self._history.changed(parent, commit)
        if not changed:
            return
        further = self._records.further(parent)
        ruled = [c for c in changed if is_rule(c[0]) or further.governs(c[0])]
        self._note_rules(parent, commit, ruled)
        models: dict[str, list[Change]] = defaultdict(list)
        for change in changed:
            model = model_of(change[0])
            if model is not None:
                models[model].append(change)
        moves: list[tuple[str, Entry | None, Entry | None]] = []
        for model, files in sorted(models.items()):
            moved = [file for file in files if file[0] == pointer_path(model)]
            self._note_cards(commit, model, files, moved[0] if moved else None)
            if moved:
                moves.append((model, moved[0][1], moved[0][2]))
            elif any(path.startswith(MODELS) for path, _, _ in files):
                self._inputs_alone[model].append(commit_facts(commit))
        for model, _, _ in moves:  # judge all of them before any of them counts as history
            if self._only in (None, model):
                self._changes.append(self._change(parent, commit, model))
        for model, _, _ in moves:
            text = self._history.text(commit, pointer_path(model))
            moment = Moment(commit.id, str(commit.committer.at), text)
            self._pointers[model] = moments([moment], self._pointers[model])
            pointer = read_pointer(text)
            if pointer is not None:
                self._released[model].add(pointer.version)

    def _change(self, parent: Commit | None, commit: Commit, model: str) -> ChangeFacts:
        history = self._history
        after = self._pointer(commit, model)
        pointer = read_pointer(after.text) if after else None
        before = self._pointer(parent, model)
        below = history.below(commit, f"{MODELS}/{model}")
        pasts = {name: _texts(past) for name, past in self._pointers.items()}
        return ChangeFacts(
            model=model,
            commit=commit_facts(commit),
            rules=rules_at(history, parent),
            history=_texts(self._pointers[model]),
            before=before,
            after=after,
            inputs=tuple((path, entry.id) for path, entry in below),
            inputs_before=tuple(
                (path, entry.id) for path, entry in history.below(parent, f"{MODELS}/{model}")
            ),
            kinds=kinds_between(history, model, parent, commit),
            recipe=history.text(commit, f"{MODELS}/{model}/recipe.yml"),
            irregular=tuple(path for path, entry in below if not entry.is_plain),
            evidence=_named(history, commit, pointer),
            recorded=_named(history, parent, pointer),
            has_card=pointer is not None
            and history.content(commit, card_path(model, pointer.version)) is not None,
            bom=history.content(commit, bom_path(model, pointer.version)) if pointer else None,
            candidates=self._records.for_pointer(parent, commit, model, before, after, pasts),
            unreadable=self._records.unreadable_at(commit),
            attempts=self._stored(f"{ATTEMPT_TAGS}{model}/attempts/"),
            looks=self._stored(look_tags(model)),
            any_records=self._records.any,
            merge=self._merge(parent, commit),
        )

    def _merge(self, parent: Commit | None, commit: Commit) -> StoredMerge | None:
        name = MERGED_TAGS + commit.id
        if name not in self._merges:
            return None
        tag = self._merges[name]
        keys = [key for rules in (parent, commit) for key in rules_at(self._history, rules).keys]
        target, message = (tag.target, tag.message) if tag is not None else ("", "")
        return StoredMerge(name, target, message, tuple(dict(keys).items()))

    def _stored(self, inside: str) -> tuple[StoredAttempt, ...]:
        """Return the tags below a name that may be records."""
        return tuple(
            StoredAttempt(name, tag.message)
            for name, tag in sorted(self._measured.items())
            if tag is not None and name.startswith(inside)
        )

    def _pointer(self, commit: Commit | None, model: str) -> PointerFile | None:
        entry = self._history.entry(commit, pointer_path(model))
        if entry is None:
            return None
        text = self._history.text(commit, pointer_path(model))
        return PointerFile(entry.id, text if text is not None else "")

    def _note_cards(
        self, commit: Commit, model: str, files: list[Change], moved: Change | None
    ) -> None:
        """Note changed cards of released versions; a rollback may remove later versions' cards."""
        after = self._history.text(commit, pointer_path(model)) if moved else None
        past = _texts(self._pointers[model])
        back = moved is not None and (moved[2] is None or after in past)
        for path, old, new in files:
            version = version_of(path)
            if not path.startswith(f"{CARDS}/") or version not in self._released[model]:
                continue
            if (old is None and moved is not None) or (
                new is None and back and version in self._after(model, after)
            ):
                continue
            edit = CardEdit(path, new is None, commit_facts(commit))
            self._edits[model, version].append(edit)

    def _after(self, model: str, target: str | None) -> frozenset[str]:
        """Return the versions that were live after the target was last live."""
        texts = [None, *_texts(self._pointers[model])]
        last = max((place for place, text in enumerate(texts) if text == target), default=0)
        later = (read_pointer(text) for text in texts[last + 1 :])
        return frozenset(pointer.version for pointer in later if pointer is not None)

    def _with_edits(self, change: ChangeFacts) -> ChangeFacts:
        pointer = read_pointer(change.after.text) if change.after else None
        if pointer is None or change.after is None or change.after.text in change.history:
            return change
        return replace(change, edits=tuple(self._edits[change.model, pointer.version]))

    def _note_rules(self, parent: Commit | None, commit: Commit, files: list[Change]) -> None:
        if not files:
            return
        for path, _, new in files:
            if path.startswith(KEYS + "/") and path.endswith(".pem"):
                content = self._history.text(commit, path) if new is not None else None
                if content is not None:
                    name = path.removeprefix(KEYS + "/")
                    self._keys[f"{name} {content}"] = KeyFacts(name, content, commit_facts(commit))
        paths = tuple(path for path, _, _ in files)
        pasts = {name: _texts(past) for name, past in self._pointers.items()}
        self._rules.append(
            RuleFacts(
                commit=commit_facts(commit),
                paths=paths,
                rules=rules_at(self._history, parent),
                candidates=self._records.for_rules(parent, commit, paths, pasts),
                erased=self._history.text(commit, ERASED),
                merge=self._merge(parent, commit),
            )
        )

    def _tips(self, tip: Commit) -> tuple[TipFacts, ...]:
        found = []
        names = {path.split("/")[0] for path, _ in self._history.below(tip, MODELS) if "/" in path}
        for model in sorted(names | self._pointers.keys()):
            if self._only not in (None, model):
                continue
            text = self._history.text(tip, pointer_path(model))
            below = self._history.below(tip, f"{MODELS}/{model}")
            found.append(
                TipFacts(
                    model=model,
                    pointer=text,
                    inputs=tuple((path, entry.id) for path, entry in below),
                    recipe=self._history.text(tip, f"{MODELS}/{model}/recipe.yml"),
                    evidence=_named(self._history, tip, read_pointer(text)),
                    unsigned_inputs=tuple(self._inputs_alone[model]),
                )
            )
        return tuple(found)


def _texts(past: Iterable[Moment]) -> tuple[str | None, ...]:
    return tuple(moment.content for moment in past)


def _named(history: History, commit: Commit | None, pointer: Pointer | None) -> bytes | None:
    """Return the evidence file that a pointer names, at a commit."""
    return history.content(commit, pointer.evidence.path) if pointer is not None else None
