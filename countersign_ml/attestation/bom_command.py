"""`countersign bom`: print the bill of materials of a version, after checking it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from countersign_ml.attestation.ml_bom import problem_of
from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.governed import bom_path, evidence_path, is_model_name, pointer_path


def bom(argv: list[str]) -> int:
    """Print the bill of materials (CycloneDX 1.6, JSON) of the live version or of another one."""
    options = _options(argv)
    repo, model = options.repo, options.model
    if not is_model_name(model):
        raise UserError.one("MODEL", f"{model!r} is no model's name", "name a folder below models/")
    version = options.version or _live(repo, model)
    if "/" in version or "." in version:
        raise UserError.one("VERSION", f"{version!r} is no version", "name one such as v2-0a1b2c3d")
    text = _checked(repo, model, version)
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    return 0


def _checked(repo: Path, model: str, version: str) -> bytes:
    """Return the file; UserError unless it says what the version's evidence says."""
    path = bom_path(model, version)
    content = _read(repo, path)
    named = evidence_path(model, version)
    evidence = parse_evidence(_read(repo, named), named)
    pointer = pointer_of(evidence)
    problem = "has evidence that no release comes from" if pointer is None else ""
    if pointer is not None:
        problem = problem_of(content, evidence, pointer)
    if problem:
        remedy = "restore it from the release commit, and run countersign audit"
        raise UserError.one(path, problem, remedy)
    return content


def _live(repo: Path, model: str) -> str:
    path = pointer_path(model)
    return parse_json(Pointer, _read(repo, path), path).version


def _read(repo: Path, path: str) -> bytes:
    try:
        return (repo / path).read_bytes()
    except OSError as error:
        raise UserError.one(
            path,
            f"cannot be read: {error.strerror}",
            "check the model's name and the version, and that it was released",
        ) from error


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign bom", description=bom.__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("version", nargs="?", metavar="VERSION", help="default: the live version")
    parser.add_argument(
        "--repo",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the governed repository (default: .)",
    )
    return parser.parse_args(argv)
