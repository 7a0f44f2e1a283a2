"""Two tiny models that answer differently, exported once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.export.gguf_file import export
from tests.runner.gguf_builders import saved
from tests.serving.serving_builders import House


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("served"), "llama")


@pytest.fixture(scope="session")
def first(folder: Path) -> Path:
    return export(folder, folder / "first.gguf", dtype="F32", name="first").path


@pytest.fixture(scope="session")
def second(folder: Path, first: Path) -> Path:
    return export(folder, folder / "second.gguf", dtype="F16", name="second").path


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
