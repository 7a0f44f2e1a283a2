"""Evidence: what was measured and who measured it, put together. Facts, and no verdict."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from policy.errors import UserError
from policy.facts.class_facts import ClassFacts
from policy.facts.evidence import (
    ArtifactFacts,
    Comparison,
    DataFacts,
    Drift,
    Evidence,
    Measurement,
    ParityFacts,
    Producer,
    Sample,
    StageFacts,
    Subject,
    TrainingFacts,
)
from policy.facts.run_context import DataChange, EarlierVersion, Expected
from policy.facts.spot_check import SpotCheck
from policy.facts.win_rate_facts import JudgeFacts
from policy.version import RUNNER_VERSION
from runner.job import Job

LIBRARIES = (
    "accelerate",
    "bitsandbytes",
    "gguf",
    "jsonschema",
    "llama-cpp-python",
    "numpy",
    "peft",
    "rouge-score",
    "sacrebleu",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)
"""The packages whose versions can change a result."""


@dataclass
class Findings:
    """What the stages of one run have found so far; attesting freezes it."""

    kind: Literal["finetune", "recovery"] = "finetune"
    stages: list[StageFacts] = field(default_factory=list)
    data: DataFacts | None = None
    training: TrainingFacts | None = None
    measurements: tuple[Measurement, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    parity: ParityFacts | None = None
    artifacts: tuple[ArtifactFacts, ...] = ()
    samples: tuple[Sample, ...] = ()
    drift: tuple[Drift, ...] = ()
    classes: dict[Subject, ClassFacts] = field(default_factory=dict)
    judge: JudgeFacts | None = None
    spot_check: SpotCheck | None = None
    reused: str | None = None
    data_change: DataChange | None = None
    expected: Expected | None = None
    earlier: tuple[EarlierVersion, ...] = ()


def attest(job: Job, found: Findings) -> Evidence:
    """Return the evidence of a run, complete or stopped."""
    return Evidence(
        kind=found.kind,
        model=job.folder.name,
        proposal=job.folder.proposal,
        commit=job.folder.commit,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        incumbent=job.incumbent,
        producer=producer(),
        stages=tuple(found.stages),
        data=found.data,
        training=found.training,
        measurements=found.measurements,
        comparisons=found.comparisons,
        parity=found.parity,
        artifacts=found.artifacts,
        samples=found.samples,
        drift=found.drift,
        classes=found.classes,
        judge=found.judge,
        spot_check=found.spot_check,
        reused=found.reused,
        attempt=job.attempt,
        data_change=found.data_change,
        expected=found.expected,
        earlier=found.earlier,
    )


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write the document whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(evidence.text(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError.one(
            str(path), f"cannot be written: {error.strerror}", "name another file with --evidence"
        ) from error


def producer() -> Producer:
    """Return who measures: code, machine and, on a runner, the workflow run."""
    return Producer(
        runner_version=RUNNER_VERSION,
        python=platform.python_version(),
        platform=platform.platform(),
        libraries=library_versions(LIBRARIES),
        device=device_name(),
        workflow_run=workflow_run(),
    )


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def device_name() -> str:
    """Return the device by name; a run that needed no torch was on the processor."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return f"cpu ({platform.machine()}, {os.cpu_count()} cores)"


def workflow_run() -> str:
    """Return the address of the GitHub Actions run that this is, or nothing."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, number = (os.environ.get(name, "") for name in names)
    if not (server and repository and number):
        return ""
    return f"{server}/{repository}/actions/runs/{number}"
