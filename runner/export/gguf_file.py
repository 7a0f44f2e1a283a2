"""A merged model folder as one GGUF file.

The `gguf` package knows the format and the tensors' names but does not convert models. llama.cpp's
own script is not on PyPI and rejects every vocabulary whose hash it does not know, so it cannot
export a model with its own tokenizer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from countersign_ml.registry.file_digest import digest_file
from policy.errors import UserError
from runner.export.gguf_architecture import Shape, read_shape
from runner.export.gguf_tokenizer import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    import numpy as np
    import torch

DType = Literal["F32", "F16", "BF16"]


@dataclass(frozen=True)
class Exported:
    """The written file; `size` in bytes."""

    path: Path
    sha256: str
    size: int
    architecture: str
    pre_tokenizer: str


@dataclass(frozen=True)
class Tensor:
    """One tensor to write: its name in GGUF, its source's name and file, and its shape."""

    name: str
    source: str
    file: Path
    shape: tuple[int, ...]
    heads: int | None = None
    """The number of heads, if the rows must be interleaved."""


def export(merged: Path, target: Path, *, dtype: DType = "F16", name: str) -> Exported:
    """Write a folder of safetensors, config.json and tokenizer.json as a GGUF file.

    One tensor is in memory at a time. The same folder gives the same bytes. Vectors (norms, biases)
    stay F32, as llama.cpp requires; matrices become `dtype`. `target` is written completely or not
    at all.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType

    shape = read_shape(merged)
    vocabulary = read_vocabulary(merged, shape.vocabulary)
    tensors = plan(merged, shape)
    file_type = {"F32": "ALL_F32", "F16": "MOSTLY_F16", "BF16": "MOSTLY_BF16"}[dtype]
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    writer = GGUFWriter(part, shape.architecture.gguf)
    try:
        writer.add_type("model")
        writer.add_name(name)
        writer.add_file_type(LlamaFileType[file_type])
        writer.add_quantization_version(2)
        shape.write(writer)
        vocabulary.write(writer)
        for tensor in tensors:
            kind = dtype if len(tensor.shape) > 1 else "F32"
            array = _numpy_type(kind)
            writer.add_tensor_info(
                tensor.name,
                tensor.shape,
                array,
                math.prod(tensor.shape) * array.itemsize,
                raw_dtype=GGMLQuantizationType[kind],
            )
        if shape.rope_factors:
            factors = _rope_factors(shape)
            writer.add_tensor_info(
                "rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes
            )
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for values in _arrays(tensors, dtype):
            writer.write_tensor_data(values)
        if shape.rope_factors:
            writer.write_tensor_data(_rope_factors(shape))
        writer.close()
        part.replace(target)
    finally:
        writer.close()
        part.unlink(missing_ok=True)
    return _exported(target, shape, vocabulary)


def plan(merged: Path, shape: Shape) -> list[Tensor]:
    """Return the tensors to write, in order; UserError for a tensor without a place."""
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

    numbers = {text: number for number, text in MODEL_ARCH_NAMES.items()}
    arch: MODEL_ARCH = numbers[shape.architecture.gguf]
    names = get_tensor_name_map(arch, shape.layers)
    tensors, unknown = [], []
    for source, file, size in _sources(merged):
        if source.endswith("rotary_emb.inv_freq") or (shape.tied and source == "lm_head.weight"):
            continue
        name = names.get_name(source, try_suffixes=(".weight", ".bias"))
        if name is None:
            unknown.append(source)
            continue
        heads = None
        if shape.architecture.interleaved:
            heads = {"q_proj": shape.heads, "k_proj": shape.kv_heads}.get(source.split(".")[-2])
        tensors.append(Tensor(name, source, file, size, heads))
    _check(tensors, unknown, shape, merged)
    return sorted(tensors, key=_order)


def _check(tensors: list[Tensor], unknown: list[str], shape: Shape, merged: Path) -> None:
    """UserError for tensors that have no place in the file, and for missing ones."""
    if unknown:
        raise UserError.one(
            str(merged),
            f"has tensors that GGUF has no place for: {', '.join(sorted(unknown)[:5])}",
            "export the merged model, without adapters and extra heads",
        )
    wanted = {"token_embd.weight", "output_norm.weight"} | (
        set() if shape.tied else {"output.weight"}
    )
    for layer in range(shape.layers):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
            wanted.add(f"blk.{layer}.{part}.weight")
    if missing := wanted - {tensor.name for tensor in tensors}:
        raise UserError.one(
            str(merged),
            f"lacks tensors: {', '.join(sorted(missing)[:5])}",
            "save the whole merged model",
        )


def _sources(merged: Path) -> Iterator[tuple[str, Path, tuple[int, ...]]]:
    """Yield each tensor's name, file and shape; only safetensors are opened, never pickles."""
    from safetensors import safe_open

    index = merged / "model.safetensors.index.json"
    files = (
        sorted(set(json.loads(index.read_text())["weight_map"].values()))
        if index.is_file()
        else ["model.safetensors"]
    )
    for file in (merged / Path(name).name for name in files):
        if not file.is_file():
            raise UserError.one(
                str(file),
                "is missing",
                "save the merged model with safetensors; pickles are not read",
            )
        with safe_open(str(file), framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - a handle, not a dict
                yield name, file, tuple(opened.get_slice(name).get_shape())


def _order(tensor: Tensor) -> tuple[int, str]:
    """Sort by layer, so that a reader finds each layer's tensors together."""
    parts = tensor.name.split(".")
    return (int(parts[1]) if parts[0] == "blk" else -1, tensor.name)


def _arrays(tensors: list[Tensor], dtype: DType) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the tensors' values in file order, one in memory at a time."""
    from safetensors import safe_open

    with ExitStack() as stack:
        opened = {
            file: stack.enter_context(safe_open(str(file), framework="pt"))
            for file in {tensor.file for tensor in tensors}
        }
        for tensor in tensors:
            value = opened[tensor.file].get_tensor(tensor.source)
            if tensor.heads is not None:
                value = interleave(value, tensor.heads)
            yield _array(value, dtype if value.dim() > 1 else "F32", tensor)


def interleave(value: torch.Tensor, heads: int) -> torch.Tensor:
    """Interleave the two halves of each head's rows: 0, n/2, 1, n/2+1, ..."""
    halves = value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:])
    return halves.swapaxes(1, 2).reshape(value.shape)


def _array(value: torch.Tensor, kind: str, tensor: Tensor) -> np.ndarray[Any, Any]:
    import torch

    if not value.dtype.is_floating_point:
        raise UserError.one(
            f"{tensor.file} {tensor.source}", f"is {value.dtype}", "export full-precision weights"
        )
    wanted = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[kind]
    written = value.to(wanted).contiguous()
    if not bool(torch.isfinite(written).all()):
        raise UserError.one(
            f"{tensor.file} {tensor.source}",
            f"has values that are not finite in {kind}",
            "export with dtype BF16 or F32, or check the training for overflow",
        )
    array: np.ndarray[Any, Any] = (
        written.view(torch.int16).numpy() if kind == "BF16" else written.numpy()
    )
    return array


def _numpy_type(kind: str) -> np.dtype[Any]:
    import numpy as np

    return np.dtype({"F32": np.float32, "F16": np.float16, "BF16": np.int16}[kind])


def _rope_factors(shape: Shape) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.array(shape.rope_factors, dtype=np.float32)


def _exported(target: Path, shape: Shape, vocabulary: Vocabulary) -> Exported:
    digest, size = digest_file(target)
    return Exported(target, digest, size, shape.architecture.gguf, vocabulary.family)
