"""Turns to tokens, the same in training, measuring and serving.

The template is set on the tokenizer and becomes part of the exported file, so a server renders
prompts as in training. A row's answer is its last assistant turn; only its tokens, including the
stop token, are trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from countersign_ml.rows.read.bounded_template import BoundedTemplate, NotRendered
from countersign_ml.rows.read.chat_templates import CHATML_END, TEMPLATES
from countersign_ml.rows.read.formats import Role, Turn
from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from policy.facts.evidence import RenderedToken
from runner.runner_sentences import base_not_loaded, template_refused

TemplateName = Literal["chatml", "alpaca", "tokenizer_default"]
MASKED = -100
"""The label that the loss ignores."""
PLACE = "\ue000"
"""A character of private use, in place of a turn's text."""


ID = np.dtype("<i4")
"""How a token id is stored."""


@dataclass(frozen=True)
class Encoded:
    """One row as token ids; the first `masked` of them are not trained on."""

    ids: NDArray[np.int32]
    masked: int
    truncated: bool
    where: str

    @property
    def trained(self) -> int:
        """Return how many tokens are trained on."""
        return len(self.ids) - self.masked

    @property
    def labels(self) -> NDArray[np.int32]:
        """Return the ids with MASKED in place of those that are not trained on."""
        labels = np.array(self.ids)
        labels[: self.masked] = MASKED
        return labels


@dataclass(frozen=True)
class Rendered:
    """One row as text: its prompt, with which the whole conversation begins."""

    prompt: str
    whole: str
    where: str


