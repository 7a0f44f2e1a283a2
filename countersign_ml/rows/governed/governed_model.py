"""The one loader of a governed model: its folder, recipe, contract, schemas, card, and the policy.

Every command that reads a model reads it here, so all of them name the same problems, all at once.
Everything below `models/<model>/` except the pointer is an input of the proposal. The digest is
taken from the bytes in the working tree, so that a laptop and the bot, which reads git's trees,
give the same files the same name.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from countersign_ml.git import git, has_git
from countersign_ml.rows.governed.base_folder import base_folder_problems
from countersign_ml.rows.governed.fetched import DVC, fetch, lies_elsewhere
from countersign_ml.rows.read.json_schemas import SchemaChecker, load_schema
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy import documents
from policy.errors import Problem, UserError
from policy.facts.proposal import POINTER_FILE, Proposal, propose
from policy.files.contract import Contract
from policy.files.dataset_card import DatasetCard, parse_card
from policy.files.recipe import Recipe
from policy.files.rules import DataRules, Policy
from policy.names import ModelName

RECIPE, CONTRACT, CARD = "recipe.yml", "contract/contract.yml", "data/README.md"
_MODEL_NAME: TypeAdapter[str] = TypeAdapter(ModelName)
_CHUNK = 1 << 20
T = TypeVar("T")
D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class GovernedModel:
    """One governed model as its files describe it; every file was read and is valid."""

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
    """The local files of splits whose rows are outside git."""

    @cached_property
    def proposal(self) -> Proposal:
        """Return what this folder proposes, named by its digest."""
        recipe = self.recipe
        return propose(self.name, self.blobs, recipe.base_model, recipe.base_model_revision)

    @cached_property
    def commit(self) -> str:
        """Return HEAD's id if its tree holds exactly these inputs, else `uncommitted`."""
        if not has_git(self.repo):
            return "uncommitted"
        head = git(self.repo, "rev-parse", "--verify", "--quiet", "HEAD")
        listed = git(self.repo, "ls-tree", "-rz", "HEAD", "--", f"models/{self.name}")
        if not (head.ok and listed.ok):
            return "uncommitted"
        prefix = f"models/{self.name}/"
        committed = set()
        for entry in filter(None, listed.text.split("\0")):
            facts, _, path = entry.partition("\t")
            committed.add((path.removeprefix(prefix), facts.split()[2]))
        inputs = {entry for entry in committed if entry[0] != POINTER_FILE}
        return head.text.strip() if inputs == set(self.blobs) else "uncommitted"

    @property
    def pointer_file(self) -> Path:
        return self.path / POINTER_FILE

    def data_file(self, split: str) -> Path:
        """Return the file of one split."""
        return self.fetched.get(split) or self.path / "data" / self.card.splits[split]

    def with_data(self, cache: Path, places: Sequence[str]) -> GovernedModel:
        """Return this model with all rows on this machine: those outside git are fetched."""
        fetched = fetch(self.path / "data", self.card.splits, cache, places)
        return replace(self, fetched=fetched) if fetched else self

    def where(self, path: Path) -> str:
        """Return a path relative to the repository; fetched rows are named by the card's path."""
        for split, file in self.fetched.items():
            if file == path:
                path = self.path / "data" / self.card.splits[split]
        return str(path.relative_to(self.repo))

    def sources(self) -> list[tuple[str, Source]]:
        """Return each split with its file of rows, training rows first."""
        order = sorted(self.card.splits, key=lambda split: (split != "train", split))
        files = [(split, self.data_file(split)) for split in order]
        return [(split, Source(str(path), self.where(path))) for split, path in files]

    def row_rules(self, rules: DataRules) -> RowRules:
        """Return what each row of this model is checked against."""
        return RowRules.of(
            rules,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
            schema_version=self.contract.schema_version,
            source=self.card.countersign.source,
            licence=self.card.license,
        )


def model_names(repo: Path) -> list[str]:
    """Return the governed models of a repository: folders with a recipe."""
    folder = repo / "models"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / RECIPE).is_file())


def load_policy(path: Path) -> Policy:
    """Read the policy by which a command judges early; the bot judges again by its own."""
    if not path.is_file():
        raise UserError.one(str(path), "missing", "add it, or name another with --policy")
    return documents.parse(Policy, _text(path, str(path)), str(path))


def load_model(repo: Path, name: str) -> GovernedModel:
    """Read a model's folder, or raise every problem of all its files at once."""
    problems: list[Problem] = []
    model = _read(repo, name, problems)
    if model is None or problems:
        raise UserError(problems)
    return model


def load_governed(repo: Path, name: str, policy_file: Path) -> tuple[GovernedModel, Policy]:
    """Read a model's folder and the policy, or raise every problem of both at once."""
    problems: list[Problem] = []
    model = _read(repo, name, problems)
    policy = _collect(problems, lambda: load_policy(policy_file))
    if model is not None and policy is not None:
        barred = policy.bases.refusal(model.recipe.base_model)
        if barred:
            problems.append(_base_problem(model.path, repo, barred))
    if model is None or policy is None or problems:
        raise UserError(problems)
    return model, policy


