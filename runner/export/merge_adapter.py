"""Merge the adapter into the full-precision base: one plain model, ready for export.

QLoRA too is merged onto the base's own weights, not onto the four-bit weights of its training. The
difference is measured, because the merged model is the one evaluated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.base.base_model import BaseModel, load_weights, model_digest, stored_type
from runner.chat import Chat


def merge(base: BaseModel, adapter: Path, chat: Chat, target: Path) -> str:
    """Write the merged model to `target` with the base's tokenizer; return its files' digest."""
    import torch
    from peft import PeftModel

    dtype = torch.bfloat16 if stored_type(base.path) == "bfloat16" else torch.float32
    model = load_weights(base.path, base.name, dtype=dtype)
    merged: Any = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.config.use_cache = True
    set_stops(merged, chat)
    merged.save_pretrained(str(target))
    chat.save_beside(base.path, target)
    return model_digest(target)


def set_stops(model: Any, chat: Chat) -> None:
    """Let generation end at the trained stop token, and at the base's own.

    A GGUF file has two such tokens, so further ones are left out.
    """
    named = model.generation_config.eos_token_id
    own = [named] if isinstance(named, int) else list(named or ())
    stops = [chat.stop_id, *(stop for stop in own if stop != chat.stop_id)][:2]
    model.generation_config.eos_token_id = stops[0] if len(stops) == 1 else stops
    model.generation_config.pad_token_id = chat.pad_id
    model.generation_config.do_sample = False
    model.generation_config.temperature = None
    model.generation_config.top_p = None
    model.generation_config.top_k = None
