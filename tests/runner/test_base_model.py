"""A base model is a complete folder of safetensors, the one that the recipe pins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from policy.errors import UserError
from policy.files.recipe import Recipe
from runner.base.base_model import load_weights, model_digest, require_same_base, resolve_base
from tests.runner.worlds import saved_base


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_base(tmp_path_factory.mktemp("base") / "models" / "m" / "tiny")


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate({"base_model": "models/m/tiny"} | changes)


def test_a_folder_is_known_by_its_files(made: Path, tmp_path: Path) -> None:
    found = resolve_base(recipe(), made.parents[2], tmp_path)
    assert (found.path, found.digest) == (made, model_digest(made))
    pinned = recipe(base_model_revision=found.digest)
    assert resolve_base(pinned, made.parents[2], tmp_path) == found
    other = recipe(base_model_revision="sha256:" + "0" * 64)
    with pytest.raises(UserError, match="but base_model_revision names sha256:0000"):
        resolve_base(other, made.parents[2], tmp_path)


def test_several_files_are_one_model(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    one = model_digest(place)
    shutil.copy(place / "model.safetensors", place / "model-2.safetensors")
    assert model_digest(place) != one


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer_config.json",
        "tokenizer.json",
        "config.json",
        "generation_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
        "model.safetensors.index.json",
        "merges.txt",
        "tokenizer.model",
        "additional_chat_templates/tools.jinja",
    ],
)
def test_every_file_that_changes_answers_is_pinned(made: Path, tmp_path: Path, name: str) -> None:
    place = shutil.copytree(made, tmp_path / "models" / "m" / "tiny")
    before = model_digest(place)
    file = place / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((file.read_bytes() if file.is_file() else b"") + b"\n")
    assert model_digest(place) != before
    with pytest.raises(UserError, match="but base_model_revision names"):
        resolve_base(recipe(base_model_revision=before), tmp_path, tmp_path)


def test_what_no_answer_depends_on_is_not_pinned(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    for name in ("README.md", "LICENSE", ".gitattributes", "base.json"):
        (place / name).write_text("words")
    assert model_digest(place) == model_digest(made)


def test_a_torn_file_is_said(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    weights = place / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="base_model tiny: cannot be loaded"):
        load_weights(place, "tiny")


def test_weights_that_are_missing_are_not_made_up(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    weights = load_file(place / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack or misfit model\.layers\.1\.mlp\.up_proj\.weight"):
        load_weights(place, "tiny")


def test_code_that_comes_with_a_model_is_not_run(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    settings = json.loads((place / "config.json").read_text())
    settings["model_type"] = "own"
    settings["auto_map"] = {
        "AutoConfig": "evil.Config",
        "AutoModelForCausalLM": "evil.Model",
    }
    (place / "config.json").write_text(json.dumps(settings))
    marker = tmp_path / "ran"
    (place / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    with pytest.raises(UserError, match="cannot be loaded"):
        load_weights(place, "tiny")
    assert not marker.exists()


def test_a_hub_model_without_a_network_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    named = recipe(base_model="owner/name", base_model_revision="0" * 40)
    with pytest.raises(UserError, match="base_model owner/name: cannot be loaded"):
        resolve_base(named, tmp_path, tmp_path)


@pytest.mark.parametrize("shard", ["../elsewhere.safetensors", "{there}/elsewhere.safetensors"])
def test_weights_outside_the_folder_are_no_part_of_what_was_pinned(
    made: Path, tmp_path: Path, shard: str
) -> None:
    place = shutil.copytree(made, tmp_path / "tiny")
    weights = load_file(place / "model.safetensors")
    (place / "model.safetensors").unlink()
    names = sorted(weights)
    save_file({names[0]: weights[names[0]]}, place / "inside.safetensors", {"format": "pt"})
    outside = {name: weights[name] for name in names[1:]}
    save_file(outside, tmp_path / "elsewhere.safetensors", {"format": "pt"})
    files = dict.fromkeys(names[1:], shard.format(there=tmp_path))
    index = {"metadata": {}, "weight_map": {names[0]: "inside.safetensors", **files}}
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"elsewhere\.safetensors"):
        resolve_base(recipe(base_model=str(place)), tmp_path, tmp_path)


@pytest.mark.parametrize(
    "name", ["adapter_config.json", "adapter_model.safetensors", "deep/Adapter_Config.json"]
)
def test_an_adapter_in_a_base_is_refused(made: Path, tmp_path: Path, name: str) -> None:
    """transformers would load the base that the adapter names, with an unchanged digest."""
    place = shutil.copytree(made, tmp_path / "models" / "m" / "tiny")
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text(json.dumps({"base_model_name_or_path": "somebody/else"}))
    with pytest.raises(UserError, match="belongs to an adapter"):
        resolve_base(recipe(), tmp_path, tmp_path)


def test_a_link_out_of_a_base_is_refused(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "models" / "m" / "tiny")
    shutil.move(place / "model.safetensors", tmp_path / "elsewhere.safetensors")
    (place / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(UserError, match="is a link out of the folder"):
        resolve_base(recipe(), tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["adapter_config.json", "chat_template.jinja", "source.spm"])
def test_a_file_that_is_added_to_a_base_after_it_was_hashed_fails(
    made: Path, tmp_path: Path, name: str
) -> None:
    """It could have been read by one of the loaders, and is in no digest."""
    place = shutil.copytree(made, tmp_path / "models" / "m" / "tiny")
    base = resolve_base(recipe(), tmp_path, tmp_path)
    require_same_base(base)
    (place / name).write_text("{}")
    with pytest.raises(UserError, match=r"adapter|changed during the run"):
        require_same_base(base)


def test_a_file_of_the_hub_cache_that_links_elsewhere_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub links files to its own store; a link planted in the cache leads out of it."""
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / ("0" * 40)
    shutil.copytree(made, snapshot)
    blobs = snapshot.parents[1] / "blobs"
    blobs.mkdir()
    shutil.move(snapshot / "config.json", blobs / "config")
    (snapshot / "config.json").symlink_to(blobs / "config")
    monkeypatch.setattr("runner.base.base_model._fetched", lambda *_: snapshot)
    hub = recipe(base_model="a/b", base_model_revision="0" * 40)
    assert resolve_base(hub, tmp_path, tmp_path).path == snapshot
    shutil.move(blobs / "config", tmp_path / "config")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "config")
    with pytest.raises(UserError, match="is a link out of the folder"):
        resolve_base(hub, tmp_path, tmp_path)
