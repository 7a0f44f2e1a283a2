"""The base model that a recipe names: built, on disk, or from the Hub, always as a local folder.

Only safetensors files are read, and code that comes with a model is not run. Everything in a model
that can change an answer has a digest: weights, configuration, tokenizer and chat template.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from countersign_ml.pace import Progress, unheard
from countersign_ml.registry.file_digest import digest_file
from countersign_ml.rows.governed.base_folder import base_folder_problems
from policy.canonical import digest_of
from policy.errors import Problem, UserError
from policy.files.bases import is_hub_id
from policy.files.recipe import Recipe
from runner.base import build_base as base
from runner.runner_sentences import base_not_loaded

MODEL_FILES = (
    *("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"),
    *("*.tiktoken", "*.spm", "*.bpe", "*.codes"),
)
"""What transformers reads from a model; `*` also matches subfolders (of chat templates)."""


@dataclass(frozen=True)
class BaseModel:
    """A folder that `from_pretrained` reads, the digest of its files, and what pins it."""

    name: str
    path: Path
    digest: str
    revision: str


def is_spec(folder: Path) -> bool:
    """Return whether a folder describes a base model that is built from its text."""
    return folder.name == "base" and (folder / base.SPEC_FILE).is_file()


def resolve_base(
    recipe: Recipe, repo: Path, cache: Path, progress: Progress = unheard
) -> BaseModel:
    """Return the recipe's base model, building or fetching it into `cache` if needed.

    UserError if it cannot be loaded or is not what the recipe pins.
    """
    if recipe.looks_like_hub_id:
        progress(f"fetching the base model {recipe.base_model}", 0.0)
        path = _fetched(recipe, cache)
        refused = list(
            base_folder_problems(path, f"base_model {recipe.base_model}", within=path.parents[1])
        )
        if refused:
            raise UserError(refused)
        progress("hashing the base model", 0.0)
        revision = str(recipe.base_model_revision)
        return BaseModel(recipe.base_model, path, model_digest(path), revision)
    folder = (repo / recipe.base_model).resolve()
    if not folder.is_dir():
        raise base_not_loaded(recipe.base_model, "no such folder")
    if is_spec(folder):
        found = base.base_digest(folder.parent)
        _check_revision(recipe, found)
        built = base.build(folder.parent, cache / "bases", progress=progress)
        return BaseModel(recipe.base_model, built.path, model_digest(built.path), found)
    refused = list(base_folder_problems(folder, f"base_model {recipe.base_model}"))
    if refused:
        raise UserError(refused)
    progress("hashing the base model", 0.0)
    digest = model_digest(folder)
    _check_revision(recipe, digest)
    return BaseModel(recipe.base_model, folder, digest, recipe.base_model_revision or digest)


def require_same_base(base: BaseModel) -> None:
    """UserError if the base model's files are no longer the ones that were hashed.

    It is called when everything has been loaded: a file that was changed or added in between may
    have been read without being in the digest. A file that was changed and restored is not seen.
    """
    where = f"base_model {base.name}"
    within = base.path.parents[1] if is_hub_id(base.name) else None
    refused = list(base_folder_problems(base.path, where, within=within))
    if not refused and model_digest(base.path) == base.digest:
        return
    raise UserError(
        refused
        or [
            Problem(
                where,
                "its files changed during the run",
                "run it again while nothing writes to them",
            )
        ]
    )


def base_revision(folder: Path) -> str:
    """Return what would pin the base model in a folder: its spec's digest, or its files'."""
    return base.base_digest(folder.parent) if is_spec(folder) else model_digest(folder)


def model_digest(folder: Path) -> str:
    """Return the digest of every file of a model that can change its answers.

    The record of a built base is not part of the model: it has the duration of the build.
    """
    if not any(folder.glob("*.safetensors")):
        raise UserError.one(
            f"base_model {folder}",
            "has no *.safetensors file",
            "save the model with safetensors; pickled weights are not read",
        )
    for index in sorted(folder.rglob("*.safetensors.index.json")):
        _require_inside(index)
    files = {
        path.relative_to(folder).as_posix(): path
        for pattern in MODEL_FILES
        for path in folder.rglob(pattern)
        if path.is_file() and path != folder / base.RECORD_FILE
    }
    return digest_of({name: digest_file(path)[0] for name, path in files.items()})


def _require_inside(index: Path) -> None:
    """UserError if an index of weights names a file that the folder's digest does not cover.

    transformers joins such a name to the folder's path, wherever that leads. An index that is not
    JSON names nothing and cannot be loaded.
    """
    try:
        value = json.loads(index.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    shards = value.get("weight_map") if isinstance(value, dict) else None
    for shard in sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else ():
        name = PurePath(shard)
        if name.is_absolute() or ".." in name.parts or name.suffix != ".safetensors":
            raise UserError.one(
                str(index),
                f"names the weights {shard!r}, which are not a safetensors file of its folder",
                "put the file there, and use its plain file name",
            )


def load_weights(folder: Path, name: str, **settings: Any) -> Any:
    """Return the causal language model in a folder; UserError if it cannot be loaded completely.

    transformers fills missing weights with random ones and only warns; here that is an error.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    try:
        model, found = loader.from_pretrained(
            str(folder),
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **settings,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if "out of memory" in str(error):
            raise
        raise base_not_loaded(name, _first_line(error)) from error
    lacking = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
    if lacking:
        named = ", ".join(lacking[:3])
        raise base_not_loaded(name, f"its files lack or misfit {named}")
    return model


def stored_type(folder: Path) -> str:
    """Return the type of a model's stored weights, as its config names it: `bfloat16`, ..."""
    try:
        value = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise base_not_loaded(str(folder), f"config.json: {error}") from error
    named = value.get("dtype") or value.get("torch_dtype") or "float32"
    return str(named).removeprefix("torch.")


def _check_revision(recipe: Recipe, found: str) -> None:
    wanted = recipe.base_model_revision
    if wanted is not None and wanted != found:
        raise UserError.one(
            f"base_model {recipe.base_model}",
            f"is {found}, but base_model_revision names {wanted}",
            "restore the named base model, or pin the new one in recipe.yml",
        )


def _fetched(recipe: Recipe, cache: Path) -> Path:
    """Fetch a pinned commit from the Hub, unless it is already in the cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(
            snapshot_download(
                recipe.base_model,
                revision=recipe.base_model_revision,
                cache_dir=cache / "hub",
                allow_patterns=list(MODEL_FILES),
            )
        )
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise base_not_loaded(recipe.base_model, _first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
