"""Evidence of any proposal against whatever is live: what a run would have measured, at once."""

from __future__ import annotations

from functools import lru_cache

from bot.facts.proposed import head_proposal, rollback_key
from policy.facts.evidence import ArtifactFacts, Evidence, Incumbent, PairedCounts, StageFacts
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer
from policy.facts.proposal import run_key
from policy.gates.judge import RECOVERY_STAGES
from tests.bot import builders as a

PROPOSALS = (1, 2, 3, 4)
"""What may be proposed; the data is what differs."""
WEAK = 4
"""The one whose model measures below every bar."""


def artifact(number: int) -> str:
    return "sha256:" + str(number) * 64


@lru_cache(maxsize=512)
def measured(number: int, live: str | None) -> Evidence:
    """Evidence of a proposal against the live pointer, given as text."""
    before = read_pointer(live)
    share = 0.3 if number == WEAK else 0.9
    candidate = a.measured.measurement("candidate", artifact(number), share)
    subjects = [a.measured.measurement("base", a.measured.BASE, 0.0)]
    comparisons = []
    if before is not None:
        old = a.measured.measurement("incumbent", before.artifact.digest, 0.51)
        subjects.append(old)
        counts = PairedCounts(both=150, only_first=3, only_second=120, neither=27)
        if number == WEAK:
            counts = PairedCounts(both=80, only_first=73, only_second=10, neither=137)
        comparisons.append(a.measured.compared().model_copy(update={"counts": counts}))
    return a.evidence(
        1,
        proposal=head_proposal(a.facts_of(number)),
        incumbent=None
        if before is None
        else Incumbent(version=before.version, artifact=before.artifact.digest),
        measurements=(*subjects, candidate),
        comparisons=tuple(comparisons),
        artifacts=(
            ArtifactFacts(
                name="model.gguf",
                digest=artifact(number),
                size=1_400_000,
                uri=f"file:///registry/{artifact(number)}",
                media="gguf",
                quantisation="Q8_0",
            ),
        ),
    )


@lru_cache(maxsize=512)
def repeated(target: str, live: str) -> Evidence:
    """Evidence that the target's file is whole and measures as it did; both are pointers' texts."""
    back, before = read_pointer(target), read_pointer(live)
    assert back is not None
    assert before is not None
    number = int(back.artifact.digest[-1])
    share = 0.3 if number == WEAK else 0.9
    return measured(number, None).model_copy(
        update={
            "kind": "recovery",
            "incumbent": Incumbent(version=before.version, artifact=before.artifact.digest),
            "stages": tuple(
                StageFacts(stage=stage, outcome="done", seconds=5.0) for stage in RECOVERY_STAGES
            ),
            "measurements": (a.measured.measurement("candidate", artifact(number), share),),
            "comparisons": (),
            "training": None,
        }
    )


def forward_runs(live: str | None) -> dict[str, str]:
    """Run key to evidence text, of every proposal against the live pointer."""
    before = read_pointer(live)
    incumbent = before.artifact.digest if before is not None else None
    return {
        run_key(head_proposal(a.facts_of(number)).digest, incumbent): measured(number, live).text()
        for number in PROPOSALS
    }


def rollback_runs(history: set[str], live: str, pulls: list[int]) -> dict[str, str]:
    """Run key to evidence text, of every way back from the live pointer in any of the pulls."""
    found = {}
    for target in history - {live}:
        text = repeated(target, live).text()
        for number in pulls:
            found[rollback_key(_digest(target), _digest(live), number)] = text
    return found


def _digest(text: str) -> str:
    found: Pointer | None = read_pointer(text)
    assert found is not None
    return found.artifact.digest


def proposal_of(rows: str) -> int:
    """The number of the proposal whose training rows these are."""
    return int(rows.rpartition(" ")[2])
