"""The dataset card: `models/<model>/data/README.md`, in the Hugging Face Hub's format.

The Hub's own keys keep their meaning; the keys for governance are under `countersign:`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from policy import documents
from policy.documents import Document
from policy.errors import UserError
from policy.names import RowSplit

DataFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.jsonl$")]


class SplitFile(Document):
    """One file of rows and the split it belongs to."""

    split: RowSplit
    path: DataFile


class DataConfig(Document):
    """The Hub's `configs` entry: which file is which split."""

    config_name: str = "default"
    data_files: tuple[SplitFile, ...]


class Provenance(Document):
    """Where the rows come from and who may use them; a person vouches for this."""

    source: Annotated[str, Field(min_length=1)]
    owner: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    guidelines: Annotated[str, Field(min_length=1)]
    review_cadence: Annotated[str, Field(min_length=1)]
    consent: Annotated[str, Field(min_length=1)]
    classification: Literal["public", "internal", "confidential", "restricted"]


class DatasetCard(BaseModel):
    """The front matter of a dataset card; other keys of the Hub are allowed and ignored."""

    model_config = ConfigDict(extra="allow", frozen=True)

    license: Annotated[str, Field(min_length=1)]
    configs: tuple[DataConfig, ...] = Field(min_length=1)
    countersign: Provenance
    pretty_name: str = ""
    language: Any = None
    size_categories: Any = None
    task_categories: Any = None

    @model_validator(mode="after")
    def _splits_are_named_once(self) -> DatasetCard:
        names = [entry.split for entry in self.configs[0].data_files]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"split {doubled[0]!r} is named twice under configs; keep one of them")
        files = [entry.path.lower() for entry in self.configs[0].data_files]
        shared = sorted({file for file in files if files.count(file) > 1})
        if shared:
            raise ValueError(f"{shared[0]!r} belongs to two splits; give each its own file")
        for needed in ("train", "test"):
            if needed not in names:
                raise ValueError(f"configs has no {needed!r} split; add one")
        return self

    @property
    def splits(self) -> dict[str, str]:
        """Return split name to file name."""
        return {entry.split: entry.path for entry in self.configs[0].data_files}


def parse_card(text: str, where: str) -> DatasetCard:
    """Read the YAML front matter between the first two `---` lines; UserError if it is missing."""
    lines = text.split("\n")
    if not lines or lines[0].strip() != "---":
        raise UserError.one(
            f"{where}:1", "no YAML front matter", "start the card with --- and the Hub's keys"
        )
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise UserError.one(f"{where}:1", "the front matter does not end", "close it with ---")
    front = "\n" + "\n".join(lines[1:end])  # keeps the line numbers
    return documents.parse(DatasetCard, front, where)
