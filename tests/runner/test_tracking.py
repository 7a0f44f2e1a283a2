"""Without a key the run is stored offline, under the name that people look for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.training.tracking import open_tracking, run_name

DIGEST = "sha256:" + "ab" * 32


def test_a_run_is_named_for_people_and_by_digest_for_machines() -> None:
    name = run_name("colours", DIGEST, None)
    assert re.fullmatch(r"colours-finetune-\d{4}-\d{2}-\d{2}", name.name)
    assert (name.id, name.project) == ("colours-abababababababab", "countersign")
    assert run_name("colours", DIGEST, "ours").project == "ours"


def test_without_a_key_it_is_kept_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tracking = open_tracking(run_name("colours", DIGEST, None), tmp_path, {"lora_r": 4})
    assert tracking is not None
    tracking.close(failed=False)
    kept = tmp_path / tracking.place
    assert kept.name.startswith("offline-run-")
    assert list(kept.glob("*.wandb"))


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert open_tracking(run_name("colours", DIGEST, None), tmp_path, {}) is None
    assert not list(tmp_path.iterdir())
