"""Which paths are governed: those of the models, and those of the rules themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable

POLICY_FILE = "policy/policy.yml"
CODEOWNERS_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks for CODEOWNERS; the first that exists counts."""
ERASED = "policy/erased.yml"
"""The contents that were deleted on purpose, and why."""
KEYS = "policy/keys"
"""The bot's public keys, one PEM file each; no other signature is accepted."""
WORKFLOWS = ".github/workflows/"
"""Every workflow is a rule: any of them can ask for the label of the runners that measure."""
ACTIONS = ".github/actions/"
READING = frozenset({".gitattributes", ".gitmodules", ".lfsconfig", ".mailmap", ".dvcignore"})
"""Files that change how git, Git LFS or DVC read other files, at every level of a repository:
text conversions, filters, submodules, where large files come from, who an author is."""
READING_FOLDERS = (".countersign/", ".dvc/")
"""Folders with the same power: the runner's own results, and DVC's remotes."""
MODELS = "models"
CARDS = "model_cards"
_CODEOWNERS = frozenset(map(str.casefold, CODEOWNERS_PLACES))
_TWINS = (f"{MODELS}/", f"{CARDS}/")
_FOLDERS = frozenset({".github", "policy", KEYS, ".countersign", ".dvc", "docs/codeowners"}) | {
    folder.removesuffix("/") for folder in (WORKFLOWS, ACTIONS)
}
"""Folders of rules: a link or a submodule in their place would bring other rules."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def model_of(path: str) -> str | None:
    """Return the folder name below `models/` or `model_cards/` that contains `path`."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] in (MODELS, CARDS) else None


def models_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Return every model that one of the paths belongs to, sorted."""
    return tuple(sorted({name for path in paths if (name := model_of(path)) is not None}))


def is_rule(path: str) -> bool:
    """Return whether a file decides how all proposals are judged, measured or read.

    Upper and lower case are not told apart: where a checkout does not, a twin replaces the file.
    """
    folded = path.casefold()
    return (
        folded in (POLICY_FILE, ERASED)
        or folded.startswith((KEYS + "/", WORKFLOWS, ACTIONS, *READING_FOLDERS))
        or folded in _CODEOWNERS
        or folded.rpartition("/")[2] in READING
        or folded in _FOLDERS
        or (folded.startswith(_TWINS) and not path.startswith(_TWINS))
    )


def is_folder_place(path: str) -> bool:
    """Return whether a path is the folder of all models or records, or of one model.

    A file there governs nothing. A link there would present another folder, which nobody judges, as
    a model to anyone who reads a checkout.
    """
    parts = path.split("/")
    return parts[0] in (MODELS, CARDS) and (
        len(parts) == 1 or (len(parts) == 2 and is_model_name(parts[1]))
    )


def is_governed(paths: Iterable[str], *, truncated: bool = False) -> bool:
    """Return whether a change of these paths is judged; a truncated list always is."""
    return truncated or any(model_of(path) is not None or is_rule(path) for path in paths)


def is_model_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def pointer_path(model: str) -> str:
    return f"{MODELS}/{model}/pointer.json"


def card_path(model: str, version: str) -> str:
    return f"{CARDS}/{model}/{version}.md"


def evidence_path(model: str, version: str) -> str:
    return f"{CARDS}/{model}/{version}.json"


def bom_path(model: str, version: str) -> str:
    """Return the path of a version's bill of materials, in CycloneDX's format."""
    return f"{CARDS}/{model}/{version}.cdx.json"


def chart_path(model: str, version: str, chart: str) -> str:
    """Return the path of a model card's chart, next to the card."""
    return f"{CARDS}/{model}/{version}.{chart}.svg"


def version_of(path: str) -> str:
    """Return the version in a record's file name: no version contains a dot."""
    return path.rpartition("/")[2].partition(".")[0]
