"""docs/evaluation.md names every figure, of its kind, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row import Row
from policy.files.contract import Contract
from policy.files.win_rate_rules import NOT_LEFT_TO_SET
from runner.engines.engine import Answer
from runner.engines.openai_client import Endpoint
from runner.measure.scoring import score
from runner.measure.subject_metrics import metrics_of

DOCS = Path(__file__).parents[2] / "docs" / "evaluation.md"
FIGURE = re.compile(r"^\| (\w+) \| `([\w.<>]+)` \| (share|mean|corpus) \|", re.MULTILINE)
CONTRACTS = (
    Contract(task="structured", schema_version=1, output_schema="o.json", key_fields=("name",)),
    Contract(task="classification", schema_version=1),
    Contract(task="tool_calls", schema_version=1),
    Contract(task="text", schema_version=1),
)


def test_the_table_is_what_is_measured() -> None:
    told = {(task, name, kind) for task, name, kind in FIGURE.findall(DOCS.read_text())}
    measured = set()
    common: list[set[tuple[str, str]]] = []
    for contract in CONTRACTS:
        turns = (Turn("user", "?"), Turn("assistant", '{"name": "x"}'))
        row = Row("1", turns, {}, 1, "test.jsonl", "messages")
        schema = load_schema("{}", "o.json")
        scored = score(row, Answer("x", 1, 0.5, "stop", 0.1), contract, schema)
        found = {(metric.name, metric.kind) for metric in metrics_of([scored], contract)}
        common.append(found)
        measured |= {(contract.task, name.replace(".name", ".<name>"), k) for name, k in found}
    shared = set.intersection(*common)
    expected = {("all", name, kind) for name, kind in shared}
    expected |= {each for each in measured if (each[1], each[2]) not in shared}
    assert told == expected


def test_what_decodes_greedily_is_not_left_to_the_command_line() -> None:
    pinned = set(Endpoint("https://host.example/v1", "m").decoding(1))
    assert pinned <= NOT_LEFT_TO_SET
