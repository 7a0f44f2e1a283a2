"""What is installed: four import roots that collide with nobody's package, and every data file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT_ROOTS = {"policy", "runner", "bot", "countersign_ml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel of the files that git knows."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
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
    assert {top for top in tops if not top.endswith(".dist-info")} == IMPORT_ROOTS


def test_the_wheel_has_every_file_of_its_roots(wheel: zipfile.ZipFile) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *sorted(IMPORT_ROOTS)], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout.split()  # fmt: skip
    wanted = {name for name in listed if not name.endswith(".md") or "/prompts/" in name}
    assert {name for name in wanted if (ROOT / name).is_file()} <= set(wheel.namelist())


def test_every_file_has_a_name_of_its_own() -> None:
    """An editor tab shows only the file's name."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    product = [name for name in listed if name.split("/")[0] in IMPORT_ROOTS]
    names = Counter(Path(name).name for name in product if not name.endswith("__.py"))
    assert [name for name, count in names.items() if count > 1] == []
