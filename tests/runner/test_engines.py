"""Every engine keeps the order of prompts, counts tokens, and depends on nothing but the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from policy.errors import UserError
from runner.engines.engine import Engine
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.transformers_engine import TransformersEngine
from runner.export.gguf_file import export
from tests.runner.gguf_builders import chats, saved, tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = saved(tmp_path_factory.mktemp("engines"), "llama", max_position_embeddings=128)
    export(made, made / "model.gguf", dtype="F32", name="tiny")
    return made


@pytest.fixture(params=["transformers", "llama.cpp"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    made: Engine
    if request.param == "llama.cpp":
        made = LlamaCppEngine(folder / "model.gguf", n_threads=1)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder)
        made = TransformersEngine(model, AutoTokenizer.from_pretrained(folder), batch_size=3)
    yield made
    made.close()


def test_answers_keep_the_prompts_order(engine: Engine) -> None:
    prompts = chats(tokenizer())
    seen: list[tuple[int, int]] = []
    forth = engine.generate(
        prompts, max_new_tokens=8, progress=lambda done, all_: seen.append((done, all_))
    )
    back = engine.generate(prompts[::-1], max_new_tokens=8)
    assert [a.text for a in forth] == [a.text for a in back[::-1]]
    assert len({a.text for a in forth}) > 5
    assert seen[-1] == (len(prompts), len(prompts))
    assert all(a.seconds > 0 for a in forth)
    assert engine.version


def test_an_answer_of_the_full_length_says_so(engine: Engine) -> None:
    (answer,) = engine.generate(chats(tokenizer())[:1], max_new_tokens=1)
    assert (answer.tokens, answer.finish) == (1, "length")


def test_no_prompts_give_no_answers(engine: Engine) -> None:
    assert engine.generate([], max_new_tokens=8) == []


def test_the_stop_token_ends_an_answer_and_is_not_shown(folder: Path, tmp_path: Path) -> None:
    """What the model says third is declared the stop token: both engines then say two tokens."""
    made = AutoTokenizer.from_pretrained(folder)
    prompts = chats(made)[:1]
    model = AutoModelForCausalLM.from_pretrained(folder)
    asked = made(prompts[0], add_special_tokens=False, return_tensors="pt")["input_ids"]
    said = model.generate(asked, max_new_tokens=3, do_sample=False)[0, -3:].tolist()
    assert said[2] not in said[:2]
    made.save_pretrained(tmp_path)
    model.generation_config.eos_token_id = [said[2]]
    model.save_pretrained(tmp_path)
    gguf = export(tmp_path, tmp_path / "model.gguf", dtype="F32", name="tiny").path
    with LlamaCppEngine(gguf, n_threads=1) as other:
        for engine in (TransformersEngine(model, made), other):
            (answer,) = engine.generate(prompts, max_new_tokens=20)
            assert (answer.tokens, answer.finish) == (3, "stop"), engine.name
            assert answer.text == made.decode(said[:2], skip_special_tokens=True), engine.name


def test_the_context_bounds_an_answer(folder: Path) -> None:
    with LlamaCppEngine(folder / "model.gguf", n_ctx=64, n_threads=1) as engine:
        (answer,) = engine.generate(chats(tokenizer())[7:8], max_new_tokens=1000)
    assert answer.finish in ("length", "stop")
    assert answer.tokens < 64


def test_a_prompt_that_does_not_fit_is_refused(folder: Path) -> None:
    with (
        LlamaCppEngine(folder / "model.gguf", n_threads=1) as engine,
        pytest.raises(UserError, match="does not fit a context of 128"),
    ):
        engine.generate(["hello " * 200], max_new_tokens=8)


def test_a_file_that_is_no_model_is_one_clear_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(50))
    with pytest.raises(UserError, match="cannot be loaded as GGUF") as caught:
        LlamaCppEngine(broken)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        LlamaCppEngine(tmp_path / "none.gguf")
    assert capfd.readouterr().err == ""


def test_llama_cpp_says_nothing_on_the_terminal(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with LlamaCppEngine(folder / "model.gguf", n_threads=1) as engine:
        engine.generate(chats(tokenizer())[:1], max_new_tokens=2)
    assert capfd.readouterr() == ("", "")
