"""The content of `base/base.yml`: the sizes of the tiny base model and how it is trained."""

from __future__ import annotations

from pydantic import Field, model_validator

from policy.documents import Document


class Stage(Document):
    """One part of the training: its text, and how long it lasts."""

    corpus: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The text's file name, next to `base.yml`."""
    steps: int = Field(ge=1, le=1_000_000)
    batch_tokens: int = Field(ge=64, le=1_000_000)
    """Tokens in a step, including padding; a batch has many short documents or few long ones."""


class BaseSpec(Document):
    """`base/base.yml`: the sizes of the model and how it is trained."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    vocab_size: int = Field(ge=512, le=65536)
    hidden_size: int = Field(ge=32, le=4096)
    intermediate_size: int = Field(ge=32, le=16384)
    layers: int = Field(ge=1, le=64)
    heads: int = Field(ge=1, le=64)
    max_length: int = Field(ge=64, le=8192)
    initializer_std: float = Field(gt=0, le=1)
    seed: int = Field(ge=0, le=2**31)
    threads: int = Field(ge=1, le=64)
    """Part of the model: another number of threads changes the last bits of sums."""
    learning_rate: float = Field(gt=0, le=1)
    """AdamW's peak rate, for embeddings and norms."""
    matrix_learning_rate: float = Field(gt=0, le=1)
    """Muon's peak rate, for the layers' matrices."""
    warmup_steps: int = Field(ge=0)
    weight_decay: float = Field(ge=0, le=1)

    @property
    def steps(self) -> int:
        """All stages' steps together."""
        return sum(stage.steps for stage in self.stages)

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> BaseSpec:
        if self.hidden_size % (2 * self.heads):
            raise ValueError("hidden_size must be an even multiple of heads; change one of them")
        if self.warmup_steps >= self.steps:
            raise ValueError("warmup_steps must be fewer than steps; lower it")
        return self
