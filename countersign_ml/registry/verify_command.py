"""`countersign verify`: prove that what the pointers name is in the registry, whole."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from countersign_ml.registry.store import Registry, Stored
from policy.documents import parse_json
from policy.errors import Problem, UserError
from policy.facts.pointer import Pointer


def verify(argv: list[str]) -> int:
    """Verify the artifact of every model's pointer, or of the models named."""
    parser = argparse.ArgumentParser(prog="countersign verify", description=verify.__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--repo", type=Path, default=Path(), metavar="FOLDER")
    parser.add_argument(
        "--registry",
        default=os.environ.get("COUNTERSIGN_REGISTRY"),
        metavar="URL",
        help="default: $COUNTERSIGN_REGISTRY, or .countersign/registry in the repository",
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    repo: Path = options.repo.resolve()
    registry = Registry(options.registry or f"file://{repo / '.countersign' / 'registry'}")
    pointers = read_pointers(repo, options.models)
    problems: list[Problem] = []
    verified: list[tuple[Pointer, Stored]] = []
    for pointer in pointers:
        try:
            verified.append((pointer, registry.verify(pointer.artifact.digest)))
        except UserError as error:
            problems.extend(
                Problem(f"models/{pointer.model}/pointer.json -> {p.where}", p.what, p.remedy)
                for p in error.problems
            )
    if options.json:
        rows = [
            {"model": pointer.model, "version": pointer.version, "digest": stored.digest,
             "size": stored.size, "uri": stored.uri}
            for pointer, stored in verified
        ]  # fmt: skip
        print(json.dumps(rows, indent=2))
    else:
        for pointer, stored in verified:
            print(f"{pointer.model} {pointer.version}: {stored.digest}, {stored.size} bytes, whole")
        if not pointers:
            print("no model has a live version yet")
    if problems:
        raise UserError(problems)
    return 0


def read_pointers(repo: Path, models: list[str]) -> list[Pointer]:
    """Return the pointers of the models named (all where none is); every unreadable one at once."""
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
            problems.append(Problem(where, f"cannot be read: {error}", "no version is live yet?"))
    if problems:
        raise UserError(problems)
    return pointers
