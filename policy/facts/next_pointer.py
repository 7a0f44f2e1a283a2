"""The pointer that a release of evidence writes: a pure function of the evidence."""

from __future__ import annotations

from policy.facts.evidence import SHIPPED, Evidence
from policy.facts.pointer import Pointer, PointerArtifact, PointerEvidence, Predecessor
from policy.governed import evidence_path


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
