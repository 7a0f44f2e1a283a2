"""The contract of a model's input and output: `models/<model>/contract/contract.yml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document

SchemaFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.json$")]
OwnMetric = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
TaskKind = Literal["structured", "classification", "tool_calls", "text"]


class Contract(Document):
    """A model's task and schemas: the task determines the metrics, the schemas the valid rows."""

    task: TaskKind
    schema_version: Annotated[int, Field(ge=1)]
    input_schema: SchemaFile | None = None
    """JSON Schema of the last user message: a file in the same folder."""
    output_schema: SchemaFile | None = None
    """JSON Schema of the assistant's answer (parsed as JSON): a file in the same folder."""
    key_fields: tuple[str, ...] = ()
    """Fields of the answer that are compared one by one."""
    label_field: str | None = None
    """For classification: the field of a JSON answer with the label; if missing, the whole text."""
    metrics: tuple[OwnMetric, ...] = ()
    """Own metrics, by their names as `countersign.metrics` entry points on the runner."""

    @model_validator(mode="after")
    def _metrics_are_named_once(self) -> Contract:
        doubled = sorted({name for name in self.metrics if self.metrics.count(name) > 1})
        if doubled:
            raise ValueError(f"metrics names {doubled[0]!r} twice; keep one of them")
        return self

    @model_validator(mode="after")
    def _structured_needs_a_schema(self) -> Contract:
        if self.task == "structured" and (self.output_schema is None or not self.key_fields):
            raise ValueError("a structured task needs output_schema and key_fields")
        return self
