"""Which architectures can be exported, and their settings as GGUF metadata.

An allow-list: the tests compare each architecture with transformers, answer by answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy.errors import UserError

if TYPE_CHECKING:
    from gguf import GGUFWriter


@dataclass(frozen=True)
class Architecture:
    """One architecture's name in GGUF, and whether its q and k rows are interleaved there."""

    gguf: str
    interleaved: bool
    """llama.cpp's rotary code for Llama pairs neighbouring rows; transformers pairs halves."""


SUPPORTED = {
    "LlamaForCausalLM": Architecture("llama", interleaved=True),
    "MistralForCausalLM": Architecture("llama", interleaved=True),
    "Qwen2ForCausalLM": Architecture("qwen2", interleaved=False),
    "Qwen3ForCausalLM": Architecture("qwen3", interleaved=False),
}


@dataclass(frozen=True)
class Shape:
    """A model's settings, read from its config.json."""

    architecture: Architecture
    hidden: int
    layers: int
    intermediate: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    context: int
    epsilon: float
    rope_base: float
    rope_linear: float | None
    rope_factors: tuple[float, ...]
    """Llama 3's divisors of the rotary frequencies, one for each pair; empty without scaling."""
    tied: bool

    def write(self, writer: GGUFWriter) -> None:
        """Add the settings to a GGUF file's metadata."""
        from gguf import RopeScalingType

        writer.add_vocab_size(self.vocabulary)
        writer.add_context_length(self.context)
        writer.add_embedding_length(self.hidden)
        writer.add_block_count(self.layers)
        writer.add_feed_forward_length(self.intermediate)
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.kv_heads)
        writer.add_key_length(self.head)
        writer.add_value_length(self.head)
        writer.add_layer_norm_rms_eps(self.epsilon)
        writer.add_rope_dimension_count(self.head)
        writer.add_rope_freq_base(self.rope_base)
        if self.rope_linear is not None:
            writer.add_rope_scaling_type(RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(self.rope_linear)


def read_shape(folder: Path) -> Shape:
    """Read a model folder's config.json; UserError for a setting that cannot be exported."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError.one(str(path), "is missing", "export a folder that save_pretrained wrote")
    config: dict[str, Any] = json.loads(path.read_text())
    name = (config.get("architectures") or ["none"])[0]
    if name not in SUPPORTED:
        raise UserError.one(
            f"{path} architectures",
            f"{name} cannot be exported to GGUF",
            f"use a base model of {', '.join(SUPPORTED)}",
        )
    if config.get("hidden_act", "silu") != "silu":
        raise UserError.one(
            f"{path} hidden_act",
            f"{config['hidden_act']} is not silu",
            "llama.cpp has only silu here",
        )
    if config.get("quantization_config"):
        raise UserError.one(
            f"{path} quantization_config",
            "the weights are quantised already",
            "merge the adapter onto the full-precision base, then export",
        )
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    head = int(config.get("head_dim") or hidden // heads)
    base, linear, factors = _rope(config, head, str(path))
    return Shape(
        architecture=SUPPORTED[name],
        hidden=hidden,
        layers=int(config["num_hidden_layers"]),
        intermediate=int(config["intermediate_size"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head=head,
        vocabulary=int(config["vocab_size"]),
        context=_context(config, str(path)),
        epsilon=float(config["rms_norm_eps"]),
        rope_base=base,
        rope_linear=linear,
        rope_factors=tuple(factors),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def _context(config: dict[str, Any], where: str) -> int:
    """Return the longest context in which exported and trained model compute the same.

    llama.cpp attends to every token in these architectures. So a sliding window limits the
    context: within it, both see the same tokens.
    """
    context = int(config["max_position_embeddings"])
    if config.get("use_sliding_window"):
        raise UserError.one(
            f"{where} use_sliding_window", "is true", "export a model that attends to all tokens"
        )
    window = config.get("sliding_window") if config.get("model_type") == "mistral" else None
    return context if window is None else min(context, int(window))


def _rope(
    config: dict[str, Any], head: int, where: str
) -> tuple[float, float | None, Sequence[float]]:
    """Return the rotary base, a linear factor if any, and Llama 3's divisors if any."""
    rope: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
    base = float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    partial = rope.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1.0
    if partial != 1.0:
        raise UserError.one(
            f"{where} partial_rotary_factor", f"is {partial}", "only 1.0 is exported"
        )
    if kind == "default":
        return base, None, ()
    if kind == "linear":
        return base, float(rope["factor"]), ()
    if kind == "llama3":
        return base, None, _llama3_divisors(rope, base, head)
    raise UserError.one(
        f"{where} rope_scaling", f"{kind} cannot be exported", "known are default, linear, llama3"
    )


def _llama3_divisors(rope: dict[str, Any], base: float, head: int) -> list[float]:
    """Return the divisor of each rotary frequency.

    Long waves get the whole factor, short ones 1, and those between a smooth mixture, as
    transformers' `_compute_llama3_parameters` does.
    """
    factor, low, high = (
        float(rope[key]) for key in ("factor", "low_freq_factor", "high_freq_factor")
    )
    old = float(rope["original_max_position_embeddings"])
    divisors = []
    for pair in range(0, head, 2):
        wave = 2 * math.pi * base ** (pair / head)
        if wave < old / high:
            divisors.append(1.0)
        elif wave > old / low:
            divisors.append(factor)
        else:
            smooth = (old / wave - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return divisors
