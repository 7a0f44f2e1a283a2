"""Record every look at held-out rows before a figure of it is shown or judged."""

from __future__ import annotations

from collections.abc import Iterator

from bot.facts.actions import PostCheck, RecordLook
from bot.facts.bot_sentences import TITLES
from bot.facts.looks import KnownLooks
from bot.facts.model_facts import ModelFacts
from bot.facts.snapshot import Snapshot
from countersign_ml.markdown import code
from policy.facts.look import LookRecord, count_looks, rows_name

RECORDING = "A look at the held-out rows is being recorded. It is judged again in a moment."


def consider(snapshot: Snapshot) -> tuple[RecordLook | PostCheck, ...]:
    """Return the records of looks that have none yet, and the check until they are written.

    Looks of other pull requests are among them: one that was closed, or whose head moved on, as
    soon as its run had ended.
    """
    records = [one for facts in snapshot.models for one in _records(snapshot, facts)]
    if not records:
        return ()
    head = snapshot.pull.head_sha
    waits = PostCheck(head, "action_required", TITLES["measuring"], RECORDING)
    return (*(RecordLook(record, head) for record in records), waits)


def _records(snapshot: Snapshot, facts: ModelFacts) -> Iterator[LookRecord]:
    known = list(facts.looks.records)
    for look in facts.unrecorded:
        record = LookRecord(
            repository=snapshot.repository,
            model=facts.name,
            rows=look.rows,
            key=look.key,
            earlier=count_looks(known, facts.name, look.rows).keys,
            evidence=look.evidence,
            pull=look.pull,
            user=look.user,
            at=snapshot.now,
        )
        known.append(record)
        yield record


def warnings(known: KnownLooks, model: str, rows: str) -> tuple[str, ...]:
    """Return what is wrong with the tags of looks; the looks that are known count all the same."""
    found = [
        f"The tag {name} is in the place of a record of a look, and this bot did not sign it. It "
        "counts for nothing; anyone who may push can delete it"
        for name in known.foreign
    ]
    gone = count_looks(known.records, model, rows).gone
    if missing := sorted(key for key in gone if (rows_name(rows), key) not in known.named):
        listed = ", ".join(missing[:5])
        found.append(f"Looks {listed} count without their own tags, because later ones list them")
    return tuple(found)


def crowded(known: KnownLooks) -> str:
    """Return why looks cannot be counted; empty if they can."""
    if not known.crowded:
        return ""
    return (
        f"{len(known.foreign)} tags such as {code(known.foreign[0])} are in the place of records "
        "of looks, and this bot did not sign them, so the looks are not counted. Anyone who may "
        "push can delete them; then an administrator should protect the tags countersign*/** with "
        "a ruleset that only the App bypasses."
    )
