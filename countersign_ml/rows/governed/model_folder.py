"""The governed repository on this machine: where it is, and what one model's folder holds.

Everything below `models/<model>/` but the pointer is an input of the proposal. The digest is taken
from the bytes in the working tree, so that a laptop and the bot, which reads git's trees, come to
the same name for the same files.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from countersign_ml.rows.governed.fetched import DVC, fetch, lies_elsewhere
from countersign_ml.rows.read.json_schemas import SchemaChecker, load_schema
from policy import documents
from policy.errors import Problem, UserError
from policy.facts.proposal import POINTER_FILE, Proposal, propose
from policy.files.contract import Contract
from policy.files.dataset_card import DatasetCard, parse_card
from policy.files.recipe import Recipe
from policy.files.rules import Policy
from policy.names import ModelName
from runner import messages, model_messages

RECIPE, CONTRACT, CARD = "recipe.yml", "contract/contract.yml", "data/README.md"
_MODEL_NAME: TypeAdapter[str] = TypeAdapter(ModelName)
_CHUNK = 1 << 20
T = TypeVar("T")
D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class ModelFolder:
    """One governed model as its files say it is; every file was read and holds together."""

    name: str
    repo: Path
    path: Path
    recipe: Recipe
    contract: Contract
    card: DatasetCard
    input_schema: SchemaChecker | None
    output_schema: SchemaChecker | None
    blobs: tuple[tuple[str, str], ...]
    fetched: Mapping[str, Path] = field(default_factory=dict)
    """Where the rows of splits that lie outside git were brought to."""

    @cached_property
    def proposal(self) -> Proposal:
        """Return what this folder asks for, named by its digest."""
        recipe = self.recipe
        return propose(self.name, self.blobs, recipe.base_model, recipe.base_model_revision)

    @cached_property
    def commit(self) -> str:
        """Return HEAD's id where its tree holds exactly these inputs, else `uncommitted`."""
        head = _git(self.repo, "rev-parse", "--verify", "--quiet", "HEAD")
        listed = _git(self.repo, "ls-tree", "-rz", "HEAD", "--", f"models/{self.name}")
        if head is None or listed is None:
            return "uncommitted"
        prefix = f"models/{self.name}/"
        committed = set()
        for entry in filter(None, listed.split("\0")):
            facts, _, path = entry.partition("\t")
            committed.add((path.removeprefix(prefix), facts.split()[2]))
        inputs = {entry for entry in committed if entry[0] != POINTER_FILE}
        return head.strip() if inputs == set(self.blobs) else "uncommitted"

    @property
    def pointer_file(self) -> Path:
        return self.path / POINTER_FILE

    def data_file(self, split: str) -> Path:
        """Return the file of one split."""
        return self.fetched.get(split) or self.path / "data" / self.card.splits[split]

    def with_data(self, cache: Path, places: Sequence[str]) -> ModelFolder:
        """Return this folder with its rows at hand: those outside git are fetched into `cache`."""
        fetched = fetch(self.path / "data", self.card.splits, cache, places)
        return replace(self, fetched=fetched) if fetched else self

    def where(self, path: Path) -> str:
        """Return a path as people write it: relative to the repository, and of rows that were
        fetched, where the card has them."""
        for split, file in self.fetched.items():
            if file == path:
                path = self.path / "data" / self.card.splits[split]
        return str(path.relative_to(self.repo))


def find_repository(given: Path | None) -> Path:
    """Return the top folder of the git repository at `given` (or here)."""
    start = given or Path.cwd()
    if not start.is_dir():
        raise messages.no_such_folder(start)
    try:
        done = _asked(start, "rev-parse", "--show-toplevel")
    except FileNotFoundError as error:
        raise messages.git_not_installed() from error
    if done.returncode != 0:
        said = done.stderr.strip().partition("\n")[0].removeprefix("fatal: ")
        raise messages.no_repository(start, said)
    return Path(done.stdout.rstrip("\n"))


def model_names(repo: Path) -> list[str]:
    """Return the governed models of a repository: folders with a recipe."""
    folder = repo / "models"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / RECIPE).is_file())


def load_policy(path: Path) -> Policy:
    """Read the policy by which a run stops early; the bot judges again by its own."""
    if not path.is_file():
        raise messages.missing_policy(str(path))
    return documents.parse(Policy, _text(path, str(path)), str(path))


