"""Rows become tokens in files; each is what encoding it alone gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from policy.errors import UserError
from runner.chat import MASKED, Chat
from runner.training.token_rows import BATCH, TokenRows, encode_rows
from runner.training.train import Collator, InOrder
from tests.runner.worlds import read_accepted, row, rows, saved_base, write_rows


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    return Chat(saved_base(tmp_path_factory.mktemp("chat")), "chatml", "tiny")


def encoded(
    folder: Path, chat: Chat, given: list[dict[str, Any]], max_length: int = 1000, **more: Any
) -> TokenRows:
    write_rows(folder / "train.jsonl", given)
    accepted = read_accepted(folder / "train.jsonl")
    return encode_rows(accepted, chat, max_length, folder / "tokens", **more)


def test_every_row_is_as_if_encoded_alone(chat: Chat, tmp_path: Path) -> None:
    count = BATCH * 2 + 7
    made = encoded(tmp_path, chat, [row(number % 72, id=f"r-{number}") for number in range(count)])
    assert len(made) == count
    for number, each in enumerate(read_accepted(tmp_path / "train.jsonl")):
        alone, kept = chat.encode(each, 1000), made[number]
        assert kept.ids.tolist() == alone.ids.tolist()
        assert (kept.masked, kept.truncated, kept.where) == (alone.masked, False, alone.where)
    assert made.lengths.tolist() == [len(made[number].ids) for number in range(count)]
    assert isinstance(made.ids, np.memmap)
    assert made.stop_trained
    assert made.without_tokens == 0


def test_a_row_with_nothing_to_train_on_is_named_and_the_others_counted(
    chat: Chat, tmp_path: Path
) -> None:
    long = row(1) | {"messages": [{"role": "user", "content": "word " * 300}, *ANSWER]}
    given = [row(0), long | {"id": "x"}, long | {"id": "y"}]
    said = r"train\.jsonl:2: no token of this row .* \(1 more rows are like it\)"
    with pytest.raises(UserError, match=said):
        encoded(tmp_path, chat, given, 200)


ANSWER = [{"role": "assistant", "content": "red"}]


def test_no_rows_are_no_training(chat: Chat, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no usable row is left"):
        encoded(tmp_path, chat, [])


def test_a_template_that_never_stops_is_refused(tmp_path: Path) -> None:
    place = saved_base(tmp_path / "base")
    (place / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}{% endif %}"
    )
    chat = Chat(place, "tokenizer_default", "odd")
    with pytest.raises(UserError, match=r"train\.jsonl:1: the answer does not end with the stop"):
        encoded(tmp_path, chat, rows(range(3)))


def test_too_many_cut_rows_are_refused(chat: Chat, tmp_path: Path) -> None:
    whole = encoded(tmp_path, chat, rows(range(4)))
    shorter = int(whole.lengths.max()) - 1
    cut = encoded(tmp_path, chat, rows(range(4)), shorter)
    assert len(cut.truncated) > 0
    cut.require_whole(shorter, 1.0)
    with pytest.raises(UserError, match=rf"of 4 rows are longer than max_length \({shorter} tok"):
        cut.require_whole(shorter, 0.0)


def test_a_batch_is_padded_on_the_right_and_padding_is_not_trained_on(
    chat: Chat, tmp_path: Path
) -> None:
    made = encoded(tmp_path, chat, [row(0), row(1) | {"messages": [*LONG, *ANSWER]}])
    order = InOrder(made, [1, 0, 1])
    assert len(order) == 3
    batch = Collator(chat.pad_id)([order[0], order[1]])
    size = len(made[0].ids)
    assert batch["input_ids"].shape == (2, len(made[1].ids))
    assert batch["input_ids"][1, :size].tolist() == made[0].ids.tolist()
    assert batch["labels"][1, :size].tolist() == made[0].labels.tolist()
    assert set(batch["labels"][1, size:].tolist()) == {MASKED}
    assert set(batch["input_ids"][1, size:].tolist()) == {chat.pad_id}
    assert batch["attention_mask"].sum(1).tolist() == [len(made[1].ids), size]


LONG = [{"role": "user", "content": "and a long one, " * 9}]


def test_progress_shows_the_speed_and_reaches_the_end(chat: Chat, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    encoded(
        tmp_path, chat, rows(range(12)), progress=lambda text, share: told.append((text, share))
    )
    text, share = told[-1]
    assert share == 1.0
    assert text.startswith("tokenising rows, 12 rows, ")
    assert "rows/s" in text
