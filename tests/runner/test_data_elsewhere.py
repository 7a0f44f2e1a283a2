"""Rows outside git are fetched, checked, gated and trained on as rows in git are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
import zstandard

from countersign_ml.rows.read.row import Row
from countersign_ml.rows.tools.validate_command import main
from policy.errors import UserError
from runner.data_gates import accepted_rows, gate_data
from runner.job import Job, Options, open_job
from runner.known_before import data_change
from tests.runner.worlds import POLICY, row, rows, world


def elsewhere(folder: Path, *, rows_said: int = 0) -> Path:
    """Lay down a model whose training rows lie in two packed files in a store."""
    store = folder / "store"
    store.mkdir()
    files = []
    for number, part in enumerate((rows(range(25)), [*rows(range(25, 40)), row(900, approved=0)])):
        data = b"\n".join(json.dumps(each).encode() for each in part) + b"\n"
        packed = zstandard.ZstdCompressor().compress(data)
        place = store / f"train-{number}.jsonl.zst"
        place.write_bytes(packed)
        sha = hashlib.sha256(packed).hexdigest()
        files.append({"split": "train", "uri": f"file://{place}", "sha256": sha,
                      "size": len(packed), "rows": rows_said or len(part)})  # fmt: skip
    data_rules = POLICY["gates"]["data"] | {"places": [f"file://{store}"]}
    policy = {**POLICY, "gates": POLICY["gates"] | {"data": data_rules}}
    repo = world(folder / "repo", base=False, policy=policy)
    (repo / "models/colours/data/train.jsonl").unlink()
    manifest = repo / "models/colours/data/manifest.yml"
    manifest.write_text(yaml.safe_dump({"version": 1, "files": files}))
    return repo


def opened(repo: Path) -> Job:
    return open_job("colours", Options(repo=repo, cache=repo.parent / "cache", quiet=True))


def test_a_manifests_rows_are_gated_and_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = elsewhere(tmp_path)
    job = opened(repo)
    gated = gate_data(job.folder, job.policy.gates.data)
    facts = gated.facts
    assert facts.rows("train") == 41
    (approved,) = [gate for gate in facts.gates if gate.gate == "approved"]
    (found,) = approved.findings
    assert (found.file, found.line, found.id) == ("models/colours/data/train.jsonl", 41, "r-900")
    trained = list(accepted_rows(job.folder, gated, "train"))
    assert [each.id for each in trained] == [f"r-{number}" for number in range(40)]
    assert all(isinstance(each, Row) for each in trained)
    base = world(tmp_path / "base", base=False)
    change = data_change(replace(job, base=base))
    assert change.splits[1].file == "models/colours/data/train.jsonl"
    assert change.diff is not None
    assert (change.base, change.diff.added.count) == ("branch", 1)
    monkeypatch.setenv("COUNTERSIGN_CACHE", str(tmp_path / "cache"))
    assert main(["colours", "--repo", str(repo), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["files"][0]["rows"] == 41


def test_the_proposal_is_bound_to_the_manifest(tmp_path: Path) -> None:
    repo = elsewhere(tmp_path)
    before = opened(repo).folder
    assert "data/manifest.yml" in {each.path for each in before.proposal.inputs}
    manifest = repo / "models/colours/data/manifest.yml"
    text = manifest.read_text()
    other = yaml.safe_load(text)
    other["files"].reverse()
    manifest.write_text(yaml.safe_dump(other))
    after = opened(repo).folder
    assert after.proposal.digest != before.proposal.digest
    assert after.data_file("train") != before.data_file("train")


@pytest.mark.parametrize("spoilt", ["store", "cache"])
def test_other_bytes_than_were_named_are_never_read(tmp_path: Path, spoilt: str) -> None:
    repo = elsewhere(tmp_path)
    if spoilt == "store":
        place = tmp_path / "store/train-1.jsonl.zst"
        data = bytearray(place.read_bytes())
        data[-1] ^= 1
        place.write_bytes(bytes(data))
        with pytest.raises(UserError):
            opened(repo)
        assert not list((tmp_path / "cache/data").glob("*.jsonl"))
        return
    kept = opened(repo).folder.data_file("train")
    whole = kept.read_bytes()
    kept.write_bytes(whole.replace(b"red", b"blue"))
    assert opened(repo).folder.data_file("train").read_bytes() == whole


def test_another_number_of_rows_and_another_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the manifest says 7"):
        opened(elsewhere(tmp_path, rows_said=7))
    repo = tmp_path / "repo"
    policy = yaml.safe_load((repo / "policy/policy.yml").read_text())
    policy["gates"]["data"]["places"] = ["s3://ours"]
    (repo / "policy/policy.yml").write_text(yaml.safe_dump(policy))
    with pytest.raises(UserError, match="is not in an allowed place"):
        opened(repo)


def test_a_dvc_file_stands_for_its_rows_with_and_without_them(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo", base=False)
    data = repo / "models/colours/data"
    file = data / "train.jsonl"
    content = file.read_bytes()
    md5 = hashlib.md5(content).hexdigest()
    out = {"md5": md5, "size": len(content), "hash": "md5", "path": "train.jsonl"}
    (data / "train.jsonl.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    pulled = opened(repo).folder
    assert gate_data(pulled, opened(repo).policy.gates.data).facts.rows("train") == 40
    kept = repo / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    kept.parent.mkdir(parents=True)
    file.rename(kept)
    absent = opened(repo).folder
    assert absent.proposal.digest == pulled.proposal.digest
    assert "data/train.jsonl" not in {each.path for each in absent.proposal.inputs}
    kept.write_bytes(content.replace(b"red", b"tan"))
    (tmp_path / "cache/data").rename(tmp_path / "cache/gone")
    with pytest.raises(UserError, match="MD5"):
        opened(repo)


def test_a_manifest_that_does_not_name_the_split_is_refused(tmp_path: Path) -> None:
    repo = elsewhere(tmp_path)
    (repo / "models/colours/data/test.jsonl").unlink()
    with pytest.raises(UserError, match="names no file for the split 'test'"):
        opened(repo)
