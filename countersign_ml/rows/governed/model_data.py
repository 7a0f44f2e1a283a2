"""A governed model's data as its files name them: card, contract and schemas, no recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.rows import messages
from countersign_ml.rows.governed.caches import cache_folder
from countersign_ml.rows.governed.fetched import fetch
from countersign_ml.rows.read.json_schemas import SchemaChecker, load_schema
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from policy import documents
from policy.files.contract import Contract
from policy.files.dataset_card import DatasetCard, parse_card
from policy.files.recipe import Recipe
from policy.files.rules import DataRules, Policy

POLICY = "policy/policy.yml"


@dataclass(frozen=True)
class ModelData:
    """What the gates need of one model."""

    name: str
    card: DatasetCard
    contract: Contract
    input_schema: SchemaChecker | None
    output_schema: SchemaChecker | None
    sources: list[tuple[str, Source]]

    def row_rules(self, rules: DataRules) -> RowRules:
        """Return what each row is held against."""
        return RowRules.of(
            rules,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
            schema_version=self.contract.schema_version,
            source=self.card.countersign.source,
            licence=self.card.license,
        )


def find_repository(given: Path | None) -> Path:
    """Return the nearest folder, here or above, that holds `models`."""
    start = (given or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "models").is_dir():
            return folder
    raise messages.no_models_folder(start)


def load_policy(path: Path) -> Policy:
    """Return a policy file's rules."""
    return documents.parse(Policy, _text(path), str(path))


def load_recipe(repo: Path, name: str) -> Recipe | None:
    """Return a model's recipe; None where it has none."""
    file = repo / "models" / name / "recipe.yml"
    return documents.parse(Recipe, _text(file), _where(repo, file)) if file.is_file() else None


def load_model_data(
    repo: Path, name: str, cache: Path | None = None, places: Sequence[str] = ()
) -> ModelData:
    """Read a model's card, contract and schemas; UserError where one is missing or broken.

    Rows outside git are fetched into `cache`, from below `places` where there are some.
    """
    folder = repo / "models" / name
    if "/" in name or name in ("", ".", "..") or not folder.is_dir():
        known = sorted(each.name for each in (repo / "models").iterdir() if each.is_dir())
        raise messages.unknown_model(name, known)
    contract_file = folder / "contract" / "contract.yml"
    contract = documents.parse(Contract, _text(contract_file), _where(repo, contract_file))
    card_file = folder / "data" / "README.md"
    card = parse_card(_text(card_file), _where(repo, card_file))
    schemas = [
        load_schema(_text(folder / "contract" / file), _where(repo, folder / "contract" / file))
        if file is not None
        else None
        for file in (contract.input_schema, contract.output_schema)
    ]
    order = sorted(card.splits, key=lambda split: (split != "train", split))
    files = [(split, folder / "data" / card.splits[split]) for split in order]
    fetched = fetch(folder / "data", card.splits, cache or cache_folder(), places)
    sources = [
        (split, Source(str(fetched.get(split, path)), _where(repo, path))) for split, path in files
    ]
    return ModelData(name, card, contract, schemas[0], schemas[1], sources)


def _where(repo: Path, path: Path) -> str:
    return str(path.relative_to(repo))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise messages.unreadable(str(path), error) from error
