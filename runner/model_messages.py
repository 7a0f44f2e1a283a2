"""Errors of the loader of a governed model."""

from __future__ import annotations

from policy.errors import Problem


def base_outside(where: str, path: str) -> Problem:
    return Problem(where, f"{path!r} leaves the repository", "name a folder inside it")


def base_missing(where: str, path: str) -> Problem:
    return Problem(
        where,
        f"there is no folder {path!r}",
        "name a folder of the repository, an absolute path, or owner/name of the Hub",
    )
