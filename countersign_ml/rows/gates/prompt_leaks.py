"""Texts that break out of the conversation: template tokens, canaries, repeated system prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules

GATE = Gate(
    "prompt_leaks",
    "a template token inside a text ends a turn early, and a model learns to repeat its prompt",
    "remove the token, the canary or the repeated lines from the text",
    ("template_token", "canary", "recited"),
)
TEMPLATE = (
    r"<\|[A-Za-z0-9_▁ ]{2,40}\|>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
)
"""Tokens of chat templates, for `re` and for RE2."""
_TEMPLATE = re.compile(TEMPLATE)
SHORTEST_FRAGMENT = 40


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for each turn with text that does not belong in a row."""
    system = row.messages[0].content if row.messages[0].role == "system" else ""
    parts = fragments(system)
    for number, turn in enumerate(row.messages):
        place = f"messages.{number}"
        if token := template_token(turn.content):
            yield place, f"contains the chat template token {token!r}"
        for canary in rules.canaries:
            if canary in turn.content:
                yield place, "contains a canary: text marked as never to be trained on"
        if turn.role != "system" and any(part in turn.content for part in parts):
            yield place, "repeats a sentence of the row's system prompt"


def template_token(text: str) -> str | None:
    """Return the first token of a chat template that a text holds."""
    if "<" not in text and "[" not in text:
        return None
    found = _TEMPLATE.search(text)
    return found.group() if found else None


@lru_cache(maxsize=4096)
def fragments(system: str) -> tuple[str, ...]:
    """Return the sentences of a system prompt that are long enough to be unique to it."""
    pieces = (piece.strip() for piece in re.split(r"(?<=[.!?])\s+|\n", system))
    return tuple(piece for piece in pieces if len(piece) >= SHORTEST_FRAGMENT)[:32]
