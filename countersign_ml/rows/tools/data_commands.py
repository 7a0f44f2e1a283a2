"""`countersign data`: a table of the dataset commands, loaded on use."""

from __future__ import annotations

import importlib
import sys

COMMANDS: dict[str, tuple[str, str]] = {
    "validate": (
        "countersign_ml.rows.tools.validate_command",
        "run the data gates over a model or a file of rows",
    ),
    "diff": (
        "countersign_ml.rows.diff.diff_command",
        "show what changed in the rows between two revisions or files",
    ),
    "split": (
        "countersign_ml.rows.tools.split",
        "split a file by seed; groups stay whole, and added rows move no others",
    ),
    "card": (
        "countersign_ml.rows.card.card_command",
        "refresh the facts of a dataset card, and list what a person must write",
    ),
    "sample": ("countersign_ml.rows.tools.sample", "print some rows, chosen by seed"),
    "stats": (
        "countersign_ml.rows.statistics.stats_command",
        "show and draw lengths, shares and repetitions",
    ),
    "redact": (
        "countersign_ml.rows.redaction.redact_command",
        "write a copy with personal data and secrets replaced",
    ),
    "manifest": (
        "countersign_ml.rows.governed.manifest",
        "check rows outside git against their manifest",
    ),
}
"""Each command, the module whose `main(argv) -> exit code` it runs, and its summary."""


def main(argv: list[str]) -> int:
    """Run one subcommand of `countersign data`."""
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print("usage: countersign data COMMAND [options]\n")
        for name, (_, summary) in COMMANDS.items():
            print(f"  {name:<{width}}  {summary}")
        print("\ncountersign data COMMAND --help shows the options of a command.")
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        print(
            f"countersign data: unknown command {argv[0]!r}; known commands: {known}",
            file=sys.stderr,
        )
        return 2
    code: int = importlib.import_module(COMMANDS[argv[0]][0]).main(argv[1:])
    return code
