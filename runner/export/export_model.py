"""From adapter to the one file that ships: merged, written as GGUF, quantised, and read back.

The intermediate file keeps the precision of the merged weights, so they are rounded only once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countersign_ml.pace import Progress
from countersign_ml.rows.read.row import Row
from policy.documents import Document
from policy.facts.evidence import SHIPPED
from policy.files.recipe import Quantisation
from policy.names import Digest
from runner.base.base_model import BaseModel, stored_type
from runner.chat import Chat
from runner.engines.gguf_chat import GgufChat
from runner.export.gguf_file import DType, export
from runner.export.merge_adapter import merge
from runner.export.parity import token_parity
from runner.export.quantise import quantise

MERGED = "merged"


class ExportFacts(Document):
    """What was written, and whether it reads prompts as the trained model does; sizes in bytes."""

    merged: Digest
    artifact: Digest
    size: int
    quantisation: str
    tensor_types: dict[str, int]
    fallbacks: tuple[str, ...]
    prompts: int
    equal_prompts: int
    first_difference: str = ""


def export_model(
    name: str,
    base: BaseModel,
    adapter: Path,
    chat: Chat,
    quantisation: Quantisation,
    rows: Sequence[Row],
    folder: Path,
    progress: Progress,
) -> ExportFacts:
    """Write `folder/merged` and `folder/model.gguf`, and compare the token ids of every prompt."""
    progress("merging the adapter", 0.0)
    merged = merge(base, adapter, chat, folder / MERGED)
    progress("writing GGUF", 0.3)
    dtype: DType = "BF16" if stored_type(folder / MERGED) == "bfloat16" else "F32"
    whole = folder / "whole.gguf"
    export(folder / MERGED, whole, dtype=dtype, name=name)
    progress(f"quantising to {quantisation}", 0.6)
    written = quantise(whole, folder / SHIPPED, quantisation)
    whole.unlink()
    progress("comparing token ids", 0.8)
    prompts = [chat.prompt(row) for row in rows]
    parity = token_parity(folder / MERGED, folder / SHIPPED, prompts)
    inside = GgufChat(folder / SHIPPED)
    rendered = [inside.prompt(row.prompt, row.where) for row in rows]
    other = [at for at, (a, b) in enumerate(zip(prompts, rendered, strict=True)) if a != b]
    first = parity.first_difference
    if other and not first:
        first = f"{prompts[other[0]][:200]!r} is rendered as {rendered[other[0]][:200]!r}"
    return ExportFacts(
        merged=merged,
        artifact=f"sha256:{written.sha256.removeprefix('sha256:')}",
        size=written.size,
        quantisation=written.asked,
        tensor_types=written.tensor_types,
        fallbacks=written.fallbacks,
        prompts=len(prompts),
        equal_prompts=max(0, parity.equal - len(other)),
        first_difference=first,
    )
