"""The facts of a quantised file are the types that were really written."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.errors import UserError
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.export.gguf_file import export
from runner.export.quantise import quantise
from tests.runner.gguf_builders import chats, saved, tokenizer


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose rows are multiples of 256, as those of real ones are."""
    folder = tmp_path_factory.mktemp("wide")
    saved(folder, "llama", hidden_size=256, intermediate_size=512)
    return export(folder, folder / "f16.gguf", name="wide").path


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("F16", {"F16": 16, "F32": 5}),
        ("Q8_0", {"F32": 5, "Q8_0": 16}),
        ("Q6_K", {"F32": 5, "Q6_K": 16}),
        ("Q5_K_M", {"F32": 5, "Q5_K": 13, "Q6_K": 3}),
        ("Q4_K_M", {"F32": 5, "Q4_K": 13, "Q6_K": 3}),
    ],
)
def test_rows_of_whole_blocks_are_written_as_asked(
    wide: Path, tmp_path: Path, kind: str, types: dict[str, int]
) -> None:
    made = quantise(wide, tmp_path / "q.gguf", kind)
    assert (made.asked, made.tensor_types, made.fallbacks) == (kind, types, ())
    assert made.size == made.path.stat().st_size
    with LlamaCppEngine(made.path, n_threads=1) as engine:
        (answer,) = engine.generate(chats(tokenizer())[:1], max_new_tokens=4)
    assert answer.tokens > 0


def test_rows_of_broken_blocks_are_reported(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "llama")
    source = export(folder, tmp_path / "f16.gguf", name="tiny").path
    assert quantise(source, tmp_path / "q8.gguf", "Q8_0").fallbacks == ()
    made = quantise(source, tmp_path / "q4.gguf", "Q4_K_M")
    assert set(made.tensor_types) == {"F32", "Q5_0", "Q8_0"}
    assert len(made.fallbacks) == 16
    assert "output.weight: Q8_0, rows of 64 weights" in made.fallbacks


def test_quantising_twice_gives_the_same_bytes(wide: Path, tmp_path: Path) -> None:
    first, second = (quantise(wide, tmp_path / name, "Q4_K_M") for name in ("a.gguf", "b.gguf"))
    assert first.sha256 == second.sha256


def test_an_unknown_kind_is_refused(wide: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Q3_K is unknown; use F16, Q8_0"):
        quantise(wide, tmp_path / "q.gguf", "Q3_K")


def test_a_broken_source_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(UserError, match="cannot be quantised to Q8_0"):
        quantise(tmp_path / "broken.gguf", tmp_path / "q.gguf", "Q8_0")
    with pytest.raises(UserError, match="no such file"):
        quantise(tmp_path / "none.gguf", tmp_path / "q.gguf", "Q8_0")
    assert [p.name for p in tmp_path.iterdir()] == ["broken.gguf"]
