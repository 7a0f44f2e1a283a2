"""The base model with a new adapter: LoRA, or QLoRA over four-bit weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from policy.errors import UserError
from policy.files.recipe import Recipe
from runner.base.base_model import BaseModel, load_weights


def use_gpu() -> bool:
    """Return whether there is a CUDA device."""
    import torch

    return bool(torch.cuda.is_available())


def precision() -> str:
    """Return the type to compute in: bf16 on a GPU that supports it, else fp32."""
    import torch

    return "bf16" if use_gpu() and torch.cuda.is_bf16_supported() else "fp32"


def load_with_adapter(recipe: Recipe, base: BaseModel) -> Any:
    """Return the base with untrained LoRA weights; the caller has set the seed.

    The adapter's weights are kept in fp32; the base's are frozen.
    """
    from peft import LoraConfig, get_peft_model

    model = _four_bit(recipe, base) if recipe.adapter == "qlora" else _full_precision(recipe, base)
    targets = recipe.lora_target_modules
    named: list[str] | str = targets if isinstance(targets, str) else list(targets)
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type] # a share works as well
        lora_dropout=recipe.lora_dropout,
        target_modules=named,
        use_rslora=recipe.use_rslora,
        ensure_weight_tying=tied and isinstance(named, list),
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError.one(
            "recipe.yml lora_target_modules",
            str(error).partition("\n")[0],
            "name modules of the base model, or use all-linear",
        ) from error


def _full_precision(recipe: Recipe, base: BaseModel) -> Any:
    model = load_weights(base.path, base.name, **_placed())
    if recipe.gradient_checkpointing:
        model.enable_input_require_grads()
    return model


def _four_bit(recipe: Recipe, base: BaseModel) -> Any:
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise UserError.one(
            "recipe.yml adapter",
            "qlora needs the package bitsandbytes, which is not installed",
            "install it with: pip install 'countersign-ml[qlora]', or set adapter: lora",
        )
    placed = _placed()
    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=placed["dtype"],
    )
    model = load_weights(base.path, base.name, quantization_config=config, **placed)
    prepare: Any = prepare_model_for_kbit_training
    return prepare(model, use_gradient_checkpointing=recipe.gradient_checkpointing)


def _placed() -> dict[str, Any]:
    """Return the type and the device that the base is loaded with."""
    import torch

    dtype = torch.bfloat16 if precision() == "bf16" else torch.float32
    return {"dtype": dtype, "device_map": {"": 0} if use_gpu() else {"": "cpu"}}


def save_adapter(model: Any, folder: Path, recipe: Recipe) -> Path:
    """Write the adapter as safetensors and its settings; return the weights' file.

    The settings name the base as the recipe does, not as a path on this machine.
    """
    settings = model.peft_config["default"]
    settings.base_model_name_or_path = recipe.base_model
    settings.revision = recipe.base_model_revision
    # The vocabulary never changes, so no embedding has to be searched in the base.
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    for extra in folder.iterdir():
        if extra.name not in ADAPTER_FILES:
            extra.unlink()
    return folder / ADAPTER_FILES[0]


ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")
