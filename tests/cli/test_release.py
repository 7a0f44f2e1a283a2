"""A release: its bill of materials comes from the locks, and its workflow holds few rights."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/release.yml"


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """Run make with this environment in the place of the release's own."""
    maker = sys.prefix
    return subprocess.run(
        ["make", "-C", str(ROOT), f"MAKER={maker}", "-o", f"{maker}/.installed", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the bill of materials of one lock."""
    out = tmp_path_factory.mktemp("dist")
    done = make("sbom", f"DIST={out}", "SBOM_OF=requirements-build.lock")
    assert done.returncode == 0, done.stderr
    return (out / "countersign-ml.cdx.json").read_text(encoding="utf-8")


def test_the_bill_of_materials_fits_the_schema_of_cyclonedx(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_it_lists_each_package_of_the_lock_once_with_version_and_hashes(bill: str) -> None:
    lock = (ROOT / "requirements-build.lock").read_text(encoding="utf-8")
    listed = json.loads(bill)
    found = [f"{one['name']}=={one['version']}" for one in listed["components"]]
    assert sorted(found) == sorted(re.findall(r"^[a-z0-9.-]+==[^ ]+", lock, re.MULTILINE))
    hashes = [
        digest["content"]
        for one in listed["components"]
        for place in one["externalReferences"]
        for digest in place.get("hashes", ())
    ]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert listed["metadata"]["component"]["name"] == "countersign-ml"


def test_a_release_is_refused_under_a_tag_of_another_version(tmp_path: Path) -> None:
    done = make("release", f"DIST={tmp_path}", "SBOM_OF=requirements-build.lock", "TAG=v9.9.9")
    assert done.returncode != 0
    assert "the tag is v9.9.9, but pyproject.toml has v" in done.stderr
    assert not list(tmp_path.glob("*.whl"))


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return found


def test_the_workflow_builds_without_rights_and_attests_before_it_publishes() -> None:
    assert yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["permissions"] == {}
    assert {name: job["permissions"] for name, job in jobs().items()} == {
        "build": {"contents": "read"},
        "attest": {"contents": "read", "id-token": "write", "attestations": "write"},
        "publish": {"contents": "read", "id-token": "write"},
        "page": {"contents": "write"},
    }
    assert [jobs()[name].get("needs") for name in ("build", "attest", "publish", "page")] == [
        None,
        "build",
        "attest",
        "publish",
    ]
    assert jobs()["publish"]["environment"] == "release"


def test_every_action_of_the_workflow_is_pinned_by_a_commit() -> None:
    used = [step["uses"] for job in jobs().values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", name) for name in used)


def test_the_workflow_has_no_secret() -> None:
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