def _base_problem(folder: Path, repo: Path, barred: str) -> Problem:
    said, _, remedy = barred.partition("; ")
    return Problem(_base_place(folder, repo), said.removeprefix("base_model "), remedy)


def _base_place(folder: Path, repo: Path) -> str:
    """Return the line of a recipe that names the base model."""
    file = folder / RECIPE
    _, lines = documents.read_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    return f"{file.relative_to(repo)}:{lines.get(('base_model',), 1)} base_model"


def _read(repo: Path, name: str, problems: list[Problem]) -> GovernedModel | None:
    folder = _model_path(repo, name)
    blobs = tuple(_blobs(folder, repo, problems))
    recipe = _collect(problems, lambda: _document(Recipe, folder / RECIPE, repo))
    contract = _collect(problems, lambda: _document(Contract, folder / CONTRACT, repo))
    card = _collect(problems, lambda: _card(folder / CARD, repo))
    schemas: list[SchemaChecker | None] = [None, None]
    if contract is not None:
        for index, file in enumerate((contract.input_schema, contract.output_schema)):
            if file is not None:
                schemas[index] = _collect(problems, partial(_schema, folder, file, repo))
    if card is not None:
        problems.extend(_missing_data(folder, card, repo))
    if recipe is not None:
        problems.extend(_base_problems(folder, recipe, repo))
    if recipe is None or contract is None or card is None:
        return None
    return GovernedModel(
        name, repo, folder, recipe, contract, card, schemas[0], schemas[1], tuple(sorted(blobs))
    )


def require_model_name(name: str) -> None:
    """Raise if a name cannot be a model's: it becomes a path, a ref and a URL."""
    try:
        _MODEL_NAME.validate_python(name)
    except ValidationError as error:
        raise UserError.one(
            f"model {name[:80]!r}",
            "not a model's name",
            "use lower-case letters, digits, dots, dashes and underscores, 64 at most",
        ) from error


def _model_path(repo: Path, name: str) -> Path:
    require_model_name(name)
    folder = repo / "models" / name
    if folder.is_symlink() or (repo / "models").is_symlink():
        raise UserError([_link(str(folder.relative_to(repo)))])
    if not folder.is_dir():
        known = model_names(repo)
        if near := difflib.get_close_matches(name, known, 1):
            remedy = f"did you mean {near[0]!r}?"
        elif known:
            remedy = f"known models: {', '.join(known)}"
        else:
            remedy = "the repository has no models/<model>/recipe.yml yet"
        raise UserError.one(f"models/{name}", "no such model", remedy)
    return folder


def _blobs(folder: Path, repo: Path, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Yield each input's path below the folder and its git blob id; links are problems."""
    for parent, folders, files in os.walk(folder):
        for name in sorted(folders + files):
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problems.append(_link(str(path.relative_to(repo))))
            elif path.is_file() and path.with_name(f"{name}{DVC}").is_file():
                continue  # DVC brought it; git and the bot only know its .dvc file
            elif path.is_file() and relative != POINTER_FILE:
                yield relative, blob_sha(path)


def _link(where: str) -> Problem:
    return Problem(where, "a symbolic link, or not a regular file", "put the file itself there")


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
        raise UserError.one(where, "missing", "add the file") from error
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UserError.one(
            where, f"cannot be read: {said}", "fix the file or its permissions"
        ) from error


def _missing_data(folder: Path, card: DatasetCard, repo: Path) -> Iterator[Problem]:
    for split, file in card.splits.items():
        path = folder / "data" / file
        if not path.is_file() and not lies_elsewhere(folder / "data", file):
            yield Problem(
                f"{(folder / CARD).relative_to(repo)} configs",
                f"names {path.relative_to(repo)} for the {split} split, and there is no such file",
                "add the file or fix its path",
            )


def _base_problems(folder: Path, recipe: Recipe, repo: Path) -> Iterator[Problem]:
    """Yield what is wrong with a base model that is named by its path."""
    if recipe.looks_like_hub_id or recipe.engine == "openai":
        return
    path = (repo / recipe.base_model).resolve()
    where = _base_place(folder, repo)
    if not Path(recipe.base_model).is_absolute() and not path.is_relative_to(repo.resolve()):
        yield Problem(
            where, f"{recipe.base_model!r} leaves the repository", "name a folder inside it"
        )
    elif not path.is_dir():
        yield Problem(
            where,
            f"there is no folder {recipe.base_model!r}",
            "name a folder of the repository, an absolute path, or owner/name of the Hub",
        )
    else:
        yield from base_folder_problems(path, f"{where} {recipe.base_model}")


def tracked(repo: Path, name: str) -> str:
    """Return the first path that git knows at or below a name, in small or capital letters.

    Empty if there is none, or if the folder is not under git. UserError if git cannot say.
    """
    if not has_git(repo):
        return ""
    listed = git(repo, "ls-files", "--", f":(top,icase){name}")
    if not listed.ok:
        raise UserError.one(str(repo), f"git cannot list its files: {listed.said}", "run: git fsck")
    return listed.text.partition("\n")[0]
