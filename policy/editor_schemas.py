"""JSON Schemas of the documents, for editors: `python -m policy.editor_schemas [--check]`.

A file names its schema in its first line: `# yaml-language-server: $schema=...`. This is the only
module of the package that reads and writes files; `make schemas` and `make check` run it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from policy.facts.attempt import AttemptRecord
from policy.facts.data_diff import DataDiff
from policy.facts.evidence import Evidence
from policy.facts.look import LookRecord
from policy.facts.pointer import Pointer
from policy.files.contract import Contract
from policy.files.data_manifest import DataManifest
from policy.files.dataset_card import DatasetCard
from policy.files.erasures import Erasures
from policy.files.recipe import Recipe
from policy.files.rules import Policy
from policy.people.merge_record import MergeRecord
from policy.people.revoked_keys import RevokedKeys
from policy.people.sign_off_record import MeasuredRecord, SignOffRecord

FOLDER = Path(__file__).parent / "schemas"
KINDS: dict[str, type[BaseModel]] = {
    "recipe": Recipe,
    "contract": Contract,
    "dataset_card": DatasetCard,
    "data_diff": DataDiff,
    "data_manifest": DataManifest,
    "policy": Policy,
    "pointer": Pointer,
    "evidence": Evidence,
    "sign_off_record": SignOffRecord,
    "measured_record": MeasuredRecord,
    "merge_record": MergeRecord,
    "attempt_record": AttemptRecord,
    "look_record": LookRecord,
    "revoked_keys": RevokedKeys,
    "erased": Erasures,
}


def render(kind: type[BaseModel]) -> str:
    """Return the JSON Schema (draft 2020-12) of one kind of file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **kind.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def stale() -> list[str]:
    """Return the names of the schema files that differ from the models."""
    return [
        name
        for name, kind in KINDS.items()
        if not (FOLDER / f"{name}.json").is_file()
        or (FOLDER / f"{name}.json").read_text() != render(kind)
    ]


def main(argv: list[str]) -> int:
    """Write the schemas; with `--check`, list those that are out of date (exit code 1)."""
    if argv == ["--check"]:
        names = stale()
        for name in names:
            print(f"policy/schemas/{name}.json is out of date; run: make schemas", file=sys.stderr)
        return 1 if names else 0
    FOLDER.mkdir(exist_ok=True)
    for name, kind in KINDS.items():
        (FOLDER / f"{name}.json").write_text(render(kind))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
