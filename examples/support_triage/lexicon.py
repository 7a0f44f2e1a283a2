"""The hand-written sentences, read from the YAML files next to this module."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Issue:
    """One subject that customers write about, and the sentences for it.

    `seen` sentences can be in any split, `held_out` ones only in the test split, and `heard` and
    `cues` only in the base model's text.
    """

    name: str
    category: str
    kinds: tuple[str, ...]
    cues: tuple[str, ...]
    heard: tuple[str, ...]
    seen: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The name as it is written in a row's `wording`."""
        return self.name.replace(" ", "-")


@dataclass(frozen=True)
class Lexicon:
    """Everything that a ticket can be made of."""

    issues: tuple[Issue, ...]
    products: dict[str, dict[str, tuple[str, ...]]]
    """Industry, then kind (goods or service), then product names."""
    priorities: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in their files' order."""
        return tuple(dict.fromkeys(issue.category for issue in self.issues))

    @property
    def product_names(self) -> tuple[str, ...]:
        """Every product of every industry, sorted."""
        return tuple(
            sorted(p for kinds in self.products.values() for k in kinds.values() for p in k)
        )


def _yaml(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{path} must be a mapping")
    return content


@cache
def lexicon() -> Lexicon:
    """Return the lexicon. Files are read in name order, so a seed always gives the same text."""
    issues = tuple(
        Issue(name=name, category=path.stem, **{key: tuple(value) for key, value in said.items()})
        for path in sorted((HERE / "wordings").glob("*.yml"))
        for name, said in _yaml(path).items()
    )
    words = _yaml(HERE / "lexicon.yml")
    products = {
        industry: {kind: tuple(names) for kind, names in kinds.items()}
        for industry, kinds in words.pop("industries").items()
    }
    priorities = {level: tuple(phrases) for level, phrases in words.pop("priorities").items()}
    return Lexicon(issues, products, priorities, {key: tuple(v) for key, v in words.items()})
