"""A model's folder is read completely: its digest is git's, and every problem is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from countersign_ml.git import find_repository
from countersign_ml.rows.governed.governed_model import load_governed, load_model, load_policy
from policy.errors import UserError
from policy.facts.proposal import propose
from tests.runner.worlds import CARD, CONTRACT, card_text, commit, git, world


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return world(tmp_path / "repo", base=False)


def problems(repo: Path, model: str = "colours") -> str:
    with pytest.raises(UserError) as caught:
        load_governed(repo, model, repo / "policy" / "policy.yml")
    return str(caught.value)


def test_the_digest_is_what_gits_trees_give(repo: Path) -> None:
    listed = git(repo, "ls-tree", "-r", "HEAD", "models/colours").splitlines()
    blobs = [
        (line.split("\t")[1].removeprefix("models/colours/"), line.split()[2]) for line in listed
    ]
    folder = load_model(repo, "colours")
    expected = propose("colours", blobs, folder.recipe.base_model, None)
    assert folder.proposal == expected
    assert folder.commit == git(repo, "rev-parse", "HEAD").strip()


def test_a_changed_file_is_another_proposal_and_uncommitted(repo: Path) -> None:
    before = load_model(repo, "colours")
    (repo / "models/colours/contract/notes.txt").write_text("new")
    after = load_model(repo, "colours")
    assert after.proposal.digest != before.proposal.digest
    assert after.commit == "uncommitted"
    commit(repo)
    assert load_model(repo, "colours").commit == git(repo, "rev-parse", "HEAD").strip()


def test_the_pointer_is_no_input(repo: Path) -> None:
    before = load_model(repo, "colours").proposal
    (repo / "models/colours/pointer.json").write_text("{}")
    assert load_model(repo, "colours").proposal == before
    commit(repo)
    assert load_model(repo, "colours").commit == git(repo, "rev-parse", "HEAD").strip()


def test_every_files_problems_come_together(repo: Path) -> None:
    place = repo / "models/colours"
    recipe = yaml.safe_load((place / "recipe.yml").read_text())
    (place / "recipe.yml").write_text(yaml.safe_dump(recipe | {"lora_rank": 8}))
    (place / "contract/contract.yml").write_text(yaml.safe_dump(CONTRACT | {"task": "guess"}))
    (place / "data/train.jsonl").unlink()
    (repo / "policy/policy.yml").write_text("version: 2\n")
    said = problems(repo)
    assert "recipe.yml:" in said
    assert "did you mean 'lora_r'?" in said
    assert "contract.yml:" in said
    assert "README.md configs: names models/colours/data/train.jsonl" in said
    assert "policy.yml:1" in said


def test_a_link_is_refused(repo: Path) -> None:
    (repo / "models/colours/data/more.jsonl").symlink_to("/etc/hostname")
    assert "models/colours/data/more.jsonl: a symbolic link" in problems(repo)


def test_a_schema_may_not_fetch(repo: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "https://example.org/s.json"}}}
    (repo / "models/colours/contract/output.schema.json").write_text(json.dumps(schema))
    assert "refers to 'https://example.org/s.json', which is outside this file" in problems(repo)


def test_a_schema_that_is_none_is_named(repo: Path) -> None:
    path = repo / "models/colours/contract/output.schema.json"
    path.write_text(json.dumps({"type": "objekt"}))
    assert "output.schema.json type: not a valid JSON Schema" in problems(repo)
    path.write_text("{")
    assert "output.schema.json:1: not valid JSON" in problems(repo)


def test_an_unknown_model_names_the_nearest(repo: Path) -> None:
    assert "did you mean 'colours'?" in problems(repo, "colors")
    assert "not a model's name" in problems(repo, "../colours")


def test_a_base_outside_the_repository_is_refused(repo: Path) -> None:
    path = repo / "models/colours/recipe.yml"
    recipe = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(recipe | {"base_model": "../../elsewhere/base"}))
    assert "recipe.yml:1 base_model: '../../elsewhere/base' leaves the repository" in problems(repo)
    path.write_text(yaml.safe_dump(recipe | {"base_model": "models/colours/none"}))
    assert "there is no folder 'models/colours/none'" in problems(repo)


def test_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="git init"):
        find_repository(tmp_path)
    with pytest.raises(UserError, match="check --repo"):
        find_repository(tmp_path / "nowhere")


def test_a_card_without_front_matter_is_named(repo: Path) -> None:
    (repo / "models/colours/data/README.md").write_text("# Colours\n")
    assert "data/README.md:1: no YAML front matter" in problems(repo)
    files = [{"split": "train", "path": name} for name in ("a.jsonl", "b.jsonl")]
    twice = CARD | {"configs": [{"data_files": files}]}
    (repo / "models/colours/data/README.md").write_text(card_text(twice))
    assert "split 'train' is named twice" in problems(repo)


def test_a_missing_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name another with --policy"):
        load_policy(tmp_path / "policy.yml")
