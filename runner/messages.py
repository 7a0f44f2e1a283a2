"""Errors of the loader of a governed model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policy.errors import Problem, UserError


def no_such_folder(path: Path) -> UserError:
    return UserError.one(str(path), "no such folder", "check --repo")


def git_not_installed() -> UserError:
    return UserError.one("git", "is not installed", "install git and run this again")


def no_repository(path: Path, said: str) -> UserError:
    return UserError.one(
        str(path.resolve()),
        f"no git repository here: {said}",
        "run this in one, name one with --repo, or begin one with: git init",
    )


def bad_model_name(name: str) -> UserError:
    return UserError.one(
        f"model {name[:80]!r}",
        "not a model's name",
        "use lower-case letters, digits, dots, dashes and underscores, 64 at most",
    )


def unknown_model(name: str, near: Sequence[str], known: Sequence[str]) -> UserError:
    if near:
        remedy = f"did you mean {near[0]!r}?"
    elif known:
        remedy = f"known models: {', '.join(known)}"
    else:
        remedy = "the repository has no models/<model>/recipe.yml yet"
    return UserError.one(f"models/{name}", "no such model", remedy)


def symlink(where: str) -> UserError:
    return UserError.one(where, "a symbolic link, or no regular file", "put the file itself there")


def missing_file(where: str) -> UserError:
    return UserError.one(where, "missing", "add the file")


def unreadable(where: str, error: Exception) -> UserError:
    said = getattr(error, "strerror", None) or str(error)
    return UserError.one(where, f"cannot be read: {said}", "mend the file or its rights")


def missing_data(where: str, split: str, path: str) -> Problem:
    return Problem(
        f"{where} configs",
        f"names {path} for the {split} split, and there is no such file",
        "add the file or mend its path",
    )


def missing_policy(where: str) -> UserError:
    return UserError.one(where, "missing", "add it, or name another with --policy")
