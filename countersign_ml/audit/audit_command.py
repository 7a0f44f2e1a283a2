"""`countersign audit`: prove from a clone how every version came to be live."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from countersign_ml.audit.history.audit_facts import HistoryFacts
from countersign_ml.audit.history.branch_history import History
from countersign_ml.audit.history.git_objects import Objects
from countersign_ml.audit.history.history_walk import Walk
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.audit.judging.audit_result import Audit
from countersign_ml.audit.report import audit_markdown, audit_page
from countersign_ml.registry.store import Registry
from policy.errors import UserError
from policy.facts.pointer_history import read_pointer
from policy.governed import is_model_name

RENDERERS = {"md": audit_markdown.render, "json": Audit.text, "html": audit_page.render}


def read(directory: Path, ref: str, model: str | None = None) -> HistoryFacts:
    """Return all facts about a branch of a clone."""
    with Objects(directory) as objects:
        return Walk(History(directory, objects, ref), model).facts()


def main(argv: list[str]) -> int:
    """Prove how every version came to be live, or list what is not proven (exit code 1)."""
    options = _options(argv)
    facts = read(options.repository, options.ref, options.model)
    if options.registry is not None:
        facts = with_registry(facts, options.registry)
    if options.model is not None and not facts.tips:
        shown = options.model if is_model_name(options.model) else repr(options.model)
        raise UserError.one(
            str(options.repository), f"{options.ref} never had a model {shown}", "check the name"
        )
    audit = judge_history(facts, options.name)
    text = RENDERERS[options.format](audit)
    content = text.encode("utf-8", "backslashreplace")
    if options.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _write(options.output, content)
    return 0 if audit.proven else 1


def with_registry(facts: HistoryFacts, url: str) -> HistoryFacts:
    """Return the facts with whether the registry has the file of each version."""
    registry = Registry(url)
    pointers = (read_pointer(change.after.text) for change in facts.changes if change.after)
    digests = {pointer.artifact.digest for pointer in pointers if pointer is not None}
    return replace(facts, stored={digest: registry.exists(digest) for digest in sorted(digests)})


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign audit", description=main.__doc__)
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the clone to audit (default: .)",
    )
    parser.add_argument("--ref", default="main", help="the default branch (default: main)")
    parser.add_argument("--format", choices=sorted(RENDERERS), default="md")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report here instead of printing it"
    )
    parser.add_argument("--model", help="only this model; the rules are always audited")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="OWNER/NAME",
        help="the repository that records must be signed for; repeat for earlier names",
    )
    parser.add_argument(
        "--registry",
        metavar="URL",
        help="also check that the file of every version is stored there, or was erased by record",
    )
    return parser.parse_args(argv)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UserError.one(
            str(file), f"cannot be written: {error.strerror}", "choose another file with --output"
        ) from error
