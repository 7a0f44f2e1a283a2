"""What only a CUDA device shows: bf16, its memory, and that a run repeats there too."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.job import Options, open_job
from runner.runner_commands import run
from tests.runner.test_train import place, trained  # noqa: F401 - a fixture
from tests.runner.worlds import world

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


def test_training_is_in_bf16_and_repeats(place: Path, tmp_path: Path) -> None:  # noqa: F811
    first = trained(place, tmp_path / "a", max_steps=20)
    assert first.precision == "bf16"
    assert first.device != ""
    assert first.peak_memory_bytes > 0
    assert first.final_loss < first.first_loss
    assert trained(place, tmp_path / "b", max_steps=20).adapter == first.adapter


def test_checkpointing_gradients_trains_alike(place: Path, tmp_path: Path) -> None:  # noqa: F811
    plain = trained(place, tmp_path / "a", lora_dropout=0.0)
    checkpointed = trained(place, tmp_path / "b", lora_dropout=0.0, gradient_checkpointing=True)
    assert checkpointed.final_loss == pytest.approx(plain.final_loss, rel=0.02)


def test_the_whole_line_runs(tmp_path: Path) -> None:
    repo = world(tmp_path / "repo")
    words = ["colours", "--repo", str(repo), "--cache", str(tmp_path / "cache"), "--quiet"]
    assert run(words) == 0
    assert (open_job("colours", Options(repo=repo)).workspace / "export" / "model.gguf").is_file()
