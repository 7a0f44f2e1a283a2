"""What a run reports besides its measurements: changed data, the budget, earlier versions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from policy.facts.evidence import Evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.run_context import MAX_POINTS, LossPoint, thinned
from policy.governed import evidence_path, pointer_path
from runner.job import Job, Options, open_job
from runner.known_before import data_change, earlier_versions, expected
from tests.bot import builders as recorded
from tests.runner.worlds import row, rows, world

MODEL = "colours"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return world(tmp_path / "base", base=False)


@pytest.fixture
def proposal(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "proposal"))


def opened(proposal: Path, base: Path | None) -> Job:
    named = None if base is None else base / pointer_path(MODEL)
    return open_job(MODEL, Options(repo=proposal, incumbent=named, quiet=True))


def write(repo: Path, split: str, values: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(value) + "\n" for value in values)
    (repo / "models" / MODEL / "data" / f"{split}.jsonl").write_text(text)


def test_rows_are_compared_with_those_of_the_base_branch(proposal: Path, base: Path) -> None:
    train = rows(range(40))
    write(base, "train", train)
    write(proposal, "train", [*train[2:], row(100), row(101), row(101, id="again")])
    found = data_change(opened(proposal, base))
    assert (found.base, len(found.commit)) == ("branch", 40)
    assert found.diff is not None
    (changed,) = [file for file in found.diff.by_file if file.file.endswith("train.jsonl")]
    assert (changed.before, changed.after) == (40, 41)
    assert (changed.added, changed.removed) == (3, 2)
    assert found.diff.new_duplicates.count == 1
    assert ("train", changed.file) in {(each.split, each.file) for each in found.splits}


def test_a_model_that_the_base_branch_does_not_have_is_a_first_version(
    proposal: Path, base: Path
) -> None:
    shutil.rmtree(base / "models" / MODEL)
    assert data_change(opened(proposal, base)).base == "first"


def test_a_run_that_was_shown_no_base_branch_says_so(proposal: Path, tmp_path: Path) -> None:
    assert data_change(opened(proposal, None)).why
    loose = tmp_path / "pointer.json"
    job = open_job(MODEL, Options(repo=proposal, incumbent=loose, quiet=True))
    assert data_change(job).base == "unknown"


def test_base_data_that_cannot_be_read_are_unknown_and_stop_nothing(
    proposal: Path, base: Path
) -> None:
    (base / "models" / MODEL / "data" / "train.jsonl").unlink()
    found = data_change(opened(proposal, base))
    assert (found.base, found.diff) == ("unknown", None)
    assert "train.jsonl" in found.why


def test_a_link_on_the_base_branch_is_not_followed(proposal: Path, base: Path) -> None:
    file = base / "models" / MODEL / "data" / "train.jsonl"
    file.unlink()
    file.symlink_to("/etc/hostname")
    assert data_change(opened(proposal, base)).base == "unknown"


def test_the_estimate_names_the_budget_of_the_day(proposal: Path, base: Path) -> None:
    job = opened(proposal, base)
    rules = job.policy.model_copy(
        update={
            "budget": job.policy.budget.model_copy(
                update={"tokens_per_second": 100.0, "price_per_hour": 3.6, "max_hours": 2.0}
            )
        }
    )
    found = expected(replace(job, policy=rules))
    assert found is not None
    assert found.hours == pytest.approx(found.tokens / 100 / 3600)
    assert found.cost == pytest.approx(found.tokens / 100 * 0.001)
    assert (found.max_hours, found.max_cost, found.currency) == (2.0, None, "EUR")


def released(root: Path, *versions: Evidence) -> None:
    """Lay down the records of versions, and the pointer of the last."""
    for evidence in versions:
        pointer = pointer_of(evidence)
        assert pointer is not None
        path = root / evidence_path(recorded.MODEL, pointer.version)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(evidence.text())


def lineage(proposal: Path, base: Path) -> list[str]:
    job = opened(proposal, base)
    folder = replace(job.folder, name=recorded.MODEL)
    known = replace(job, folder=folder, pointer=recorded.pointer(2))
    return [each.version for each in earlier_versions(known)]


def test_earlier_versions_are_told_from_their_own_records(proposal: Path, base: Path) -> None:
    assert lineage(proposal, base) == []
    released(base, recorded.evidence(1), recorded.evidence(2))
    assert lineage(proposal, base) == ["v1-11111111", "v2-cccccccc"]


def test_a_record_that_was_touched_ends_the_line(proposal: Path, base: Path) -> None:
    released(base, recorded.evidence(1), recorded.evidence(2))
    path = base / evidence_path(recorded.MODEL, "v2-cccccccc")
    path.write_text(path.read_text().replace("0.9", "0.99", 1))
    assert lineage(proposal, base) == []


def test_a_record_of_another_artifact_ends_the_line(proposal: Path, base: Path) -> None:
    released(base, recorded.evidence(2))
    path = base / evidence_path(recorded.MODEL, "v1-11111111")
    path.write_text(recorded.evidence(3).text())
    assert lineage(proposal, base) == ["v2-cccccccc"]


def test_a_long_curve_keeps_its_ends() -> None:
    points = tuple(LossPoint(step=step, loss=1 / step) for step in range(1, 5001))
    kept = thinned(points)
    assert len(kept) == MAX_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert thinned(points[:7]) == points[:7]


def test_evidence_without_context_does_not_mention_it() -> None:
    text = recorded.evidence().text()
    for name in ("data_change", "expected", "earlier", "loss_curve"):
        assert name not in text
