"""The subcommands that only read and judge: `countersign judge` and `countersign owners`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from countersign_ml.cli.replay_command import replay_policy
from policy import documents, verdict_text
from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from policy.files import codeowners
from policy.files.rules import Policy
from policy.gates.judge import judge as judge_evidence
from policy.governed import CODEOWNERS_PLACES, POLICY_FILE


def read(path: Path) -> str:
    """Return a text file's content; UserError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError.one(str(path), "no such file", "check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(str(path), f"cannot be read: {error}") from error


def _count(text: str) -> int:
    """Read a count of at least 1."""
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 10 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; write a number such as 10")
    return int(text)


def judge(argv: list[str]) -> int:
    """Judge an evidence file, or the last merged versions, under a policy file, offline."""
    parser = argparse.ArgumentParser(prog="countersign judge", description=judge.__doc__)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="required without --replay")
    parser.add_argument("--evidence", type=Path, metavar="FILE", help="required without --replay")
    parser.add_argument("--policy", type=Path, default=Path(POLICY_FILE), metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    again = parser.add_argument_group(
        "compare two policies",
        "Judge the versions that the default branch of a clone has merged, under its own policy "
        "and under --policy. Exit code 1 means that one policy blocks what the other allows, or "
        "that a version cannot be judged.",
    )
    again.add_argument("--replay", type=_count, metavar="N", help="the last N merged versions")
    again.add_argument(
        "--repository", type=Path, metavar="DIR", help="the clone; default: this folder"
    )
    again.add_argument("--model", dest="of", metavar="MODEL", help="only this model")
    options = parser.parse_args(argv)
    if options.replay is not None:
        if options.evidence is not None:
            parser.error("use either --evidence FILE or --replay N, not both")
        if options.model is not None and options.of is not None:
            parser.error("the model is given twice, as MODEL and as --model; remove one")
        return replay_policy(
            read(options.policy),
            str(options.policy),
            options.repository or Path(),
            model=options.of or options.model,
            last=options.replay,
            as_json=options.json,
        )
    if options.repository is not None or options.of is not None:
        parser.error("--repository and --model require --replay N")
    if options.model is None or options.evidence is None:
        parser.error("MODEL and --evidence FILE, or --replay N, are required")
    evidence = parse_evidence(read(options.evidence), str(options.evidence))
    policy = documents.parse(Policy, read(options.policy), str(options.policy))
    if evidence.model != options.model:
        raise UserError.one(
            str(options.evidence),
            f"is about {evidence.model!r}, not {options.model!r}",
            "name that model, or another file",
        )
    incumbent = evidence.incumbent.artifact if evidence.incumbent else None
    verdict = judge_evidence(
        policy,
        evidence,
        proposal_digest=evidence.proposal.digest,
        incumbent=incumbent,
        attempt=evidence.attempt,
    )
    if options.json:
        print(json.dumps(verdict.as_json(), indent=2))
    else:
        print("\n".join(verdict_text.lines(verdict)))
    return 0 if verdict.outcome.lets_through else 1


def owners(argv: list[str]) -> int:
    """Print the CODEOWNERS line that applies to each path, and its owners."""
    parser = argparse.ArgumentParser(prog="countersign owners", description=owners.__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--codeowners", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    file = options.codeowners or _find_codeowners()
    parsed = codeowners.parse(read(file), str(file))
    rules = [(path, parsed.rule_for(path.removeprefix("./"))) for path in options.paths]
    if options.json:
        rows = [
            {
                "path": path,
                "line": rule.line if rule else None,
                "pattern": rule.pattern if rule else None,
                "owners": list(rule.owners) if rule else [],
            }
            for path, rule in rules
        ]
        print(json.dumps(rows, indent=2))
        return 0
    for problem in parsed.problems:
        print(f"skipped: {problem}")
    for path, rule in rules:
        if rule is None:
            print(f"{path}: no line matches")
        else:
            named = " ".join(rule.owners) or "nobody needs to sign"
            print(f"{path}: line {rule.line} ({rule.pattern}): {named}")
    return 0


def _find_codeowners() -> Path:
    for location in CODEOWNERS_PLACES:
        if Path(location).is_file():
            return Path(location)
    raise UserError.one(
        "CODEOWNERS", f"not found in {', '.join(CODEOWNERS_PLACES)}", "name it with --codeowners"
    )
