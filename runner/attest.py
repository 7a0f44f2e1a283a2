"""Who measures - code, machine, workflow run - and the file that the evidence is written to."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from policy.errors import UserError
from policy.facts.evidence import Evidence, Producer
from policy.facts.runner_version import RUNNER_VERSION
from policy.files.rules import Policy

LIBRARIES = (
    "accelerate",
    "bitsandbytes",
    "gguf",
    "jsonschema-rs",
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


def write_evidence(evidence: Evidence, path: Path) -> None:
    """Write the document completely or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(evidence.text(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError.one(
            str(path), f"cannot be written: {error.strerror}", "choose another file with --evidence"
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
    """Return the version of each of these packages that is installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def device_name() -> str:
    """Return the name of the device; a run that did not load torch used the processor."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return f"cpu ({platform.machine()}, {os.cpu_count()} cores)"


def workflow_run() -> str:
    """Return the URL of this GitHub Actions run; empty outside of one."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, number = (os.environ.get(name, "") for name in names)
    if not (server and repository and number):
        return ""
    return f"{server}/{repository}/actions/runs/{number}"


def measures_afresh(policy: Policy) -> bool:
    """Return whether this is a workflow's run on a machine whose kept results do not count."""
    return bool(workflow_run()) and not policy.runners.trusts(os.environ.get("RUNNER_NAME", ""))