class Chat:
    """A tokenizer with a fixed template."""

    def __init__(self, folder: Path, template: TemplateName, base: str) -> None:
        """Load the tokenizer of a model folder and set the recipe's template on it."""
        from transformers import AutoTokenizer

        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, local_files_only=True
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise base_not_loaded(base, f"its tokenizer: {error}") from error
        self.tokenizer = tokenizer
        if template != "tokenizer_default":
            tokenizer.chat_template = TEMPLATES[template]
        elif not tokenizer.chat_template:
            raise UserError.one(
                f"base_model {base}",
                "its tokenizer has no chat template",
                "set chat_template: chatml or alpaca in recipe.yml",
            )
        if template == "chatml":
            self._require_chatml()
        if tokenizer.eos_token_id is None:
            raise UserError.one(
                f"base_model {base}",
                "its tokenizer has no end-of-sequence token",
                "use a base model whose tokenizer names an eos_token",
            )
        self.stop_token = str(tokenizer.eos_token)
        self.stop_id = int(tokenizer.eos_token_id)
        self.pad_id = int(
            self.stop_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        )
        control = {re.escape(str(token)) for token in tokenizer.all_special_tokens}
        self._written: dict[tuple[Role, ...], list[str]] = {}
        own = template == "tokenizer_default"
        self._bounded = BoundedTemplate(str(tokenizer.get_chat_template())) if own else None
        self._control = re.compile("|".join(sorted(control, key=len, reverse=True)))

    def _require_chatml(self) -> None:
        """Reject markers that are new to the model: LoRA cannot teach it to emit them."""
        known = self.tokenizer.get_vocab()
        for token in ("<|im_start|>", CHATML_END):
            if token not in known:
                raise UserError.one(
                    "recipe.yml chat_template",
                    f"chatml needs the token {token}, which the base model does not have",
                    "use tokenizer_default or alpaca, or another base model",
                )
        self.tokenizer.eos_token = CHATML_END

    @property
    def template(self) -> str:
        """Return the template's text."""
        return str(self.tokenizer.chat_template)

    def render(self, turns: Sequence[Turn], where: str, *, answer: bool = False) -> str:
        """Return the turns as text; with `answer`, up to the start of the assistant's turn.

        A base model's own template is code of others: a process of its own renders it.
        """
        self._refuse_control_tokens(turns, where)
        plain = [{"role": turn.role, "content": turn.content} for turn in turns]
        if self._bounded is None:
            return str(
                self.tokenizer.apply_chat_template(
                    plain, tokenize=False, add_generation_prompt=answer
                )
            )
        try:
            return self._bounded.render(
                {
                    **self.tokenizer.special_tokens_map,
                    "messages": plain,
                    "tools": None,
                    "documents": None,
                    "add_generation_prompt": answer,
                }
            )
        except NotRendered as error:
            raise template_refused(where, str(error)) from error

    def prompt(self, row: Row) -> str:
        """Return the rendered prompt of a row, which every subject is asked.

        UserError if it has the answer more often than the row's own turns and the text that the
        template writes around any turns: then the template knows answers.
        """
        text = self.render(row.prompt, row.where, answer=True)
        answer = row.answer.strip()
        if answer and answer in text:
            around = self._around(tuple(turn.role for turn in row.prompt))
            own = sum(turn.content.count(answer) for turn in row.prompt)
            if _in_order(around, text):
                own += sum(piece.count(answer) for piece in around)
            if text.count(answer) > own:
                raise UserError.one(
                    row.where,
                    "the chat template writes the row's answer into its prompt",
                    "use a template that writes only the messages: chat_template: chatml or alpaca",
                )
        return text

    def _around(self, roles: tuple[Role, ...]) -> list[str]:
        """Return the pieces that the template writes around turns of these roles."""
        if roles not in self._written:
            turns = [Turn(role, PLACE) for role in roles]
            try:
                self._written[roles] = self.render(turns, "", answer=True).split(PLACE)
            except UserError:  # it refuses such turns; then it writes nothing around them
                self._written[roles] = []
        return self._written[roles]

    def rendered_row(self, row: Row) -> Rendered:
        """Return a row as text; UserError unless the conversation begins with the prompt."""
        prompt = self.prompt(row)
        whole = self.render(row.messages, row.where)
        if not whole.startswith(prompt):
            raise _not_a_prefix(row.where)
        return Rendered(prompt, whole, row.where)

    def all_ids(self, rows: Sequence[Rendered]) -> list[list[int]]:
        """Return the ids of all prompts, then of all conversations, by the tokenizer's threads."""
        texts = [row.prompt for row in rows] + [row.whole for row in rows]
        return list(self._tokens(texts))

    def masked(
        self, rows: Sequence[Rendered], ids: Sequence[list[int]], max_length: int
    ) -> list[Encoded]:
        """Return the tokens of rows with everything but the answer masked, cut at `max_length`.

        `ids` come from `all_ids`. UserError unless a conversation's tokens begin with its prompt's.
        """
        prompts, wholes = ids[: len(rows)], ids[len(rows) :]
        return [
            self._masked(row, prompt, whole, max_length)
            for row, prompt, whole in zip(rows, prompts, wholes, strict=True)
        ]

    def encode(self, row: Row, max_length: int) -> Encoded:
        """Return one row's tokens, masked and cut; UserError as for `rendered_row` and `masked`."""
        rows = [self.rendered_row(row)]
        return self.masked(rows, self.all_ids(rows), max_length)[0]

    def _masked(
        self, row: Rendered, prompt_ids: list[int], ids: list[int], max_length: int
    ) -> Encoded:
        if ids[: len(prompt_ids)] != prompt_ids:
            # The answer's first characters joined the prompt's last token. When served, the prompt
            # is tokenised alone, so train on the same pieces.
            ids = prompt_ids + self.ids(row.whole[len(row.prompt) :])
            decoded = self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            if decoded != row.whole:
                raise _not_a_prefix(row.where)
        ids = self._until_stop(ids, len(prompt_ids))
        kept = np.array(ids[:max_length], dtype=ID)
        masked = min(len(prompt_ids), len(kept))
        return Encoded(kept, masked, len(ids) > max_length, row.where)

    def ids(self, text: str) -> list[int]:
        """Return the ids of rendered text; it has its special tokens already, none are added."""
        return list(self._tokens([text])[0])

    def _tokens(self, texts: list[str]) -> Any:
        return self.tokenizer(
            texts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]

    def _until_stop(self, ids: list[int], start: int) -> list[int]:
        """Leave out what a template writes after the answer's stop token: it is never generated."""
        for place in range(len(ids) - 1, start - 1, -1):
            if ids[place] == self.stop_id:
                return ids[: place + 1]
        return ids

    def stop_is_trained(self, encoded: Encoded) -> bool:
        """Return whether a row's last trained token is the stop token; true for a cut row."""
        if encoded.truncated:
            return True
        return encoded.trained > 0 and bool(encoded.ids[-1] == self.stop_id)

    def rendered(self, encoded: Encoded) -> tuple[RenderedToken, ...]:
        """Return a row as stretches of text that are trained on or not, for a person to read."""
        stretches = (encoded.ids[: encoded.masked], False), (encoded.ids[encoded.masked :], True)
        return tuple(
            RenderedToken(
                text=self.tokenizer.decode(ids.tolist(), clean_up_tokenization_spaces=False),
                trained=trained,
            )
            for ids, trained in stretches
            if len(ids)
        )

    def _refuse_control_tokens(self, turns: Sequence[Turn], where: str) -> None:
        for turn in turns:
            found = self._control.search(turn.content)
            if found is not None:
                raise UserError.one(
                    where,
                    f"the text contains the control token {found[0]}, which would end or begin a "
                    "turn",
                    "remove it from the row",
                )

    def save_beside(self, source: Path, target: Path) -> None:
        """Put the base's tokenizer files and this template next to merged weights.

        The base's own files are copied: saving a tokenizer after use writes its padding
        and truncation into tokenizer.json.
        """
        import json
        import shutil

        for name in TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
        settings = target / "tokenizer_config.json"
        try:
            value = json.loads(settings.read_text()) if settings.is_file() else {}
        except ValueError as error:
            raise UserError.one(str(source / settings.name), f"not JSON: {error}") from error
        value.pop("chat_template", None)
        value["eos_token"] = self.stop_token
        settings.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        (target / "chat_template.jinja").write_text(self.template)


def _in_order(pieces: Sequence[str], text: str) -> bool:
    """Return whether all pieces are in the text, one after the other.

    If not, the template writes something else around a placeholder than around this row, such as a
    list of all answers, and that is no excuse for an answer in the prompt.
    """
    place = 0
    for piece in pieces:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def _not_a_prefix(where: str) -> UserError:
    return UserError.one(
        where,
        "the rendered prompt is not the beginning of the rendered conversation, so the answer's "
        "tokens cannot be told from the prompt's",
        "set chat_template: chatml or alpaca, whose answers follow the prompt",
    )


TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
"""The files of a tokenizer; the template is written from the recipe."""
