"""Cached answers on the real line: the cache key covers everything that decides an answer.

Each case starts from a fresh checkout of the same files, so only the cache of answers can help.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from policy.files.recipe import Decoding
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.transformers_engine import TransformersEngine
from runner.measure import evaluate
from runner.measure.outputs import Asked
from tests.runner.test_line import World
from tests.runner.worlds import POLICY

ROWS = 12
SUBJECTS = 3
"""Base, merged and candidate; no version is live."""
KEPT = Asked("sha256:a", "llama.cpp 0.3.16 on cpu", ("one", "two"), Decoding(), "batches of 512")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A proposal that was measured once, whose every answer is in the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        world = World(tmp_path_factory.mktemp("kept"))
        world.whole()
        return world


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many rows each engine really answers."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    found: Counter[str] = Counter()
    for kind in (TransformersEngine, LlamaCppEngine):
        whole = kind.generate

        def counted(self, prompts, *, _whole=whole, **more):  # type: ignore[no-untyped-def]  # stands in for a method
            found[self.name] += len(prompts)
            return _whole(self, prompts, **more)

        monkeypatch.setattr(kind, "generate", counted)
    return found


def nothing(repo: Path) -> None:
    """Run again, as it is."""


def docs(repo: Path) -> None:
    (repo / "README.md").write_text("Better words.\n")


def rebase(repo: Path) -> None:
    words = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    ]
    subprocess.run(["git", "-C", str(repo), *words], check=True)


def policy(repo: Path) -> None:
    rules = {**POLICY["gates"], "metrics": [{"metric": "exact_match", "min": 0.9}]}
    (repo / "policy/policy.yml").write_text(yaml.safe_dump({**POLICY, "gates": rules}))


@pytest.mark.parametrize("change", [nothing, docs, rebase, policy])
def test_what_changes_no_answer_asks_for_none(
    made: World, asked: Counter[str], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    repo = Path(shutil.copytree(made.repo, tmp_path / "repo"))
    shutil.rmtree(repo / ".countersign")
    change(repo)
    found = made.whole(repo=repo)
    assert asked == {}
    assert len(found.measurements) == SUBJECTS


def test_other_decoding_asks_everything_again(
    made: World, asked: Counter[str], tmp_path: Path
) -> None:
    repo = Path(shutil.copytree(made.repo, tmp_path / "repo"))
    recipe = repo / "models/colours/recipe.yml"
    known = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump({**known, "decoding": {"max_new_tokens": 13}}))
    made.whole(repo=repo)
    assert asked == {"transformers": 2 * ROWS, "llama.cpp": ROWS}


def test_another_batch_size_asks_its_engine_again(
    made: World, asked: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 7)
    repo = Path(shutil.copytree(made.repo, tmp_path / "repo"))
    shutil.rmtree(repo / ".countersign")
    made.whole(repo=repo)
    assert asked == {"transformers": 2 * ROWS}


def test_another_engine_version_asks_that_engine_again(
    made: World, asked: Counter[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        evaluate, "version", lambda name: "9.9" if name == "llama-cpp-python" else version(name)
    )
    repo = Path(shutil.copytree(made.repo, tmp_path / "repo"))
    shutil.rmtree(repo / ".countersign")
    made.whole(repo=repo)
    assert asked == {"llama.cpp": ROWS}


def test_a_further_attempt_uses_no_answer_that_was_kept(
    made: World, asked: Counter[str], tmp_path: Path
) -> None:
    repo = Path(shutil.copytree(made.repo, tmp_path / "repo"))
    found = made.whole(repo=repo, attempt=2)
    assert asked == {"transformers": 2 * ROWS, "llama.cpp": ROWS}
    assert found.attempt == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(KEPT, model="sha256:b"),
        replace(KEPT, engine="llama.cpp 0.3.17 on cpu"),
        replace(KEPT, prompts=("one", "three")),
        replace(KEPT, prompts=("two", "one")),
        replace(KEPT, decoding=Decoding(max_new_tokens=64)),
        replace(KEPT, settings="batches of 256"),
    ],
)
def test_each_ingredient_is_part_of_the_key(other: Asked) -> None:
    assert other.digest != KEPT.digest
