"""The files of a release commit, from evidence alone: pointer, model card, pictures, evidence.

Everything is a pure function of the evidence, of files at the head and of what the author wrote
into the pull request, never of the policy or of a clock: the same of all of them gives the same
tree, so a head can be recognised as a release by content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.facts.actions import FileChange
from bot.facts.model_state import AttemptState, ModelState
from bot.facts.snapshot import ModelFacts
from bot.report import charts, model_card
from bot.report.author_words import NO_WORDS, Words
from policy.canonical import git_blob_sha
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.governed import CARDS, card_path, evidence_path, pointer_path
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
) -> dict[str, str]:
    """Return the text of every file that the release of `pointer` consists of, by full path."""
    version = pointer.version
    return {
        pointer_path(facts.name): pointer.text(),
        card_path(facts.name, version): model_card.render(
            evidence, pointer, facts.dataset_card, overrides, attempts, signatures, words=words
        ),
        **charts.charts(evidence, pointer),
        evidence_path(facts.name, version): evidence.text(),
    }


def carry(facts: ModelFacts, state: ModelState, words: Words) -> ModelState:
    """Return a promotion with the files that its release lacks at head; none before it passed.

    The card tells what the spot-check came to, so people read the sample first.
    """
    evidence, pointer, spot = state.evidence, state.pointer, state.spot_check
    if state.kind != "promote" or not state.finding.outcome.lets_through:
        return state
    if evidence is None or pointer is None:
        return state
    if spot is not None and not spot.finding.outcome.lets_through:
        return state
    signatures = spot.signatures if spot is not None else ()
    texts = release_texts(
        facts, evidence, pointer, state.overrides, state.attempts, signatures, words=words
    )
    files = missing_files(facts, texts)
    return replace(state, files=files, carried=not files)


def missing_files(facts: ModelFacts, texts: dict[str, str]) -> tuple[FileChange, ...]:
    """Return what has to change at head so that it carries this release and no other.

    Cards of earlier releases stay exactly as the base branch has them; a leftover of an earlier
    round on this branch goes.
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
