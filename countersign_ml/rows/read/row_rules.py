"""The rules for the gates for single rows: plain values, which can be sent to other processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from countersign_ml.rows.read.formats import ROW_KEYS
from countersign_ml.rows.read.json_schemas import SchemaChecker, load_schema
from policy.errors import UserError
from policy.files.rules import DataRules


@dataclass(frozen=True)
class RowRules:
    """The rules for one row; schemas are JSON text, licences are in lower case.

    `source` and `licence` are the dataset card's and apply to rows that name none. An empty
    `licences` allows any licence. `schema_version` is the contract's; None allows any.
    """

    input_schema: str | None = None
    output_schema: str | None = None
    input_where: str = "input schema"
    output_where: str = "output schema"
    schema_version: int | None = None
    licences: frozenset[str] = frozenset()
    source: str | None = None
    licence: str | None = None
    canaries: tuple[str, ...] = ()
    let_through: frozenset[str] = frozenset()
    group_fields: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        rules: DataRules,
        *,
        input_schema: SchemaChecker | None = None,
        output_schema: SchemaChecker | None = None,
        schema_version: int | None = None,
        source: str | None = None,
        licence: str | None = None,
    ) -> RowRules:
        """Return the policy's rules for the rows of one model, or of a bare file; UserError if
        `group_fields` names a key of the format or the id."""
        if odd := sorted((ROW_KEYS | {"id"}).intersection(rules.group_fields)):
            raise UserError.one(
                "gates.data.group_fields of the policy",
                f"{', '.join(odd)}: a row's own key or text does not name a group",
                "name fields that several rows share, such as customer_id",
            )
        return cls(
            input_schema=json.dumps(input_schema.schema) if input_schema else None,
            output_schema=json.dumps(output_schema.schema) if output_schema else None,
            input_where=input_schema.where if input_schema else "",
            output_where=output_schema.where if output_schema else "",
            schema_version=schema_version,
            licences=frozenset(name.casefold() for name in rules.licences),
            source=source,
            licence=licence,
            canaries=rules.canaries,
            let_through=frozenset(rules.let_through),
            group_fields=rules.group_fields,
        )

    @cached_property
    def input_checker(self) -> SchemaChecker | None:
        """Return the schema of the last user turn."""
        return load_schema(self.input_schema, self.input_where) if self.input_schema else None

    @cached_property
    def output_checker(self) -> SchemaChecker | None:
        """Return the schema of the answer."""
        return load_schema(self.output_schema, self.output_where) if self.output_schema else None
