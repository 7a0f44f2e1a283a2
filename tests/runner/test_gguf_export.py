"""An exported file computes what the trained model does, or an error names the obstacle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from gguf import GGUFReader
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from policy.errors import UserError
from runner.engines.engine import Answer
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.transformers_engine import TransformersEngine
from runner.export.gguf_file import Exported, export, interleave
from runner.export.parity import AnswerParity, answer_parity
from tests.runner.gguf_builders import chats, saved

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def reference(folder: Path) -> tuple[list[str], list[Answer]]:
    """Answer ten chats with transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    prompts = chats(tokenizer)
    return prompts, TransformersEngine(model, tokenizer).generate(prompts, max_new_tokens=16)


def compared(folder: Path, exported: Exported) -> AnswerParity:
    prompts, expected = reference(folder)
    with LlamaCppEngine(exported.path, n_threads=1, exact_cache=True) as engine:
        found = engine.generate(prompts, max_new_tokens=16)
    assert len({answer.text for answer in expected}) > 5, "answers that differ can be compared"
    return answer_parity(prompts, expected, found)


def edited(folder: Path, **changes: object) -> Path:
    """Change keys of a saved folder's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_llama_cpp_answers_as_transformers_does(tmp_path: Path, kind: str, tied: bool) -> None:
    folder = saved(tmp_path / "model", kind, tie_word_embeddings=tied)
    exported = export(folder, tmp_path / "model.gguf", dtype="F32", name="tiny")
    parity = compared(folder, exported)
    assert (parity.equal, parity.first_difference) == (parity.checked, "")
    names = [tensor.name for tensor in GGUFReader(exported.path).tensors]
    assert ("output.weight" in names) is not tied


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_parameters": LLAMA3_ROPE},
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
        {"num_key_value_heads": 4, "num_attention_heads": 4},
        {"head_dim": 32},
        {"attention_bias": True, "mlp_bias": True},
        {"rms_norm_eps": 0.1},
    ],
    ids=["llama3-rope", "linear-rope", "no-grouping", "wide-heads", "biases", "epsilon"],
)
def test_settings_reach_the_exported_file(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = saved(tmp_path / "model", "llama", **changes)
    parity = compared(folder, export(folder, tmp_path / "m.gguf", dtype="F32", name="tiny"))
    assert (parity.equal, parity.first_difference) == (parity.checked, "")


def test_half_precision_rounds_and_says_how_often_that_shows(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "llama")
    parity = compared(folder, export(folder, tmp_path / "m.gguf", dtype="F16", name="tiny"))
    assert parity.equal >= 8, parity.first_difference


def test_forgotten_interleaving_is_found_by_parity(tmp_path: Path) -> None:
    """Rows are put in the order that export undoes, as if it had left them alone."""
    folder = saved(tmp_path / "model", "llama")
    prompts, expected = reference(folder)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        heads = 4 if "q_proj" in name else 2 if "k_proj" in name else 0
        if heads:
            order = interleave(torch.arange(weights[name].shape[0]), heads)
            weights[name] = weights[name][torch.argsort(order)].contiguous()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    exported = export(folder, tmp_path / "m.gguf", dtype="F32", name="tiny")
    with LlamaCppEngine(exported.path, n_threads=1, exact_cache=True) as engine:
        found = engine.generate(prompts, max_new_tokens=16)
    parity = answer_parity(prompts, expected, found)
    assert parity.equal < 5
    assert "became" in parity.first_difference


def test_a_sharded_folder_gives_the_same_file(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "llama")
    whole = export(folder, tmp_path / "whole.gguf", name="tiny")
    model = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    assert export(folder, tmp_path / "shards.gguf", name="tiny").sha256 == whole.sha256


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "qwen3", "qwen2")
    first = export(folder, tmp_path / "a.gguf", name="tiny")
    second = export(folder, tmp_path / "deep" / "b.gguf", name="tiny")
    assert (first.sha256, first.size) == (second.sha256, second.size)
    assert (first.architecture, first.pre_tokenizer) == ("qwen3", "qwen2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gguf", "deep", "model"]


def test_an_unsupported_architecture_is_refused_by_name(tmp_path: Path) -> None:
    folder = edited(saved(tmp_path / "model", "llama"), architectures=["MambaForCausalLM"])
    with pytest.raises(UserError) as caught:
        export(folder, tmp_path / "m.gguf", name="tiny")
    assert "MambaForCausalLM cannot be exported" in str(caught.value)
    assert "LlamaForCausalLM, MistralForCausalLM" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden_act": "gelu"}, "gelu is not silu"),
        ({"quantization_config": {"bits": 4}}, "quantised already"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "yarn cannot be exported"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"num_hidden_layers": 3}, "lacks tensors: blk.2."),
        ({"tie_word_embeddings": False, "num_hidden_layers": 1}, "no place for: model.layers.1."),
        ({"vocab_size": 20}, "but the embedding has 20 rows"),
    ],
)
def test_what_cannot_be_exported_is_named(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    folder = edited(saved(tmp_path / "model", "llama"), **changes)
    with pytest.raises(UserError, match=said):
        export(folder, tmp_path / "m.gguf", name="tiny")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_pickles_are_never_read(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "llama")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickles are not read"):
        export(folder, tmp_path / "m.gguf", name="tiny")


def test_values_too_large_for_half_precision_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "llama")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"][0, 0] = 70_000.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="not finite in F16"):
        export(folder, tmp_path / "m.gguf", dtype="F16", name="tiny")
    assert export(folder, tmp_path / "m.gguf", dtype="BF16", name="tiny").size > 0


def test_a_sliding_window_bounds_the_context(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "mistral", sliding_window=128)
    exported = export(folder, tmp_path / "m.gguf", name="tiny")
    field = GGUFReader(exported.path).get_field("llama.context_length")
    assert field is not None
    assert field.contents() == 128
