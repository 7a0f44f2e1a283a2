"""`countersign erase`: delete from the registry what a signed record says is to be erased."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.audit.judging.stored_files import listed_now, live_files, proven_erasures
from countersign_ml.registry.store import Registry
from policy.errors import Problem, UserError
from policy.governed import ERASED


def erase(argv: list[str]) -> int:
    """Delete the files that policy/erased.yml lists, if records prove it; --yes really deletes.

    Digests stay in pointers, evidence and records, so the audit still proves each version. Nothing
    is deleted if one entry has no valid record, or is the file of a live version.
    """
    options = _options(argv)
    facts = read(options.repository, options.ref)
    listed, live = listed_now(facts), live_files(facts)
    erased = proven_erasures(facts, judge_history(facts, options.name).rules)
    problems = [
        Problem(ERASED, f"{digest} is live in {live[digest]}", "promote or roll back first")
        for digest in listed
        if digest in live
    ]
    problems += [
        Problem(
            ERASED,
            f"no valid record proves that {digest} is to be erased",
            "merge the entry by a pull request that the bot's check let through; "
            "countersign audit says what is missing",
        )
        for digest in listed
        if digest not in erased
    ]
    if problems:
        raise UserError(problems)
    registry = Registry(options.registry)
    for digest in sorted(listed):
        print(f"{digest}: {_deed(registry, digest, options.yes)}, by record {erased[digest].tag}")
    if not listed:
        print(f"{ERASED} lists nothing")
    return 0


def _deed(registry: Registry, digest: str, really: bool) -> str:
    if really:
        return "erased" if registry.remove(digest) else "was not stored"
    return "would be erased; add --yes" if registry.exists(digest) else "is not stored"


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign erase", description=erase.__doc__)
    parser.add_argument(
        "--repository", type=Path, default=Path(), metavar="DIR", help="a whole clone (default: .)"
    )
    parser.add_argument("--ref", default="main", help="the default branch (default: main)")
    parser.add_argument(
        "--registry",
        default=os.environ.get("COUNTERSIGN_REGISTRY"),
        required="COUNTERSIGN_REGISTRY" not in os.environ,
        metavar="URL",
        help="default: $COUNTERSIGN_REGISTRY",
    )
    parser.add_argument("--yes", action="store_true", help="delete; without it, only list")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="OWNER/NAME",
        help="the repository that records must be signed for; repeat for earlier names",
    )
    return parser.parse_args(argv)
