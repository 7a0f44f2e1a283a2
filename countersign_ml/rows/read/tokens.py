"""The tokens that training would see: how many, and which rows exceed the recipe's max_length.

The tokenizer must be on this machine; nothing is downloaded, and torch is not needed. Without a
tokenizer the count says so, and nothing is estimated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from countersign_ml.rows.read.bounded_template import BoundedTemplate, Exceeded, NotRendered
from countersign_ml.rows.read.chat_templates import CHATML_END, TEMPLATES
from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.sample_lines import read_source
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import SHOWN
from countersign_ml.rows.read.template_child import render_function
from policy.errors import UserError
from policy.facts.evidence import RowFinding
from policy.files.budget import Budget
from policy.files.recipe import Recipe

ROWS = 200_000
"""The most rows that are counted; of more, a sample by seed. A core counts a few thousand a
second."""
SEED = 20240607
BATCH = 512
Render = Callable[[Sequence[Turn], bool], str]


class NotCounted(Exception):  # noqa: N818 - says what happened
    """Why tokens cannot be counted here."""


@dataclass
class Counted:
    """The counts of one pass over the rows, each cut at the recipe's max_length."""

    max_length: int
    rows: int = 0
    of: int = 0
    """All rows of the split; more than `rows` if a sample was counted."""
    cut: int = 0
    tokens: int = 0
    trained: int = 0
    longest: int = 0
    findings: list[RowFinding] = field(default_factory=list)

    def cost(self, recipe: Recipe, budget: Budget) -> tuple[int, float | None, float | None]:
        """Return tokens, hours and cost of the whole training, for all rows of the split."""
        if recipe.max_steps is not None:
            batch = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
            passes = recipe.max_steps * batch / max(1, self.of)
        else:
            passes = recipe.num_train_epochs
        tokens = round(self.tokens / max(1, self.rows) * self.of * passes)
        if budget.tokens_per_second is None:
            return tokens, None, None
        hours = tokens / budget.tokens_per_second / 3600
        price = budget.price_per_hour
        return tokens, hours, None if price is None else hours * price


def find_tokenizer(recipe: Recipe, repo: Path, given: Path | None, cache: Path) -> Path:
    """Return the tokenizer.json to count by: the one given, or the base model's on this machine.

    NotCounted if there is none; UserError if the one given is missing.
    """
    if given is not None:
        file = given / "tokenizer.json" if given.is_dir() else given
        if not file.is_file():
            raise UserError.one(str(given), "no such file", "name a model's tokenizer.json")
        return file
    if recipe.engine == "openai":
        raise NotCounted("OpenAI trains the model, and its tokenizer is not available here")
    if recipe.looks_like_hub_id:
        from huggingface_hub import try_to_load_from_cache

        revision = recipe.base_model_revision
        for place in (cache / "hub", None):
            found = try_to_load_from_cache(
                recipe.base_model, "tokenizer.json", cache_dir=place, revision=revision
            )
            if isinstance(found, str):
                return Path(found)
    else:
        file = repo / recipe.base_model / "tokenizer.json"
        if file.is_file():
            return file
    raise NotCounted(
        f"the tokenizer of {recipe.base_model} is not on this machine; "
        "name its tokenizer.json with --tokenizer"
    )


