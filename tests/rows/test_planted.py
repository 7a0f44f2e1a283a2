"""Every gate and every kind of defect has a planted one, found where it stands by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from countersign_ml.rows.gating.all_gates import GATES
from countersign_ml.rows.tools.validate_command import main
from tests.rows.planted import Planted, every

PLANTED = tuple(every())


def kinds() -> Iterator[tuple[str, str]]:
    """Yield every gate with each kind of defect that it names."""
    for gate in GATES:
        assert gate.kinds, f"the gate {gate.name} says no kinds"
        yield from ((gate.name, kind) for kind in gate.kinds)


def test_every_gate_and_kind_has_a_planted_defect() -> None:
    planted = [(each.gate, each.kind) for each in PLANTED]
    assert len(set(planted)) == len(planted)
    assert sorted(planted) == sorted(kinds())


def governed(planted: Planted, folder: Path) -> Path:
    """Write a governed repository around the planted files, and return it."""
    model = folder / "repo" / "models" / "m"
    (model / "data").mkdir(parents=True)
    (model / "contract").mkdir()
    planted.write(model / "data")
    contract: dict[str, Any] = {"task": "text", "schema_version": 1}
    for name, schema in (planted.contract or {}).items():
        contract[name] = f"{name}.json"
        (model / "contract" / f"{name}.json").write_text(json.dumps(schema))
    (model / "contract" / "contract.yml").write_text(yaml.safe_dump(contract))
    recipe = {"base_model": "owner/name", "base_model_revision": "0" * 40}
    (model / "recipe.yml").write_text(yaml.safe_dump(recipe))
    files = [{"split": split, "path": f"{split}.jsonl"} for split in planted.files]
    named = ("owner", "version", "guidelines", "review_cadence", "consent", "source")
    card = {
        "license": "CC0-1.0",
        "configs": [{"config_name": "default", "data_files": files}],
        "countersign": dict.fromkeys(named, "-") | {"classification": "public"},
    }
    (model / "data" / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")
    return folder / "repo"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_the_planted_defect_is_found_where_it_stands(
    planted: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if planted.kind.startswith("language"):
        pytest.importorskip("py3langid")
    policy = tmp_path / "policy.yml"
    policy.write_text(planted.policy())
    if planted.contract is not None:
        given = ["m", "--repo", str(governed(planted, tmp_path))]
        where = f"models/m/data/{planted.split}.jsonl"
    else:
        paths = planted.write(tmp_path)
        one = len(paths) == 1
        given = [
            word
            for split, path in paths.items()
            for word in ("--file", str(path) if one and planted.gate != "diversity"
                         else f"{split}={path}")
        ]  # fmt: skip
        where = str(paths[planted.split])
    assert main([*given, "--policy", str(policy), "--json", "--workers", "1"]) == 1
    made = json.loads(capsys.readouterr().out)
    assert made["outcome"] == "failed"
    assert isinstance(made["rows"], int)
    for each in made["gates"]:
        assert {"gate", "outcome", "count", "findings"} <= set(each)
    (gate,) = [each for each in made["gates"] if each["gate"] == planted.gate]
    assert gate["outcome"] == "failed"
    assert gate["count"] == len(gate["findings"]) == 1
    (found,) = gate["findings"]
    assert set(found) == {"file", "line", "id", "field", "message"}
    line = found["line"] if planted.kind == "cut_off" else planted.line
    expected = {"file": where, "line": line, "id": planted.id, "field": planted.place}
    assert {key: found[key] for key in expected} == expected
    assert found["message"]
    assert planted.kind != "cut_off" or 300 < line < 402
