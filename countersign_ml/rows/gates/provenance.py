"""Rows without a source, without an allowed licence, or with consent refused."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.gates.gate_text import Gate
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.row_rules import RowRules

GATE = Gate(
    "provenance",
    "it must be known who may use a row before it is trained on",
    "name source and licence in the row or in the dataset card, or remove the row",
    ("source", "licence", "licence_not_allowed", "consent"),
)


def findings(row: Row, rules: RowRules) -> Iterator[tuple[str, str]]:
    """Yield (field, message) for source, licence and consent."""
    source = row.metadata.get("source", rules.source)
    if not isinstance(source, str) or not source.strip():
        yield "source", "no source; name it in the row or in the dataset card"
    key = "licence" if "licence" in row.metadata else "license"
    licence = row.metadata.get(key, rules.licence)
    if not isinstance(licence, str) or not licence.strip():
        yield key, "no licence; name it in the row or in the dataset card"
    elif rules.licences and licence.casefold() not in rules.licences:
        yield key, f"the policy does not allow the licence {licence!r}"
    if row.metadata.get("consent", True) is False:
        yield "consent", "consent is refused; remove the row"
