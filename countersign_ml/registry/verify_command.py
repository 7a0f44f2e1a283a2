"""`countersign verify`: check that every live artifact is in the registry, unchanged."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from countersign_ml.registry.store import Registry, Stored
from policy.documents import parse_json
from policy.errors import Problem, UserError
from policy.facts.pointer import Pointer


def verify(argv: list[str]) -> int:
    """Verify the artifact of every pointer, or of the named models only."""
    options = _options(argv)
    repo: Path = options.repo.resolve()
    registry = Registry(options.registry or f"file://{repo / '.countersign' / 'registry'}")
    pointers = _read_pointers(repo, options.models)
    problems: list[Problem] = []
    verified: list[tuple[Pointer, Stored]] = []
    for pointer in pointers:
        try:
            stored = registry.verify(pointer.artifact.digest)
            problems.extend(_lies(pointer, stored, copy=options.copy))
            verified.append((pointer, stored))
        except UserError as error:
            problems.extend(
                Problem(f"models/{pointer.model}/pointer.json -> {p.where}", p.what, p.remedy)
                for p in error.problems
            )
    if options.json:
        print(json.dumps([_row(*one) for one in verified], indent=2))
    else:
        for pointer, stored in verified:
            size = f"{stored.size} bytes"
            print(f"{pointer.model} {pointer.version}: {stored.digest}, {size}, verified")
        if not pointers:
            print("no model has a live version")
    if problems:
        raise UserError(problems)
    return 0


def _lies(pointer: Pointer, stored: Stored, *, copy: bool) -> Iterator[Problem]:
    """Yield what a pointer says of its file that is not so in the registry."""
    where, artifact = f"models/{pointer.model}/pointer.json", pointer.artifact
    if artifact.size != stored.size:
        what = f"says that the file has {artifact.size} bytes; the registry has {stored.size}"
        yield Problem(where, what, "revert the merge, and measure the proposal again")
    if artifact.uri != stored.uri and not copy:
        yield Problem(
            where,
            f"says that the file is at {artifact.uri}; the registry has it at {stored.uri}",
            "revert the merge, and measure the proposal again; if this registry is a copy of "
            "the one that was published to, add --copy",
        )


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign verify", description=verify.__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument(
        "--repo",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the governed repository (default: .)",
    )
    parser.add_argument(
        "--registry",
        default=os.environ.get("COUNTERSIGN_REGISTRY"),
        metavar="URL",
        help="default: $COUNTERSIGN_REGISTRY, or .countersign/registry in the repository",
    )
    parser.add_argument(
        "--copy",
        action="store_true",
        help="the registry is a copy: do not compare the places that the pointers name",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


def _row(pointer: Pointer, stored: Stored) -> dict[str, str | int]:
    return {
        "model": pointer.model,
        "version": pointer.version,
        "digest": stored.digest,
        "size": stored.size,
        "uri": stored.uri,
    }


def _read_pointers(repo: Path, models: list[str]) -> list[Pointer]:
    """Return the pointers of the named models, or all; one error lists every unreadable one."""
    names = models or sorted(path.parent.name for path in repo.glob("models/*/pointer.json"))
    pointers: list[Pointer] = []
    problems: list[Problem] = []
    for name in names:
        path = repo / "models" / name / "pointer.json"
        where = f"models/{name}/pointer.json"
        try:
            pointers.append(parse_json(Pointer, path.read_text(encoding="utf-8"), where))
        except UserError as error:
            problems.extend(error.problems)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                Problem(
                    where,
                    f"cannot be read: {error}",
                    "check the model's name, and that a version is live",
                )
            )
    if problems:
        raise UserError(problems)
    return pointers
