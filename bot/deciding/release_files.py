"""The files of a release commit, from evidence alone: pointer, card, pictures, bill, evidence.

The files depend on the evidence, on files at the head and on what the author wrote into the pull
request, never on the policy or on a clock. The same inputs give the same tree, so the content of a
head shows whether it is a release.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.facts.actions import FileChange
from bot.facts.looks import Look
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import AttemptState, ModelState, Release
from bot.report import charts, model_card
from bot.report.author_words import NO_WORDS, Words
from countersign_ml.attestation.ml_bom import render, terms_of
from policy.canonical import git_blob_sha
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.governed import CARDS, bom_path, card_path, evidence_path, pointer_path
from policy.people.sign_off_record import Override
from policy.people.spot_check_signatures import SpotCheckSignature


def release_texts(
    facts: ModelFacts,
    evidence: Evidence,
    pointer: Pointer,
    overrides: Sequence[Override] = (),
    attempts: Sequence[AttemptState] = (),
    signatures: Sequence[SpotCheckSignature] = (),
    *,
    words: Words = NO_WORDS,
    look: Look | None = None,
) -> dict[str, str]:
    """Return the text of every file that the release of `pointer` consists of, by full path."""
    version = pointer.version
    return {
        pointer_path(facts.name): pointer.text(),
        card_path(facts.name, version): model_card.render(
            evidence,
            pointer,
            facts.dataset_card,
            overrides,
            attempts,
            signatures,
            words=words,
            look=look,
        ),
        **charts.charts(evidence, pointer),
        bom_path(facts.name, version): render(
            evidence, pointer, terms_of(model_card.dataset_of(facts.dataset_card))
        ),
        evidence_path(facts.name, version): evidence.text(),
    }


def consider(facts: ModelFacts, state: ModelState, words: Words) -> Release:
    """Return what the head lacks of a model's release, and whether it carries all of it.

    A rollback adds no files: its pull request moves the pointer itself. A promotion waits for the
    spot-check, because its model card shows who read the sample.
    """
    evidence, pointer, spot = state.evidence, state.pointer, state.spot_check
    passed = state.finding.outcome.lets_through
    if state.kind == "rollback":
        return Release(carried=passed)
    if state.kind != "promote" or not passed or evidence is None or pointer is None:
        return Release()
    if spot is not None and not spot.finding.outcome.lets_through:
        return Release()
    texts = release_texts(
        facts,
        evidence,
        pointer,
        state.judged.overrides,
        state.judged.attempts.states,
        spot.signatures if spot is not None else (),
        words=words,
        look=state.judged.look,
    )
    files = missing_files(facts, texts)
    return Release(files, carried=not files)


def missing_files(facts: ModelFacts, texts: dict[str, str]) -> tuple[FileChange, ...]:
    """Return what has to change at head so that it carries this release and no other.

    Cards of earlier releases stay exactly as the base branch has them. What an earlier round left
    on this branch is removed.
    """
    folder = f"{CARDS}/{facts.name}/"
    head = {folder + path: blob for path, blob in facts.head_cards}
    if facts.head_pointer is not None:
        head[pointer_path(facts.name)] = git_blob_sha(facts.head_pointer.encode())
    base = {folder + path: blob for path, blob in facts.base_cards}
    fork = {folder + path: blob for path, blob in facts.fork_cards}
    changes: list[FileChange] = []
    for path, text in sorted(texts.items()):
        if head.get(path) != git_blob_sha(text.encode()):
            changes.append(FileChange(path, text=text))
    for path in sorted((head.keys() | base.keys()) - texts.keys()):
        if head.get(path) == base.get(path):
            continue
        if path not in head and path not in fork:
            continue  # a card that arrived on the base branch meanwhile; the merge brings it
        changes.append(FileChange(path, blob=base.get(path)))
    return tuple(changes)
