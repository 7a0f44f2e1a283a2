"""Texts split in llama.cpp as they did in training, or the tokenizer is rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gguf import GGUFReader
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from policy.errors import UserError
from runner.engines.gguf_model import GgufModel
from runner.export.gguf_file import export
from runner.export.gguf_tokenizer import CONTROL, NORMAL, UNUSED, USER_DEFINED
from runner.export.parity import token_parity
from tests.runner.gguf_builders import TEMPLATE, TEXTS, TOOL, chats, saved, tokenizer

FAMILIES = ("llama-bpe", "smaug-bpe", "qwen2", "tekken", "gpt-4o", "gpt-2", "smollm")


def exported(folder: Path, family: str = "llama-bpe") -> Path:
    return export(saved(folder, "llama", family), folder / "model.gguf", name="tiny").path


@pytest.fixture(scope="module")
def llama_bpe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("llama-bpe"))


@pytest.mark.parametrize("family", FAMILIES)
def test_token_ids_are_equal_in_every_family(tmp_path: Path, family: str) -> None:
    gguf = exported(tmp_path, family)
    texts = [*TEXTS, *chats(tokenizer(family))]
    parity = token_parity(tmp_path, gguf, texts)
    assert (parity.equal, parity.first_difference) == (len(texts), "")
    pre = GGUFReader(gguf).get_field("tokenizer.ggml.pre")
    assert pre is not None
    assert pre.contents() == family


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example(text="It 's here . Is n't it ?")
def test_any_text_has_equal_ids(llama_bpe: Path, text: str) -> None:
    ours = AutoTokenizer.from_pretrained(llama_bpe.parent)
    with GgufModel(llama_bpe, vocabulary_only=True) as model:
        ids = model.tokenise(text)
        assert ids == ours(text, add_special_tokens=False)["input_ids"]
        assert model.detokenise(ids) == ours.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )


def test_an_unknown_pattern_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        exported(tmp_path, "unknown")
    assert r"\p{N}{1,2}|\p{L}+|[^\p{N}\p{L}]+" in str(caught.value)
    assert "known are llama-bpe, smaug-bpe, qwen2" in str(caught.value)


def test_a_wrong_family_is_found_by_parity(tmp_path: Path) -> None:
    gguf = exported(tmp_path)
    content = gguf.read_bytes()
    assert content.count(b"llama-bpe") == 1
    gguf.write_bytes(content.replace(b"llama-bpe", b"starcoder"))
    parity = token_parity(tmp_path, gguf, TEXTS)
    assert parity.equal < len(TEXTS)
    assert "became" in parity.first_difference


def test_a_second_bos_is_a_difference(llama_bpe: Path) -> None:
    made = AutoTokenizer.from_pretrained(llama_bpe.parent)
    (prompt, *_) = chats(made)
    assert token_parity(llama_bpe.parent, llama_bpe, [prompt]).equal == 1
    doubled = token_parity(llama_bpe.parent, llama_bpe, [made.bos_token + prompt])
    assert doubled.equal == 0
    assert "two bos tokens" in doubled.first_difference


@pytest.mark.parametrize("add_bos", [True, False])
def test_a_bos_is_added_only_where_the_tokenizer_adds_it(tmp_path: Path, add_bos: bool) -> None:
    folder = saved(tmp_path, "llama")
    made = tokenizer("llama-bpe", add_bos=add_bos)
    made.save_pretrained(folder)
    gguf = export(folder, tmp_path / "m.gguf", name="tiny").path
    with GgufModel(gguf, vocabulary_only=True) as model:
        first = model.tokenise("hello", add_special=True)[0]
    assert (first == made.bos_token_id) is add_bos


def test_metadata_names_types_specials_and_the_template(llama_bpe: Path) -> None:
    made = AutoTokenizer.from_pretrained(llama_bpe.parent)
    reader = GGUFReader(llama_bpe)

    def value(key: str) -> object:
        field = reader.get_field(f"tokenizer.{key}")
        assert field is not None, key
        return field.contents()

    assert value("chat_template") == TEMPLATE
    for name in ("bos", "eos"):
        assert value(f"ggml.{name}_token_id") == getattr(made, f"{name}_token_id")
    assert value("ggml.padding_token_id") == made.pad_token_id
    types, tokens = value("ggml.token_type"), value("ggml.tokens")
    assert isinstance(types, list)
    assert isinstance(tokens, list)
    assert types[made.eos_token_id] == CONTROL
    assert types[made.convert_tokens_to_ids(TOOL)] == USER_DEFINED
    assert types[300] == NORMAL
    assert types[-3:] == [UNUSED] * 3
    assert tokens[-1] == f"[PAD{len(made) + 2}]"


def test_a_second_stop_token_ends_answers_too(tmp_path: Path) -> None:
    folder = saved(tmp_path, "llama")
    made = AutoTokenizer.from_pretrained(folder)
    second = made.convert_tokens_to_ids(TOOL)
    config = folder / "generation_config.json"
    config.write_text(json.dumps({"eos_token_id": [second, made.eos_token_id]}))
    gguf = export(folder, tmp_path / "m.gguf", name="tiny").path
    with GgufModel(gguf, vocabulary_only=True) as model:
        assert model.ends(second)
        assert model.ends(made.eos_token_id)
        assert not model.ends(made.bos_token_id)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("model", "byte_fallback"), True, "falls back to bytes"),
        (("normalizer",), {"type": "Lowercase"}, "text is normalised"),
        (("added_tokens", 0, "lstrip"), True, "strips spaces"),
        (("model", "dropout"), 0.1, "dropped at random"),
    ],
)
def test_what_llama_cpp_cannot_do_is_refused(
    tmp_path: Path, path: tuple[str | int, ...], value: object, said: str
) -> None:
    folder = saved(tmp_path, "llama")
    file = folder / "tokenizer.json"
    described = json.loads(file.read_text())
    at = described
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    file.write_text(json.dumps(described))
    with pytest.raises(UserError, match=said):
        export(folder, tmp_path / "m.gguf", name="tiny")