class Counter:
    """A tokenizer with the recipe's chat template, which counts tokens as training does."""

    def __init__(self, file: Path, template: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise NotCounted(
                "the package tokenizers is missing; pip install 'countersign-ml[tokens]'"
            ) from error
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing narrower
            raise UserError.one(
                str(file), f"not a tokenizer: {error}", "name a tokenizer.json"
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        settings = _settings(file.with_name("tokenizer_config.json"))
        special = {name: _token(settings.get(name)) for name in ("bos_token", "eos_token")}
        if template == "chatml":
            special["eos_token"] = CHATML_END
        self._stop = self._tokenizer.token_to_id(special["eos_token"] or "")
        if self._stop is None:
            raise NotCounted(
                f"{file} and tokenizer_config.json next to it name no stop token "
                "that the model knows"
            )
        own = template not in TEMPLATES
        self._render = _renderer(_template(template, settings, file), special, own=own)

    def lengths(self, rows: Sequence[Row]) -> list[tuple[int, int]]:
        """Return, for each row, its tokens up to the stop token, and those of its prompt."""
        prompts = [self._render(row.prompt, True) for row in rows]
        wholes = [self._render(row.messages, False) for row in rows]
        encoded = self._tokenizer.encode_batch([*prompts, *wholes], add_special_tokens=False)
        found = []
        for at, row in enumerate(rows):
            prompt, ids = encoded[at].ids, encoded[len(rows) + at].ids
            if ids[: len(prompt)] != prompt:
                # As in training: the answer is tokenized alone, as a server would continue.
                rest = wholes[at][len(prompts[at]) :]
                ids = prompt + self._tokenizer.encode(rest, add_special_tokens=False).ids
            if not wholes[at].startswith(prompts[at]):
                raise NotCounted(
                    f"the chat template renders the prompt of {row.where} so that the whole "
                    "conversation does not begin with it"
                )
            ends = [place for place in range(len(prompt), len(ids)) if ids[place] == self._stop]
            found.append((ends[-1] + 1 if ends else len(ids), len(prompt)))
        return found


def count_tokens(source: Source, rows: int, counter: Counter, max_length: int) -> Counted:
    """Count a file of `rows` rows; of more than ROWS a sample by seed."""
    counted = Counted(max_length, of=rows)
    chosen = None
    if rows > ROWS:
        chosen = np.zeros(rows + 1, dtype=np.bool_)
        chosen[np.random.default_rng(SEED).choice(rows, ROWS, replace=False)] = True
    waiting: list[Row] = []
    again = Source(source.path, source.where)
    for number, row in enumerate(read_source(again)):
        if isinstance(row, Row) and (chosen is None or bool(chosen[min(number, rows)])):
            waiting.append(row)
        if len(waiting) == BATCH:
            _add(counted, waiting, counter)
            waiting = []
    _add(counted, waiting, counter)
    return counted


def _add(counted: Counted, rows: list[Row], counter: Counter) -> None:
    limit = counted.max_length
    for row, (length, prompt) in zip(rows, counter.lengths(rows), strict=True):
        counted.rows += 1
        counted.tokens += min(length, limit)
        counted.trained += max(0, min(length, limit) - prompt)
        counted.longest = max(counted.longest, length)
        if length > limit:
            counted.cut += 1
            if len(counted.findings) < SHOWN:
                message = f"{length:,} tokens, cut at {limit:,}"
                counted.findings.append(
                    RowFinding(file=row.file, line=row.line, id=row.id, field="messages",
                               message=message)
                )  # fmt: skip


def _settings(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError.one(str(file), f"not JSON: {error}", "restore the file") from error
    return value if isinstance(value, dict) else {}


def _token(value: Any) -> str | None:
    """Return a special token's text; some files store it as an object."""
    found = value.get("content") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def _template(name: str, settings: dict[str, Any], file: Path) -> str:
    if name in TEMPLATES:
        return TEMPLATES[name]
    own = file.with_name("chat_template.jinja")
    if own.is_file():
        return own.read_text("utf-8")
    found = settings.get("chat_template")
    if not isinstance(found, str):
        raise NotCounted(f"no chat template next to {file}")
    return found


def _renderer(template: str, special: dict[str, str | None], *, own: bool) -> Render:
    """Return a function that renders turns as transformers does, in a sandbox.

    The template of a base model (`own`) is code of others: a process with limits renders it.
    """
    from jinja2 import TemplateError

    try:
        known = None if own else render_function(template)
    except TemplateError as error:
        raise _not_rendered(error) from error
    bounded = BoundedTemplate(template)

    def render(turns: Sequence[Turn], answer: bool) -> str:
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        variables = {"messages": plain, "add_generation_prompt": answer, **special}
        try:
            return known(variables) if known else bounded.render(variables)
        except Exceeded as error:
            raise UserError.one(
                "chat_template",
                str(error),
                "set chat_template: chatml or alpaca in recipe.yml, or use another base model",
            ) from error
        except (NotRendered, TemplateError, TypeError, OverflowError) as error:
            raise _not_rendered(error) from error

    return render


def _not_rendered(error: Exception) -> NotCounted:
    return NotCounted(f"the chat template cannot be rendered here: {error}")
