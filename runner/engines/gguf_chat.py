"""Turns rendered by the template inside a GGUF file: each version is asked as it is served.

The incumbent may have another template than the proposal, so it is asked with its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from countersign_ml.rows.read.bounded_template import BoundedTemplate, NotRendered
from countersign_ml.rows.read.formats import Turn
from policy.errors import UserError
from runner.runner_sentences import template_refused


class GgufChat:
    """The template of one file and the texts of its first and last tokens."""

    def __init__(self, path: Path) -> None:
        """Read a file's metadata; UserError if it has no template."""
        from gguf import GGUFReader

        try:
            fields = GGUFReader(path).fields
        except (ValueError, IndexError, KeyError) as error:
            raise UserError.one(
                str(path), f"not a GGUF file: {error}", "export the model again"
            ) from error
        template = fields.get("tokenizer.chat_template")
        if template is None:
            raise UserError.one(
                str(path),
                "has no chat template, so its prompts cannot be rendered",
                "export the model again with its tokenizer's template",
            )
        self._template = BoundedTemplate(str(template.contents()))
        self._bos = _token(fields, "tokenizer.ggml.bos_token_id")
        self._eos = _token(fields, "tokenizer.ggml.eos_token_id")

    def prompt(self, turns: Sequence[Turn], where: str) -> str:
        """Return the turns as text, up to the start of the assistant's turn."""
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return self._template.render(
                {
                    "messages": plain,
                    "tools": None,
                    "documents": None,
                    "add_generation_prompt": True,
                    "bos_token": self._bos,
                    "eos_token": self._eos,
                }
            )
        except NotRendered as error:
            raise template_refused(where, str(error)) from error


def _token(fields: Any, key: str) -> str:
    """Return the text of a token that the metadata names by number; empty if it names none."""
    field = fields.get(key)
    if field is None:
        return ""
    tokens = fields.get("tokenizer.ggml.tokens")
    if tokens is None:
        raise UserError.one(key, "names a token, but the file has no list of tokens")
    return str(tokens.contents(int(field.contents())))
