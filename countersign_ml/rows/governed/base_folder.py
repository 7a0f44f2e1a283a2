"""What the folder of a base model must not hold: files that make a loader read something else.

The digest of a base covers its configuration, tokenizer, templates and weights. transformers looks
for an adapter first and then loads the base that the adapter names, wherever that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from policy.errors import Problem

ADAPTER_NAMES = ("adapter_config.json", "adapter_model")
"""The beginnings of the names of an adapter's files, as PEFT writes them."""


def base_folder_problems(
    folder: Path, where: str, *, within: Path | None = None
) -> Iterator[Problem]:
    """Yield every file of a base model's folder that must not be there.

    Symbolic links may not leave `within`, which is the folder itself if it is not given. The Hub's
    cache keeps the files of all revisions of a model beside each other, and links to them.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name.casefold().startswith(ADAPTER_NAMES):
            yield Problem(
                where,
                f"{name} belongs to an adapter: loading this folder would load the weights that "
                "the adapter names, and not these",
                "merge the adapter into the base and save the whole model, or remove the file",
            )
        if path.is_symlink() and not _inside(path, within or folder):
            yield Problem(
                where,
                f"{name} is a link out of the folder, so its digest would not hold elsewhere",
                "put the file itself there",
            )


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
