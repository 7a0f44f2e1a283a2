"""What is installed: four import roots that collide with nobody's package, and every data file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT_ROOTS = ("policy", "runner", "bot", "countersign_ml")
BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE")


def product_files() -> list[str]:
    """Return every file of the import roots, by its path in the repository."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for top in IMPORT_ROOTS
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel that these files give."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*BUILD_FILES, *product_files()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(out), str(source)],
        check=True,
    )  # fmt: skip
    return zipfile.ZipFile(next(out.glob("countersign_ml-*.whl")))


def test_the_wheel_has_four_import_roots(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(IMPORT_ROOTS)


def test_the_wheel_has_every_file_of_its_roots(wheel: zipfile.ZipFile) -> None:
    wanted = {name for name in product_files() if not name.endswith(".md") or "/prompts/" in name}
    assert wanted <= set(wheel.namelist())


def test_every_file_has_a_name_of_its_own() -> None:
    """An editor tab shows only the file's name."""
    names = Counter(
        Path(name).name
        for name in product_files()
        if name.endswith(".py") and not name.endswith("__.py")
    )
    assert [name for name, count in names.items() if count > 1] == []
