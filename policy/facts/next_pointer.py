"""The pointer of a release, computed from its evidence alone."""

from __future__ import annotations

from policy.facts.evidence import SHIPPED, Evidence
from policy.facts.pointer import (
    Pointer,
    PointerArtifact,
    PointerEvidence,
    Predecessor,
    next_version,
)
from policy.governed import evidence_path


def pointer_of(evidence: Evidence) -> Pointer | None:
    """Return the pointer for a release of this evidence; None if it ships no file.

    The version number continues from the incumbent that the evidence was measured against, so an
    old release's pointer can be rebuilt from its recorded evidence.
    """
    try:
        return _pointer(evidence)
    except ValueError:  # the evidence has a version or digest that no pointer may have
        return None


def _pointer(evidence: Evidence) -> Pointer | None:
    artifact = evidence.artifact(SHIPPED)
    if artifact is None:
        return None
    incumbent = evidence.incumbent
    version = next_version(artifact.digest, incumbent.version if incumbent else None)
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