def load_model(repo: Path, name: str, policy: Path | None = None) -> ModelFolder:
    """Read a model's folder, or raise every problem of all its files at once.

    A policy file that is named is read too, only so that its problems stand in the same list.
    """
    folder = _model_path(repo, name)
    problems: list[Problem] = []
    blobs = tuple(_blobs(folder, repo, problems))
    recipe = _collect(problems, lambda: _document(Recipe, folder / RECIPE, repo))
    contract = _collect(problems, lambda: _document(Contract, folder / CONTRACT, repo))
    card = _collect(problems, lambda: _card(folder / CARD, repo))
    if policy is not None:
        _collect(problems, lambda: load_policy(policy))
    schemas: list[SchemaChecker | None] = [None, None]
    if contract is not None:
        for index, file in enumerate((contract.input_schema, contract.output_schema)):
            if file is not None:
                schemas[index] = _collect(problems, partial(_schema, folder, file, repo))
    if card is not None:
        problems.extend(_missing_data(folder, card, repo))
    if recipe is not None:
        problems.extend(_missing_base(folder, recipe, repo))
    if problems or recipe is None or contract is None or card is None:
        raise UserError(problems)
    return ModelFolder(
        name, repo, folder, recipe, contract, card, schemas[0], schemas[1], tuple(sorted(blobs))
    )


def require_model_name(name: str) -> None:
    """Raise where a name could not be a model's: it becomes a path, a ref and an address."""
    try:
        _MODEL_NAME.validate_python(name)
    except ValidationError as error:
        raise messages.bad_model_name(name) from error


def _model_path(repo: Path, name: str) -> Path:
    known = model_names(repo)
    require_model_name(name)
    folder = repo / "models" / name
    if folder.is_symlink() or (repo / "models").is_symlink():
        raise messages.symlink(str(folder.relative_to(repo)))
    if not folder.is_dir():
        raise messages.unknown_model(name, difflib.get_close_matches(name, known, 1), known)
    return folder


def _blobs(folder: Path, repo: Path, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Yield each input's path below the folder and its git blob id; links are problems."""
    for parent, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problems.extend(messages.symlink(str(path.relative_to(repo))).problems)
            elif path.is_file() and path.with_name(f"{name}{DVC}").is_file():
                continue  # DVC brought it; git and the bot know its .dvc file only
            elif path.is_file() and relative != POINTER_FILE:
                yield relative, blob_sha(path)


def blob_sha(path: Path) -> str:
    """Return git's id of a file's bytes, read in pieces: data files can be large."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _collect(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """Return what `read` returns; a person's mistakes join the others."""
    try:
        return read()
    except UserError as error:
        problems.extend(error.problems)
        return None


def _document(kind: type[D], path: Path, repo: Path) -> D:
    where = str(path.relative_to(repo))
    return documents.parse(kind, _text(path, where), where)


def _card(path: Path, repo: Path) -> DatasetCard:
    where = str(path.relative_to(repo))
    return parse_card(_text(path, where), where)


def _schema(folder: Path, file: str, repo: Path) -> SchemaChecker:
    path = folder / "contract" / file
    where = str(path.relative_to(repo))
    return load_schema(_text(path, where), where)


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise messages.missing_file(where) from error
    except (OSError, UnicodeDecodeError) as error:
        raise messages.unreadable(where, error) from error


def _missing_data(folder: Path, card: DatasetCard, repo: Path) -> Iterator[Problem]:
    for split, file in card.splits.items():
        path = folder / "data" / file
        if not path.is_file() and not lies_elsewhere(folder / "data", file):
            where = str((folder / CARD).relative_to(repo))
            yield messages.missing_data(where, split, str(path.relative_to(repo)))


def _missing_base(folder: Path, recipe: Recipe, repo: Path) -> Iterator[Problem]:
    """Yield what is wrong with a base model that is named by its path."""
    if recipe.looks_like_hub_id or recipe.engine == "openai":
        return
    path = (repo / recipe.base_model).resolve()
    file = folder / RECIPE
    _, lines = documents.read_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    where = f"{file.relative_to(repo)}:{lines.get(('base_model',), 1)} base_model"
    if not Path(recipe.base_model).is_absolute() and not path.is_relative_to(repo.resolve()):
        yield model_messages.base_outside(where, recipe.base_model)
    elif not path.is_dir():
        yield model_messages.base_missing(where, recipe.base_model)


def tracked(repo: Path, name: str) -> str:
    """Return the first path that git knows at or below a name, in small or capital letters."""
    done = _asked(repo, "ls-files", "--", f":(top,icase){name}")
    if done.returncode != 0:
        raise messages.no_repository(repo, done.stderr.strip().partition("\n")[0])
    return done.stdout.partition("\n")[0]


def _git(folder: Path, *words: str) -> str | None:
    """Return what git prints, or None where it refuses."""
    done = _asked(folder, *words)
    return done.stdout if done.returncode == 0 else None


def _asked(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
