"""A large history is audited in seconds: 1,000 merges, 200 of them with a new version."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.audit.audit_builders import Repository

MERGES, EVERY, FILES = 1000, 5, 3000
LIMIT_S = 60.0


@pytest.mark.slow
def test_a_thousand_merges_and_three_thousand_files_are_audited_in_a_minute(tmp_path: Path):
    repository = Repository(tmp_path / "models")
    repository.push("Many files", {f"site/{n % 50}/{n}.html": f"{n}\n" for n in range(FILES)})
    version = 0
    for number in range(MERGES):
        if number % EVERY == 0:
            version += 1
            repository.ship(version)
        else:
            repository.pulls += 1
            repository.git("checkout", "-q", "-b", f"pull-{repository.pulls}", "main")
            repository.merge(repository.commit("Note", {f"notes/{number}.md": "x\n"}))
    repository.git("gc", "-q")
    began = time.monotonic()
    audit = repository.audit()
    took = time.monotonic() - began
    print(f"{audit.commits} commits, {version} versions: {took:.1f} s")
    assert audit.proven
    assert audit.commits == MERGES + 2
    assert took < LIMIT_S
