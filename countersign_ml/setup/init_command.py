"""`countersign init`: lay down the files of a governed repository.

Files that are there already stay. `--upgrade` replaces those that nobody edited since they were
laid down, and prints the difference of the others.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.attestation import is_public_key
from countersign_ml.git import git
from countersign_ml.setup.layout import LAID_DOWN, digest, governed_files, merged
from countersign_ml.setup.role_options import read_roles
from policy.errors import UserError

PASSED, DECLINED = 0, 1


@dataclass(frozen=True)
class Step:
    """What `init` does with one file: `text` is its new content, None if it stays."""

    path: str
    word: str
    text: str | None
    difference: str = ""


def main(argv: list[str]) -> int:
    """Lay down the files, after a question unless `--yes`; print one line for each."""
    options = _options(argv)
    folder: Path = options.folder.resolve()
    if not folder.is_dir():
        raise UserError.one(str(options.folder), "no such folder", "create it with: git init DIR")
    roles = read_roles(options.role)
    branch = options.branch or default_branch(folder)
    wanted = governed_files(roles, branch, options.base, _keys(options.public_key))
    steps = plan(folder, wanted, upgrade=options.upgrade)
    for step in steps:
        print(f"{step.word:<8} {step.path}")
        print(step.difference, end="")
    if all(step.text is None for step in steps):
        print("Nothing to do.")
        return PASSED
    if not options.yes and not _agreed():
        print("Nothing was written.")
        return DECLINED
    write(folder, steps, wanted)
    print(NEXT)
    return PASSED


NEXT = """
Next:
  countersign key --new FILE > policy/keys/countersign.pem   the bot's key; FILE stays secret
  countersign import --help                                  make the first model from a CSV file
  countersign doctor --offline                               check what was laid down
Commit these files on a branch and open a pull request; docs/your-repository.md describes the App
and the rulesets."""


def plan(folder: Path, wanted: Mapping[str, str], *, upgrade: bool) -> list[Step]:
    """Return what to do with each file; UserError if a folder or link is where a file belongs."""
    known = _laid_down(folder)
    return [_step(folder, path, text, known.get(path), upgrade) for path, text in wanted.items()]


def _step(folder: Path, path: str, text: str, laid: str | None, upgrade: bool) -> Step:
    place = folder / path
    _require_plain(folder, path)
    if not place.exists():
        return Step(path, "create", text)
    present = place.read_text(encoding="utf-8", errors="surrogateescape")
    joined = merged(path, present, text)
    if joined is not None:
        return Step(path, "keep" if joined == present else "extend", _new(joined, present))
    if present == text:
        return Step(path, "keep", None)
    if upgrade and laid is not None and laid == digest(present.encode("utf-8", "replace").decode()):
        return Step(path, "replace", text)
    if not upgrade:
        return Step(path, "keep", None)
    lines = difflib.unified_diff(
        present.splitlines(keepends=True), text.splitlines(keepends=True), path, f"{path} (new)"
    )
    shown = "".join(lines).encode("utf-8", "replace").decode()
    return Step(path, "edited", None, shown)


def _new(joined: str, present: str) -> str | None:
    return joined if joined != present else None


def _require_plain(folder: Path, path: str) -> None:
    """UserError if a link leads elsewhere, or a folder is where the file belongs."""
    place = folder
    for part in Path(path).parts:
        place = place / part
        if place.is_symlink():
            raise UserError.one(str(place), "a link", "replace it by a plain file or folder")
    if place.is_dir():
        raise UserError.one(str(place), "a folder, where a file belongs", "move it away")


def write(folder: Path, steps: list[Step], wanted: Mapping[str, str]) -> None:
    """Write the new files, and remember how each was laid down."""
    known = _laid_down(folder)
    for step in steps:
        if step.text is None:
            continue
        place = folder / step.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(step.text, encoding="utf-8", errors="surrogateescape")
        if step.text == wanted[step.path]:
            known[step.path] = digest(step.text)
    place = folder / LAID_DOWN
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _laid_down(folder: Path) -> dict[str, str]:
    _require_plain(folder, LAID_DOWN)
    place = folder / LAID_DOWN
    if not place.exists():
        return {}
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError.one(str(place), "not JSON", "delete it, and run init again") from error
    if not isinstance(found, dict):
        raise UserError.one(str(place), "not a JSON object", "delete it, and run init again")
    return {str(path): str(value) for path, value in found.items()}


def default_branch(folder: Path) -> str:
    """Return the remote's default branch; without one `main` or `master`, if it is there; else the
    present branch.
    """
    answer = git(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if answer.ok:
        return answer.text.strip().removeprefix("origin/")
    for name in ("main", "master"):
        if git(folder, "rev-parse", "--quiet", "--verify", f"refs/heads/{name}").ok:
            return name
    answer = git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    return answer.text.strip() if answer.ok else "main"


def _keys(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(str(file), f"cannot be read: {error}", "check --public-key") from error
    if not is_public_key(text):
        fix = "print one with: countersign key --new FILE"
        raise UserError.one(str(file), "no public key on the curve P-256", fix)
    return {"countersign.pem": text}


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError.one("init", "nobody can be asked here", "add --yes to write these files")
    return input("Write these files? [y/N] ").strip().lower() in ("y", "yes")


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign init", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=Path())
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="NAME=LOGIN[,LOGIN|@ORG/TEAM]",
        help="who holds a role; repeat it for each role",
    )
    parser.add_argument(
        "--base", action="append", default=[], metavar="OWNER/NAME",
        help="a model of the Hub that recipes may name, with * and ?; repeatable",
    )  # fmt: skip
    parser.add_argument("--branch", help="the default branch (found by git otherwise)")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="the bot's public key")
    parser.add_argument("--yes", action="store_true", help="write without a question")
    parser.add_argument(
        "--upgrade", action="store_true", help="replace files that nobody edited; show the others"
    )
    return parser.parse_args(argv)
