"""The `countersign` command: a lazy table, so that `--help` and the bot never import torch."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NamedTuple

from policy.errors import UserError


class Subcommand(NamedTuple):
    """The module and function (`argv` to exit code) of a subcommand, and what it does."""

    module: str
    function: str
    summary: str


COMMANDS: dict[str, Subcommand] = {
    "init": Subcommand(
        "countersign_ml.setup.init_command", "main", "lay down the files of a governed repository"
    ),
    "doctor": Subcommand(
        "countersign_ml.setup.doctor_command", "main", "check the set-up; each line has a remedy"
    ),
    "validate": Subcommand(
        "runner.runner_commands", "validate", "check a model's files and data gates"
    ),
    "data": Subcommand(
        "countersign_ml.rows.tools.data_commands",
        "main",
        "inspect rows: validate, diff, redact, ...",
    ),
    "train": Subcommand("runner.runner_commands", "train", "train the recipe's adapter"),
    "evaluate": Subcommand(
        "runner.runner_commands", "evaluate", "measure base, incumbent and candidate"
    ),
    "export": Subcommand(
        "runner.runner_commands", "export", "merge, convert to GGUF, quantise, compare"
    ),
    "attest": Subcommand("runner.runner_commands", "attest", "write the evidence of a run"),
    "publish": Subcommand(
        "runner.runner_commands", "publish", "store the artifacts in the registry"
    ),
    "run": Subcommand("runner.runner_commands", "run", "run all of these stages"),
    "recover": Subcommand(
        "runner.runner_commands", "recover", "verify and measure a rollback's artifact"
    ),
    "import": Subcommand(
        "runner.runner_commands", "import_csv", "create a governed model from a CSV file"
    ),
    "base": Subcommand(
        "runner.runner_commands", "base", "build a tiny base model (base build MODEL)"
    ),
    "compare": Subcommand(
        "runner.compare.compare_command", "compare", "test whether B is worse than A"
    ),
    "ask": Subcommand("runner.endpoints.ask_command", "ask", "score an OpenAI-compatible endpoint"),
    "openai": Subcommand(
        "runner.hosted.openai_command", "main", "prepare a training at OpenAI without sending it"
    ),
    "win-rate": Subcommand(
        "runner.win_rate.win_rate_command", "win_rate", "compare answers with a judge model"
    ),
    "verify": Subcommand(
        "countersign_ml.registry.verify_command", "verify", "check the artifacts that pointers name"
    ),
    "judge": Subcommand(
        "countersign_ml.cli.judge_commands",
        "judge",
        "judge an evidence file by a policy, offline",
    ),
    "owners": Subcommand(
        "countersign_ml.cli.judge_commands",
        "owners",
        "show the CODEOWNERS line for a path",
    ),
    "audit": Subcommand(
        "countersign_ml.audit.audit_command", "main", "prove from a clone who signed what"
    ),
    "bom": Subcommand(
        "countersign_ml.attestation.bom_command", "bom", "print a version's bill of materials"
    ),
    "erase": Subcommand(
        "countersign_ml.audit.erase_command", "erase", "delete what policy/erased.yml lists"
    ),
    "serve": Subcommand(
        "countersign_ml.serving.serve_command", "serve", "serve the version that the pointer names"
    ),
    "bot": Subcommand("bot.bot_commands", "serve", "run the GitHub bot"),
    "evaluate-pr": Subcommand("bot.bot_commands", "once", "judge one pull request now"),
    "explain": Subcommand("bot.bot_commands", "explain", "explain a pull request's verdict"),
    "key": Subcommand("bot.bot_commands", "key", "print the bot's public key, for policy/keys"),
    "demo": Subcommand(
        "countersign_ml.demo.demo_command", "demo", "run the whole loop on this machine"
    ),
}

OWN_PACKAGES = ("policy", "runner", "bot", "countersign_ml")
EXTRAS = {
    **dict.fromkeys(("msgspec", "numpy", "phonenumbers", "re2", "stdnum", "xxhash"), "data"),
    **dict.fromkeys(("pyarrow", "zstandard"), "parquet"),
    **dict.fromkeys(("httpx", "uvicorn"), "serving"),
    "bitsandbytes": "qlora",
    "s3fs": "s3",
}
"""The extra that installs a package; all others come with the runner."""
PASSED, WRONG_USE = 0, 2


def usage() -> str:
    """Return what `countersign --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: countersign COMMAND [options]",
            "",
            "Fine-tunes ship by pull request.",
            "",
            *lines,
            "",
            "Run countersign COMMAND --help for a command's options.",
            "Exit codes: 0 passed, 1 blocked by a gate, 2 wrong usage or input.",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; a UserError is printed with one line per problem."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return PASSED if words else WRONG_USE
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"countersign {version('countersign-ml')}")
        return PASSED
    command = COMMANDS.get(words[0])
    if command is None:
        import difflib

        near = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "run countersign --help to list them"
        print(f"countersign: unknown command {words[0]!r}; {hint}", file=sys.stderr)
        return WRONG_USE
    try:
        module = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        print(f"countersign {words[0]}: {_missing(error)}", file=sys.stderr)
        return WRONG_USE
    try:
        code: int = getattr(module, command.function)(words[1:])
    except UserError as error:
        for problem in error.problems:
            print(f"countersign: {problem}", file=sys.stderr)
        return WRONG_USE
    except ModuleNotFoundError as error:
        print(f"countersign {words[0]}: {_missing(error)}", file=sys.stderr)
        return WRONG_USE
    except BrokenPipeError:  # the reader closed the pipe, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("countersign: interrupted", file=sys.stderr)
        return 130
    return code


def _missing(error: ModuleNotFoundError) -> str:
    """Name the extra that installs a missing package; a missing module of ours is a bug."""
    name = (error.name or "").partition(".")[0]
    if name in OWN_PACKAGES:
        raise error
    extra = EXTRAS.get(name, "runner,gguf,serving")
    return (
        f"the package {name!r} is not installed; "
        f"install it with: pip install 'countersign-ml[{extra}]'"
    )
