"""Quantise a GGUF file, and read back the types that were written.

Rows that are not a multiple of a block (32 weights for Q8_0, 256 for K-quants) silently get another
type. So the types are read back from the file.
"""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countersign_ml.registry.file_digest import digest_file
from policy.errors import UserError
from runner.engines.llamacpp_log import last_words, quiet


@dataclass(frozen=True)
class Kind:
    """A quantisation: llama.cpp's number for it, and the types that it writes by design."""

    file_type: int
    intended: frozenset[str]


KINDS = {
    "F16": Kind(1, frozenset({"F16"})),
    "Q8_0": Kind(7, frozenset({"Q8_0"})),
    "Q4_K_M": Kind(15, frozenset({"Q4_K", "Q6_K"})),
    "Q5_K_M": Kind(17, frozenset({"Q5_K", "Q6_K"})),
    "Q6_K": Kind(18, frozenset({"Q6_K"})),
}


@dataclass(frozen=True)
class Quantised:
    """The written file; `size` in bytes."""

    path: Path
    sha256: str
    size: int
    asked: str
    tensor_types: dict[str, int]
    """The number of tensors of each type, including vectors in F32."""
    fallbacks: tuple[str, ...]
    """The matrices that were written in a type other than the kind's, and why."""


def quantise(source: Path, target: Path, kind: str) -> Quantised:
    """Write `source`, an F32, F16 or BF16 GGUF file, as `kind`; all or nothing."""
    import llama_cpp

    if kind not in KINDS:
        raise UserError.one("export.quantisation", f"{kind} is unknown", f"use {', '.join(KINDS)}")
    if not source.is_file():
        raise UserError.one(str(source), "no such file", "export the model first")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = KINDS[kind].file_type
    params.nthread = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    quiet()
    try:
        code = llama_cpp.llama_model_quantize(
            str(source).encode(), str(part).encode(), ctypes.byref(params)
        )
        if code != 0:
            raise UserError.one(
                str(source),
                f"cannot be quantised to {kind}: {last_words()}",
                "export it again as F16, F32 or BF16",
            )
        types, fallbacks = _types(part, KINDS[kind])
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    digest, size = digest_file(target)
    return Quantised(target, digest, size, kind, types, fallbacks)


def _types(path: Path, kind: Kind) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the types of a file's tensors, and the matrices that are not of the kind's."""
    from gguf import GGUFReader

    types: Counter[str] = Counter()
    fallbacks = []
    tensor: Any
    for tensor in GGUFReader(path).tensors:
        written = tensor.tensor_type.name
        types[written] += 1
        if len(tensor.shape) > 1 and written not in kind.intended:
            fallbacks.append(f"{tensor.name}: {written}, rows of {tensor.shape[0]} weights")
    return dict(sorted(types.items())), tuple(fallbacks)
