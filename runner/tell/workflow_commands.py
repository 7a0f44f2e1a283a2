"""Findings as workflow commands, which GitHub Actions shows at the line of the file they name.

A command is a line that begins with `::`. Its text comes from the rows, so every character that
could end it or begin another is escaped, as GitHub's own toolkit does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from policy.facts.evidence import DataFacts
from policy.verdict import Finding

MOST_OF_A_LEVEL = 10
"""GitHub shows ten errors and ten warnings per step."""


def tell(data: DataFacts, verdict: Finding) -> None:
    """Print the first findings on stderr in GitHub Actions; nothing elsewhere."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for command in commands(data, verdict):
            print(command, file=sys.stderr)


def commands(data: DataFacts, verdict: Finding) -> Iterator[str]:
    """Yield a command for each finding: an error if its gate blocks, else a warning."""
    holds = {part.name for part in verdict.parts if part.outcome.lets_through}
    left = {"error": MOST_OF_A_LEVEL, "warning": MOST_OF_A_LEVEL}
    for gate in data.gates:
        level = "warning" if gate.gate in holds else "error"
        for row in gate.findings[: left[level]]:
            left[level] -= 1
            field = f" ({row.field})" if row.field else ""
            yield command(level, row.file, row.line, f"{gate.gate} gate", row.message + field)


def command(level: str, file: str, line: int, title: str, message: str) -> str:
    """Return one command, on one line whatever its parts contain."""
    named = f"file={_property(file)},line={max(line, 1)},title={_property(title)}"
    return f"::{level} {named}::{_data(message[:1000])}"


def _data(text: str) -> str:
    safe = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(char if char.isprintable() else " " for char in safe)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
