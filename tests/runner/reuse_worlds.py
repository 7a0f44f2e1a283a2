"""A measured proposal whose baseline moved, and helpers to check what is reused."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from runner import runner_commands
from runner.attest import write_evidence
from runner.job import Options, open_job
from runner.line import gate_files
from runner.measure.subject_metrics import TIMES
from runner.publish import publish_evidence
from runner.reuse import reuse_outputs
from runner.run import Run
from tests.runner.worlds import world

MODEL = "colours"
RECIPE: dict[str, Any] = {
    "lora_r": 16,
    "learning_rate": 1e-2,
    "save_steps": 1000,
    "decoding": {"max_new_tokens": 40},
}


@dataclass(frozen=True)
class World:
    """A proposal that was measured against nothing, and a version that went live meanwhile."""

    repo: Path
    registry: Path
    live: Path
    """The pointer of the live version."""
    released: Evidence
    earlier: Evidence
    whole: Evidence
    """The proposal measured against the live version, by the whole line."""

    def run(self, folder: Path, *, reuse: Evidence | str, **changes: Any) -> Run:
        """Return a run of a clean checkout, on a machine that kept nothing."""
        repo = folder / "repo"
        if not repo.exists():
            shutil.copytree(self.repo, repo, ignore=shutil.ignore_patterns(".countersign"))
        options = Options(
            repo=repo,
            cache=folder / "cache",
            registry=str(self.registry),
            incumbent=self.live,
            reuse=reuse if isinstance(reuse, str) else reuse.digest(),
            quiet=True,
        )
        return Run(open_job(MODEL, replace(options, **changes)))

    def apart(self, folder: Path) -> Path:
        """Return a copy of the registry, which a test may spoil."""
        return Path(shutil.copytree(self.registry, folder / "registry"))


def moved_baseline(folder: Path) -> World:
    """Measure two versions apart, then the second against the first, all by whole runs."""
    registry, cache = folder / "registry", folder / "cache"

    def whole(repo: Path, *more: str) -> Evidence:
        path = folder / "evidence.json"
        words = [MODEL, "--repo", str(repo), "--registry", str(registry), "--cache", str(cache)]
        assert runner_commands.run([*words, "--evidence", str(path), "--quiet", *more]) == 0
        return parse_evidence(path.read_bytes(), str(path))

    live = world(folder / "live", recipe=RECIPE | {"max_steps": 60})
    released = whole(live)
    repo = world(folder / "repo", recipe=RECIPE | {"max_steps": 90})
    earlier = whole(repo)
    pointer = folder / "pointer.json"
    moved = pointer_of(released)
    assert moved is not None
    pointer.write_text(moved.text())
    measured = whole(repo, "--incumbent", str(pointer))
    return World(repo, registry, pointer, released, earlier, measured)


def timeless(evidence: Evidence) -> list[Any]:
    """Return every measurement and comparison without times and what is named by their bytes."""
    measured = [
        each.model_copy(
            update={
                "seconds": 0.0,
                "outputs": "",
                "metrics": tuple(one for one in each.metrics if one.name not in TIMES),
            }
        )
        for each in evidence.measurements
    ]
    return [*measured, *(each for each in evidence.comparisons if each.metric not in TIMES)]


def reuses(run: Run) -> bool:
    """Run the gates, then reuse the evidence that the run names; False if it cannot."""
    assert run.job.reuse is not None
    return reuse_outputs(run, run.job.reuse, gate_files(run))


def refused(run: Run, reason: str) -> None:
    """Assert that nothing is reused, that the stage says why, and that nothing was found by it."""
    assert not reuses(run)
    (stage,) = run.stages
    assert (stage.stage, stage.outcome) == ("reuse", "done")
    assert stage.message.startswith("nothing is reused from sha256:")
    assert re.search(reason, stage.message), stage.message
    found = run.evidence()
    assert (found.training, found.measurements, found.artifacts) == (None, (), ())
    assert found.reused is None


def said(run: Run, stage: str) -> str:
    return next(each.message for each in run.stages if each.stage == stage)


def stored(registry: Path, digest: str) -> Path:
    """Return the path of a file in a registry on disk."""
    name = digest.removeprefix("sha256:")
    return registry / "sha256" / name[:2] / name


def keep(evidence: Evidence, registry: Path, folder: Path) -> str:
    """Put evidence into the registry as a run does; return its digest."""
    path = folder / "kept.json"
    write_evidence(evidence, path)
    publish_evidence(str(registry), path)
    return evidence.digest()
