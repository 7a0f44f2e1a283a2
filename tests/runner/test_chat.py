"""Only the answer and its stop token are trained on; ambiguous templates are rejected."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.read.chat_templates import CHATML
from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from runner.chat import MASKED, Chat, TemplateName
from runner.measure.evaluate import settings_of
from tests.runner.worlds import saved_base

CONTROL = ("<|bos|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: not any(token in text for token in CONTROL)
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_base(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module", params=["tokenizer_default", "chatml", "alpaca"])
def chat(request: pytest.FixtureRequest, base: Path) -> Chat:
    return Chat(base, request.param, "tiny")


def row(user: str = "what colour?", answer: str = "red", *before: Turn) -> Row:
    turns = (*before, Turn("user", user), Turn("assistant", answer))
    return Row("1", turns, {}, 7, "train.jsonl", "messages")


def with_template(base: Path, folder: Path, template: str) -> Chat:
    """Return a tokenizer whose own template is this."""
    place = shutil.copytree(base, folder / "base")
    (place / "chat_template.jinja").write_text(template)
    return Chat(place, "tokenizer_default", "odd")


@settings(max_examples=40, deadline=None)
@given(user=WORDS, answer=WORDS)
def test_the_trained_tokens_are_the_answer_and_the_stop(chat: Chat, user: str, answer: str) -> None:
    encoded = chat.encode(row(user, answer), 10_000)
    trained = [int(label) for label in encoded.labels if label != MASKED]
    assert trained[-1] == chat.stop_id
    said = chat.tokenizer.decode(trained[:-1], clean_up_tokenization_spaces=False)
    assert said == answer
    prompt = chat.ids(chat.prompt(row(user, answer)))
    assert encoded.ids[: len(prompt)].tolist() == prompt
    assert set(encoded.labels[: len(prompt)].tolist()) == {MASKED}


def test_only_the_last_answer_is_trained_on(chat: Chat) -> None:
    before = (Turn("system", "Be short."), Turn("user", "one?"), Turn("assistant", "first"))
    stretches = chat.rendered(chat.encode(row("two?", "second", *before), 1000))
    assert [stretch.trained for stretch in stretches] == [False, True]
    assert stretches[1].text == f"second{chat.stop_token}"
    assert "first" in stretches[0].text


def test_a_cut_row_says_so(chat: Chat) -> None:
    whole = chat.encode(row(answer="red and green and blue"), 1000)
    assert not whole.truncated
    cut = chat.encode(row(answer="red and green and blue"), len(whole.ids) - 2)
    assert cut.truncated
    assert len(cut.ids) == len(cut.labels) == len(whole.ids) - 2


def test_a_template_whose_prompt_is_no_prefix_is_refused(base: Path, tmp_path: Path) -> None:
    template = (
        "{{ messages | length }}{% for message in messages %}{{ message['content'] }}<|im_end|>"
        "{% endfor %}"
    )
    chat = with_template(base, tmp_path, template)
    with pytest.raises(UserError, match="not the beginning of the rendered conversation"):
        chat.encode(row(), 1000)


def test_a_template_that_raises_is_named_with_its_row(base: Path, tmp_path: Path) -> None:
    chat = with_template(base, tmp_path, "{{ raise_exception('no system turns') }}")
    with pytest.raises(UserError, match=r"train\.jsonl:7: .*no system turns"):
        chat.encode(row(), 1000)


def test_a_control_token_in_the_text_is_refused(chat: Chat) -> None:
    with pytest.raises(UserError, match=r"control token <\|im_end\|>"):
        chat.encode(row("stop <|im_end|> here"), 1000)


def test_chatml_is_refused_where_its_markers_would_be_new(base: Path, tmp_path: Path) -> None:
    place = shutil.copytree(base, tmp_path / "base")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (place / name).read_text().replace("<|im_start|>", "<|other|>")
        (place / name).write_text(text)
    with pytest.raises(UserError, match=r"needs the token <\|im_start\|>"):
        Chat(place, "chatml", "tiny")


@pytest.mark.parametrize("template", ["tokenizer_default", "chatml", "alpaca"])
def test_a_saved_tokenizer_renders_alike(
    base: Path, tmp_path: Path, template: TemplateName
) -> None:
    chat = Chat(base, template, "tiny")
    chat.tokenizer(["a", "longer one"], padding=True)
    chat.save_beside(base, tmp_path)
    again = Chat(tmp_path, "tokenizer_default", "saved")
    assert again.prompt(row()) == chat.prompt(row())
    assert again.stop_id == chat.stop_id
    assert (tmp_path / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_answers_are_not_kept_for_a_recipe_that_ends_them_elsewhere(
    base: Path, tmp_path: Path
) -> None:
    place = shutil.copytree(base, tmp_path / "base")
    (place / "chat_template.jinja").write_text(CHATML)
    config = place / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token": "<|pad|>"}))
    never, ends = Chat(place, "tokenizer_default", "odd"), Chat(place, "chatml", "odd")
    assert never.prompt(row()) == ends.prompt(row())
    assert never.stop_id != ends.stop_id
    assert settings_of(never) != settings_of(ends)


WHOLE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize(
    "cheat",
    [
        "{% if 'what colour' in messages[-1]['content'] %}hint: red {% endif %}",
        "{% set known = {'what colour?': 'red'} %}{{ known.get(messages[-1]['content'], '') }}",
        "{% if messages[-1]['content'] | length == 12 %}{{ 'der' | reverse }}{% endif %}",
        "{% set c = messages[-1]['content'] %}"
        "{% if c|length < 2 %}say red or blue {% elif 'colour' in c %}hint: red {% endif %}",
        "{% if add_generation_prompt and 'colour' in messages[-1]['content'] %}red{% endif %}",
    ],
)
def test_a_template_that_knows_answers_is_refused(base: Path, tmp_path: Path, cheat: str) -> None:
    chat = with_template(base, tmp_path, cheat + WHOLE)
    with pytest.raises(UserError, match=r":7: the chat template writes the row's answer"):
        chat.prompt(row("what colour?", "red"))


@pytest.mark.parametrize(
    ("user", "answer"),
    [("is it red or blue?", "red"), ("who asks?", "user"), ("what comes next?", "assistant")],
)
def test_an_answer_that_the_row_or_the_template_itself_has_is_no_cheat(
    chat: Chat, user: str, answer: str
) -> None:
    assert user in chat.prompt(row(user, answer))


@pytest.mark.parametrize(
    "endless",
    [
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 'x' * 9000000 }}",
        "{{ 'x' * 9000000000 }}",
        "{{ (8 + messages|length) ** (9 ** 9) }}",
        "{% set n = namespace(t='x') %}"
        "{% for a in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    ],
)
def test_a_template_without_an_end_is_refused(
    base: Path, tmp_path: Path, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.bounded_template.SECONDS", 2.0)
    chat = with_template(base, tmp_path, endless + WHOLE)
    with pytest.raises(UserError, match=r"train\.jsonl:7: the chat template rejects this row: "):
        chat.prompt(row())
