"""The files of a release commit, from evidence alone: pointer, model card, evidence.

Everything is a pure function of the evidence and of files at the head, never of the policy or of a
clock: the same evidence gives the same tree, so a head can be recognised as a release by content.
"""

from __future__ import annotations

from bot import card
from bot.actions import FileChange
from bot.governed import CARDS, card_path, evidence_path, pointer_path
from bot.snapshot import ModelFacts
from policy.digest import git_blob_sha
from policy.evidence import SHIPPED, Evidence
from policy.pointer import (
    Pointer,
    PointerArtifact,
    PointerEvidence,
    Predecessor,
)


def pointer_of(evidence: Evidence) -> Pointer | None:
    """Return the pointer that a release of this evidence writes; None where it ships no file.

    The version counts on from the incumbent that the evidence was measured against, so an old
    release's pointer can be rebuilt from its recorded evidence.
    """
    try:
        return _pointer(evidence)
    except ValueError:  # a version or digest in the evidence that no pointer may carry
        return None


def _pointer(evidence: Evidence) -> Pointer | None:
    artifact = evidence.artifact(SHIPPED)
    if artifact is None:
        return None
    incumbent = evidence.incumbent
    count = int(incumbent.version[1:].split("-")[0]) + 1 if incumbent else 1
    version = f"v{count}-{artifact.digest.removeprefix('sha256:')[:8]}"
    return Pointer(
        model=evidence.model,
        version=version,
        artifact=PointerArtifact(
            digest=artifact.digest,
            size=artifact.size,
            uri=artifact.uri,
            quantisation=artifact.quantisation,
        ),
        evidence=PointerEvidence(
            path=evidence_path(evidence.model, version), digest=evidence.digest()
        ),
        proposal=evidence.proposal.digest,
        predecessor=(
            Predecessor(version=incumbent.version, artifact=incumbent.artifact)
            if incumbent
            else None
        ),
    )


def release_texts(facts: ModelFacts, evidence: Evidence, pointer: Pointer) -> dict[str, str]:
    """Return the text of every file that the release of `pointer` consists of, by full path."""
    version = pointer.version
    return {
        pointer_path(facts.name): pointer.text(),
        card_path(facts.name, version): card.render(evidence, pointer, facts.dataset_card),
        evidence_path(facts.name, version): evidence.text(),
    }


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
