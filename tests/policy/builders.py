"""Builders of evidence and policy: everything passes unless a test changes it."""

from __future__ import annotations

from typing import Any

from policy import documents
from policy.facts.evidence import (
    ArtifactFacts,
    Comparison,
    DataFacts,
    Evidence,
    GateFacts,
    Incumbent,
    Measurement,
    Metric,
    PairedCounts,
    ParityFacts,
    Producer,
    SplitFacts,
    StageFacts,
    TrainingFacts,
)
from policy.facts.proposal import propose
from policy.files.rules import Policy
from policy.gates.judge import DATA_GATES, STAGES

MODEL = "support-triage"
CANDIDATE = "sha256:" + "c" * 64
INCUMBENT = "sha256:" + "1" * 64
BASE = "sha256:" + "b" * 64
ROWS = "sha256:" + "d" * 64
OUTPUTS = "sha256:" + "e" * 64
COMMIT = "a" * 40

POLICY = """
version: 1
merge: bot
roles:
  ml-lead: {users: [grace]}
  operations: {users: [omar]}
sign_off:
  promote: {ml-lead: 1, operations: 1}
  rollback: {operations: 1}
gates:
  metrics:
    - {metric: exact_match, min: 0.5, max_drop: 0.05, min_gain_over_base: 0.2}
"""


def policy(text: str = POLICY) -> Policy:
    return documents.parse(Policy, text, "policy/policy.yml")


def proposal(**changes: Any) -> Any:
    return propose(
        MODEL,
        [("recipe.yml", "1" * 40), ("base/base.yml", "2" * 40), ("pointer.json", "3" * 40)],
        changes.get("base_model", "models/support-triage/base"),
        changes.get("base_revision"),
    )


def data(test_rows: int = 300, **counts: int) -> DataFacts:
    return DataFacts(
        splits=(
            SplitFacts(split="train", path="train.jsonl", rows=1000, digest=ROWS),
            SplitFacts(split="test", path="test.jsonl", rows=test_rows, digest=ROWS),
        ),
        gates=tuple(GateFacts(gate=gate, count=counts.get(gate, 0)) for gate in DATA_GATES),
    )


def measurement(subject: Any, model: str, share: float, n: int = 300) -> Measurement:
    metric = Metric(name="exact_match", kind="share", value=share, n=n, successes=round(share * n))
    return Measurement(
        subject=subject,
        engine="llama.cpp 0.3.36",
        model=model,
        rows=ROWS,
        outputs=OUTPUTS,
        metrics=(metric,),
        seconds=2.0,
    )


def training(**changes: Any) -> TrainingFacts:
    facts: dict[str, Any] = {
        "base_weights": BASE,
        "base_revision": BASE,
        "dataset": ROWS,
        "rows": 1000,
        "rows_truncated": 0,
        "rows_without_trained_tokens": 0,
        "stop_token_trained": True,
        "trained_tokens": 40_000,
        "total_tokens": 120_000,
        "steps": 375,
        "epochs": 3.0,
        "first_loss": 3.2,
        "final_loss": 0.1,
        "trainable_parameters": 100_000,
        "total_parameters": 900_000,
        "device": "cpu",
        "precision": "fp32",
        "seconds": 30.0,
        "peak_memory_bytes": 10**9,
        "seed": 7,
        "adapter": OUTPUTS,
    }
    return TrainingFacts(**{**facts, **changes})


def compared(both: int = 150, lost: int = 3, won: int = 120, neither: int = 27) -> Comparison:
    counts = PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)
    return Comparison(metric="exact_match", first="incumbent", second="candidate", counts=counts)


def facing(both: int, lost: int, won: int, neither: int, **changes: Any) -> Evidence:
    """Return evidence whose candidate and incumbent differ on exactly these rows."""
    n = both + lost + won + neither
    found = (
        ("base", BASE, 0),
        ("incumbent", INCUMBENT, both + lost),
        ("candidate", CANDIDATE, both + won),
    )
    facts: dict[str, Any] = {
        "measurements": tuple(
            measurement(subject, model, right / n if n else 0.0, n)
            for subject, model, right in found
        ),
        "comparisons": (compared(both, lost, won, neither),),
        "data": data(test_rows=n),
        "parity": ParityFacts(prompts=n, prompts_with_equal_tokens=n, answers=n, equal_answers=n),
    }
    return evidence(**{**facts, **changes})


def evidence(**changes: Any) -> Evidence:
    """Return evidence of a good fine-tune: 90 % against an incumbent's 51 % and a base's 0 %."""
    facts: dict[str, Any] = {
        "kind": "finetune",
        "model": MODEL,
        "proposal": proposal(),
        "commit": COMMIT,
        "created": "2026-01-02T03:04:05Z",
        "incumbent": Incumbent(version="v1-11111111", artifact=INCUMBENT),
        "producer": Producer(
            runner_version="0.1.0", python="3.11", platform="linux", libraries={}, device="cpu"
        ),
        "stages": tuple(StageFacts(stage=s, outcome="done", seconds=5.0) for s in STAGES),
        "data": data(),
        "training": training(),
        "measurements": (
            measurement("base", BASE, 0.0),
            measurement("incumbent", INCUMBENT, 0.51),
            measurement("candidate", CANDIDATE, 0.9),
        ),
        "comparisons": (compared(),),
        "parity": ParityFacts(
            prompts=300, prompts_with_equal_tokens=300, answers=300, equal_answers=299
        ),
        "artifacts": (
            ArtifactFacts(
                name="model.gguf", digest=CANDIDATE, size=10, uri="file:///r", media="gguf"
            ),
        ),
    }
    return Evidence(**{**facts, **changes})
