"""`countersign bot`, `evaluate-pr`, `explain` and `key`: the bot as a process, or for one look."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bot.github.api import ApiError
from bot.reconcile import Evaluator
from bot.settings import read_settings
from countersign_ml.attestation import new_private_key, public_key
from policy import verdict_text
from policy.errors import UserError


def serve(argv: Sequence[str] = ()) -> int:
    """Run web side, worker and sweep in one process until SIGTERM or SIGINT; return 0."""
    argparse.ArgumentParser(
        prog="countersign bot",
        description="Run the bot. It is configured by COUNTERSIGN_* variables; see bot/README.md.",
    ).parse_args(list(argv))
    settings = read_settings(os.environ)
    from bot.web import bot_process, delivery_log

    delivery_log.set_up(settings.log)
    return bot_process.run(settings)


def once(argv: Sequence[str] = ()) -> int:
    """Evaluate one pull request now and print its verdict as JSON; 0 when it is green, else 1."""
    parser = argparse.ArgumentParser(
        prog="countersign evaluate-pr",
        description="Look at one pull request now, as the bot would, and print the verdict.",
    )
    parser.add_argument("repository", metavar="OWNER/REPO")
    parser.add_argument("number", type=int)
    given = parser.parse_args(list(argv))
    evaluator = Evaluator(read_settings(os.environ))
    where = f"{given.repository}#{given.number}"
    with _told(where):
        installation = _installation(evaluator, given.repository)
        report = evaluator.pull(installation, given.repository, given.number)
    if report.verdict is None:
        what = "no such pull request, or it changes nothing governed"
        raise UserError.one(where, what, "check the number")
    _print({"verdict": report.verdict.as_json(), "writes": report.writes, "calls": report.calls})
    return 0 if report.verdict.outcome.lets_through else 1


def explain(argv: Sequence[str] = ()) -> int:
    """Print why a pull request is green or not, as a tree; nothing is written anywhere."""
    parser = argparse.ArgumentParser(
        prog="countersign explain",
        description="Print the verdict on one pull request as a tree, and write nothing.",
        epilog="It reads GitHub as the App does: see COUNTERSIGN_* in bot/README.md.",
    )
    parser.add_argument("pull", metavar="OWNER/REPO#NUMBER")
    parser.add_argument("--json", action="store_true", help="print the tree as JSON")
    given = parser.parse_args(list(argv))
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)#(\d+)", given.pull)
    if match is None:
        raise UserError.one(given.pull, "is no pull request", "such as acme/models#7")
    evaluator = Evaluator(read_settings(os.environ))
    with _told(given.pull):
        decision = evaluator.explain(_installation(evaluator, match[1]), match[1], int(match[2]))
    if decision is None:
        raise UserError.one(given.pull, "there is no such pull request", "check the number")
    if given.json:
        _print({"title": decision.title, "verdict": decision.verdict.as_json()})
    else:
        print(decision.title or decision.verdict.sentence)
        for part in decision.verdict.parts or (decision.verdict,):
            print("\n".join(verdict_text.lines(part)))
    return 0 if decision.verdict.outcome.lets_through else 1


def key(argv: Sequence[str] = ()) -> int:
    """Print the public key that records are verified with, for policy/keys; or make a new key."""
    parser = argparse.ArgumentParser(
        prog="countersign key",
        description="Print the public key of the bot; commit it as policy/keys/NAME.pem.",
    )
    parser.add_argument(
        "--new", type=Path, metavar="FILE", help="write a new private key to FILE first"
    )
    given = parser.parse_args(list(argv))
    if given.new is None:
        print(public_key(read_settings(os.environ).signing_key), end="")
        return 0
    made = new_private_key()
    try:
        place = os.open(given.new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UserError.one(
            str(given.new), f"cannot be written: {error.strerror}", "name a new file"
        ) from error
    with os.fdopen(place, "w", encoding="ascii") as file:
        file.write(made)
    print(public_key(made), end="")
    return 0


def _installation(evaluator: Evaluator, repository: str) -> int:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise UserError.one(repository, "is no OWNER/REPO", "such as acme/models")
    installation = evaluator.connection.installation_of(repository)
    if installation is None:
        raise UserError.one(
            repository, "the App is not installed there", "install it on the repository"
        )
    return installation


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Turn an error of the API into one that says what to look at."""
    try:
        yield
    except ApiError as error:
        raise UserError.one(
            where, str(error), "check COUNTERSIGN_* and the App's rights"
        ) from error


def _print(value: object) -> None:
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False)
    print()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand of this room: `bot` or `evaluate-pr`."""
    given = list(sys.argv[1:] if argv is None else argv)
    commands = {"bot": serve, "evaluate-pr": once, "explain": explain, "key": key}
    if not given or given[0] not in commands:
        raise UserError.one("countersign", "no such command", f"one of: {', '.join(commands)}")
    return commands[given[0]](given[1:])
