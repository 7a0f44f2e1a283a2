"""Training repeats to the byte, also after a kill; what it cannot do is an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policy.errors import UserError
from policy.facts.evidence import TrainingFacts
from policy.files.recipe import Recipe
from runner.base.base_model import BaseModel, model_digest
from runner.chat import Chat
from runner.training.token_rows import encode_rows
from runner.training.tracking import run_name
from runner.training.train import train_adapter
from tests.runner.worlds import RECIPE, read_accepted, rows, saved_base, write_rows

SETTINGS: dict[str, Any] = RECIPE | {"base_model": "tiny/base/here", "lora_dropout": 0.1}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    saved_base(folder / "base")
    write_rows(folder / "train.jsonl", rows(range(30)))
    return folder


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


def trained(place: Path, out: Path, progress: Any = None, **changes: Any) -> TrainingFacts:
    recipe = Recipe.model_validate(SETTINGS | changes)
    base = BaseModel("tiny", place / "base", model_digest(place / "base"), "none")
    chat = Chat(base.path, recipe.chat_template, base.name)
    read = read_accepted(place / "train.jsonl")
    encoded = encode_rows(read, chat, recipe.max_length, out / "tokens")
    name = run_name("colours", "sha256:" + "0" * 64, None)
    return train_adapter(
        recipe, base, chat, encoded, out, name, progress or (lambda text, share: None)
    )


def test_the_facts_are_true(place: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    facts = trained(place, tmp_path, lambda text, share: shares.append(share))
    assert (facts.steps, facts.rows, facts.rows_truncated) == (6, 30, 0)
    assert facts.stop_token_trained
    assert 0 < facts.trained_tokens < facts.total_tokens
    assert 0 < facts.final_loss < facts.first_loss
    assert 0 < facts.trainable_parameters < facts.total_parameters / 3
    assert [row[-1].trained for row in facts.rendered_rows] == [True] * 3
    assert shares[-1] == 1.0
    files = sorted(path.name for path in (tmp_path / "adapter").iterdir())
    assert files == ["adapter_config.json", "adapter_model.safetensors"]
    assert (tmp_path / "metrics.json").is_file()


def test_the_same_inputs_give_the_same_bytes(place: Path, tmp_path: Path) -> None:
    first = trained(place, tmp_path / "a")
    assert trained(place, tmp_path / "b").adapter == first.adapter
    assert trained(place, tmp_path / "c", seed=4).adapter != first.adapter


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runner.test_train import trained

def progress(text, share):
    if share >= 5 / 6:
        os.kill(os.getpid(), signal.SIGKILL)

trained(Path(sys.argv[1]), Path(sys.argv[2]), progress)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(place: Path, tmp_path: Path) -> None:
    whole = trained(place, tmp_path / "whole")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(place), str(tmp_path / "killed")],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"WANDB_MODE": "disabled"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "killed/checkpoints").iterdir()] == ["checkpoint-4"]
    seen: list[float] = []
    resumed = trained(place, tmp_path / "killed", lambda text, share: seen.append(share))
    assert min(seen) > 4 / 6
    assert resumed.adapter == whole.adapter
    assert resumed.first_loss == whole.first_loss


def test_a_torn_checkpoint_is_not_resumed_from(place: Path, tmp_path: Path) -> None:
    whole = trained(place, tmp_path / "whole")
    torn = tmp_path / "torn" / "checkpoints" / "checkpoint-4"
    torn.mkdir(parents=True)
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    assert trained(place, tmp_path / "torn").adapter == whole.adapter


def test_accumulating_gradients_changes_nothing_but_the_last_bits(
    place: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    plain = {"lora_dropout": 0.0}
    trained(place, tmp_path / "one", per_device_train_batch_size=4, **plain)
    trained(
        place,
        tmp_path / "two",
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        **plain,
    )
    one = load_file(tmp_path / "one/adapter/adapter_model.safetensors")
    two = load_file(tmp_path / "two/adapter/adapter_model.safetensors")
    moved = max(float(value.abs().max()) for name, value in one.items() if "lora_B" in name)
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 1e-3
    assert apart < moved / 100


def test_modules_that_do_not_exist_are_named(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lora_target_modules"):
        trained(place, tmp_path, lora_target_modules=["nonsense"])


def test_a_loss_that_is_no_number_stops(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the loss is not a number at step"):
        trained(place, tmp_path, learning_rate=1.0, max_grad_norm=0, lora_alpha=1e30, max_steps=20)


def test_qlora_without_its_package_is_said(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match="bitsandbytes, which is not installed"):
            trained(place, tmp_path, adapter="qlora")
    else:
        assert trained(place, tmp_path, adapter="qlora").precision == "fp32, nf4 base"
