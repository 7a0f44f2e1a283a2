"""A tiny base model is built from its folder: the same bits each time, all or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from policy.errors import UserError
from runner.base.base_tokenizer import train_tokenizer
from runner.base.base_training import read_corpus
from runner.base.build_base import BuiltBase, base_digest, build, load_spec

EXAMPLE = Path(__file__).parents[2] / "models" / "support-triage"
SPEC: dict[str, Any] = {
    "stages": [
        {"corpus": "words.jsonl", "steps": 12, "batch_tokens": 200},
        {"corpus": "chats.jsonl", "steps": 8, "batch_tokens": 300},
    ],
    "vocab_size": 512,
    "hidden_size": 32,
    "intermediate_size": 64,
    "layers": 2,
    "heads": 2,
    "max_length": 128,
    "initializer_std": 0.05,
    "seed": 3,
    "threads": 1,
    "learning_rate": 0.005,
    "matrix_learning_rate": 0.01,
    "warmup_steps": 2,
    "weight_decay": 0.1,
}


def word(rng: Random) -> str:
    return "".join(rng.choice("bdklmnrst") + rng.choice("aeiou") for _ in range(3))


def model_folder(path: Path, **changes: Any) -> Path:
    """Lay down a model folder with a base of toy size."""
    rng = Random(1)
    words = [word(rng) for _ in range(150)]
    texts = [{"text": " ".join(rng.sample(words, 6))} for _ in range(80)]
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"Say {said} {rng.randrange(100)}"},
                {"role": "assistant", "content": said},
            ]
        }
        for said in (rng.choice(words) for _ in range(60))
    ]
    base = path / "base"
    base.mkdir(parents=True)
    for name, documents in (("words", texts), ("chats", chats)):
        (base / f"{name}.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents))
    (base / "base.yml").write_text(yaml.safe_dump({**SPEC, **changes}))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def built(folder: Path, cache: Path) -> BuiltBase:
    return build(folder, cache)


def test_building_twice_gives_the_same_bits(built: BuiltBase, folder: Path, tmp_path: Path) -> None:
    again = build(folder, tmp_path)
    assert again.path != built.path
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again.path / name).read_bytes() == (built.path / name).read_bytes()
    assert (again.digest, again.weights_sha256) == (built.digest, built.weights_sha256)


def test_another_seed_gives_another_model(built: BuiltBase, tmp_path: Path) -> None:
    other = build(model_folder(tmp_path / "model", seed=4), tmp_path / "cache")
    assert other.weights_sha256 != built.weights_sha256
    assert other.digest != built.digest


def test_training_leaves_random_state_and_threads_alone(folder: Path, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    build(folder, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_built_base_is_taken_from_the_cache(built: BuiltBase, folder: Path, cache: Path) -> None:
    told: list[str] = []
    again = build(folder, cache, progress=lambda stage, share: told.append(stage))
    assert again == built
    assert told == []


def test_progress_goes_from_nothing_to_all(folder: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    build(folder, tmp_path, progress=lambda stage, share: shares.append(share))
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_changed_cached_file_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    path = build(folder, tmp_path).path / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=f"{name}.*delete"):
        build(folder, tmp_path)


def test_a_file_added_to_the_cache_is_refused(folder: Path, tmp_path: Path) -> None:
    (build(folder, tmp_path).path / "modeling.py").write_text("import os\n")
    with pytest.raises(UserError, match=r"modeling\.py"):
        build(folder, tmp_path)


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    model = model_folder(tmp_path / "model", max_length=64)
    with (model / "base" / "words.jsonl").open("a") as file:
        file.write(json.dumps({"text": "bada " * 100}) + "\n")
    with pytest.raises(UserError, match=r"words\.jsonl:81: longer than 64 tokens"):
        build(model, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_transformers_loads_it_and_reads_text_as_it_was_trained(built: BuiltBase) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(built.path)
    tokenizer = AutoTokenizer.from_pretrained(built.path)
    assert model.config.model_type == "llama"
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.bos_token is None
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Say 42"}], add_generation_prompt=True, return_dict=False
    )
    shown = tokenizer.decode(ids)
    assert shown == "<|im_start|>user\nSay 42<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.convert_tokens_to_ids("42") in ids


def test_every_two_digit_number_is_one_token_and_text_survives() -> None:
    rng = Random(5)
    texts = [" ".join(word(rng) for _ in range(8)) for _ in range(200)]
    tokenizer = train_tokenizer(texts, 600, 128)
    assert len(tokenizer) == 600
    for number in range(100):
        assert len(tokenizer(f"{number:02d}", add_special_tokens=False)["input_ids"]) == 1
    text = "Grüße, K48R07! 12345 \n\n  x"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_the_digest_follows_spec_and_every_text(folder: Path, tmp_path: Path) -> None:
    copy = model_folder(tmp_path / "copy")
    assert base_digest(copy) == base_digest(folder)
    with (copy / "base" / "chats.jsonl").open("a") as file:
        file.write('{"text":"more"}\n')
    changed = base_digest(copy)
    assert changed != base_digest(folder)
    assert base_digest(model_folder(tmp_path / "steps", warmup_steps=3)) != base_digest(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layer": 2}, "did you mean 'layers'"),
        ({"hidden_size": 34, "heads": 4}, "multiple of heads"),
        ({"warmup_steps": 20}, "fewer than steps"),
        ({"stages": [{"corpus": "../x", "steps": 1, "batch_tokens": 64}]}, r"stages\.0\.corpus"),
    ],
)
def test_a_wrong_spec_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_spec(model_folder(tmp_path / "model", **changes))


def test_all_broken_lines_of_a_text_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    path.write_text('{"text":"a"}\n{"txt":"b"}\nnothing\n{"text":3}\n')
    with pytest.raises(UserError) as caught:
        read_corpus(path)
    assert [problem.where.rsplit(":", 1)[1] for problem in caught.value.problems] == ["2", "3", "4"]


def test_only_the_assistants_words_of_a_chat_are_learnt(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    path.write_text(json.dumps({"messages": turns}) + "\n" + json.dumps({"text": "all"}) + "\n")
    chat, text = read_corpus(path)
    assert [part for part, learnt in chat if learnt] == ["Ho<|im_end|>\n"]
    assert "".join(part for part, _ in chat).startswith("<|im_start|>user\nHi<|im_end|>\n")
    assert text == (("all<|im_end|>", True),)


@pytest.mark.slow
def test_the_examples_base_is_the_same_twice_and_learns(tmp_path: Path) -> None:
    first, second = build(EXAMPLE, tmp_path / "a"), build(EXAMPLE, tmp_path / "b")
    assert first.weights_sha256 == second.weights_sha256
    assert first.loss < 0.6
