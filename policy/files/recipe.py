"""The training recipe: `models/<model>/recipe.yml`, in the keys of TRL, PEFT and axolotl."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from policy.documents import Document, parse
from policy.errors import UserError
from policy.facts.proposal import Proposal, propose
from policy.facts.runner_version import RUNNER_VERSION
from policy.files.bases import is_hub_id

DATED_MODEL = r"[a-z0-9][a-z0-9.:_-]*-(?:\d{4}-\d{2}-\d{2}|\d{4})"
Quantisation = Literal["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"]


class Decoding(Document):
    """How every model decodes while it is measured; greedy, so that a run is repeatable."""

    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 128
    temperature: Literal[0] = 0


class OpenAITraining(Document):
    """Settings of a training at OpenAI; most have no default, because it would go out of date."""

    model_config = ConfigDict(allow_inf_nan=False)

    n_epochs: Annotated[int, Field(ge=1, le=50)]
    max_tokens_per_row: Annotated[int, Field(ge=1, le=10_000_000)]
    """The longest training example that the model accepts, from its current documentation."""
    price_per_million_tokens: Annotated[float, Field(ge=0)] | None = None
    """Price of training, from the current price list; without it the cost is unknown."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"


class Recipe(Document):
    """What to train and how. Everything that changes the result is here or in the data."""

    model_config = ConfigDict(allow_inf_nan=False)

    base_model: Annotated[str, Field(min_length=1)]
    """A hub id, a local path, or a folder with a `base.yml` for `countersign base build`."""
    base_model_revision: str | None = None
    """The pinned commit of a hub id (40 hex digits), or `sha256:...` of a built base."""
    engine: Literal["local", "openai"] = "local"
    """Where to train. With `openai`, `base_model` is the dated name of an OpenAI model."""
    openai: OpenAITraining | None = None
    chat_template: Literal["chatml", "alpaca", "tokenizer_default"] = "tokenizer_default"

    adapter: Literal["lora", "qlora"] = "lora"
    lora_r: Annotated[int, Field(ge=1, le=1024)] = 16
    lora_alpha: Annotated[float, Field(gt=0)] = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    lora_target_modules: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = (
        "all-linear"
    )
    use_rslora: bool = False

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    lr_scheduler_type: Literal["constant", "linear", "cosine"] = "cosine"
    warmup_steps: Annotated[float, Field(ge=0)] = 0
    """A number of steps, or a share of them if below 1 (as in transformers)."""
    num_train_epochs: Annotated[float, Field(gt=0, le=1000)] = 1
    max_steps: Annotated[int, Field(ge=1)] | None = None
    per_device_train_batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    gradient_accumulation_steps: Annotated[int, Field(ge=1, le=4096)] = 1
    max_length: Annotated[int, Field(ge=16, le=1_000_000)] = 1024
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    gradient_checkpointing: bool = False
    save_steps: Annotated[int, Field(ge=1)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    wandb_project: str | None = None
    decoding: Decoding = Decoding()
    quantization: Quantisation = "Q8_0"

    @model_validator(mode="after")
    def _engine_has_its_section(self) -> Recipe:
        if (self.engine == "openai") != (self.openai is not None):
            raise ValueError("the section openai requires engine: openai, and the other way round")
        return self

    @model_validator(mode="after")
    def _revision_is_pinned(self) -> Recipe:
        """A hub id without a commit may change under the same name (peft#1567)."""
        revision = self.base_model_revision
        if self.engine == "openai":
            if revision is not None or not re.fullmatch(DATED_MODEL, self.base_model):
                raise ValueError(
                    "base_model must be a dated model such as name-2025-04-14, "
                    "without a base_model_revision: an undated name may change"
                )
            return self
        if revision is None:
            if self.looks_like_hub_id:
                raise ValueError(
                    "base_model_revision is missing; pin the 40-digit commit of the base model"
                )
        elif not re.fullmatch(r"[0-9a-f]{40}|sha256:[0-9a-f]{64}", revision):
            raise ValueError(
                "base_model_revision must be a 40-digit commit or sha256:<64 hex digits>"
            )
        elif self.looks_like_hub_id == revision.startswith("sha256:"):
            raise ValueError(
                "base_model_revision must be the 40-digit commit of a hub id, "
                "or sha256:<64 hex digits> of a folder"
            )
        return self

    @property
    def looks_like_hub_id(self) -> bool:
        """True for `owner/name` that is not written as a path (`./x`, `/x`, `models/x`)."""
        return is_hub_id(self.base_model)


def proposed(
    model: str,
    blobs: Iterable[tuple[str, str]],
    recipe_text: str | None,
    runner_version: str = RUNNER_VERSION,
) -> Proposal:
    """Return the proposal of a model's files; UserError if the recipe is missing or broken."""
    where = f"models/{model}/recipe.yml"
    if recipe_text is None:
        raise UserError.one(where, "missing at the head commit", "add it, or leave the model alone")
    recipe = parse(Recipe, recipe_text, where)
    return propose(model, blobs, recipe.base_model, recipe.base_model_revision, runner_version)
