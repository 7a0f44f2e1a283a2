"""The locks: every file that an install may choose has a hash, and the locks agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PARTS = ("requirements-base.lock", "requirements-build.lock", "requirements-release.lock")
"""The locks of installs that need less than everything."""
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Return each requirement of a lock with its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (Requirement(line.partition(" --hash")[0]), _HASH.findall(line))
        for line in joined.splitlines()
    ]


def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(one.name): str(one.specifier) for one, _ in entries(lock)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_one_version_with_hashes(lock: str) -> None:
    for requirement, hashes in entries(lock):
        assert str(requirement.specifier).startswith("=="), requirement
        assert hashes, f"{lock}: {requirement} has no hash"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_package_index(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_the_locks_pin_the_same_versions() -> None:
    whole = pins("requirements.lock")
    for lock in PARTS:
        for name, version in pins(lock).items():
            assert whole.get(name, version) == version, f"{lock}: {name}"
    default, small = pins("requirements-torch.lock"), pins("requirements-torch-cpu.lock")
    assert small == {"torch": default["torch"] + "+cpu"}


def test_torch_and_cuda_are_in_locks_of_their_own() -> None:
    """pip prefers a listed hash to a higher version: next to the others it would take CUDA's."""
    for lock in ("requirements.lock", *PARTS):
        found = [name for name in pins(lock) if re.match("torch$|triton$|cuda-|nvidia-", name)]
        assert not found


def test_the_base_lock_has_neither_torch_nor_the_tools_of_developers() -> None:
    assert {"flask", "pydantic", "numpy", "setuptools"} <= pins("requirements-base.lock").keys()
    assert not {"torch", "transformers", "pytest", "mypy"} & pins("requirements-base.lock").keys()


def test_the_locks_satisfy_the_ranges_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = pins("requirements.lock") | pins("requirements-torch.lock")
    extras = project["optional-dependencies"]
    left_out = {"qlora", "s3"}
    named = [*project["dependencies"], *(r for e in extras if e not in left_out for r in extras[e])]
    for text in named:
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        if name == "countersign-ml":
            continue
        assert name in locked, f"{name} is not locked: run make lock"
        version = locked[name].removeprefix("==")
        assert wanted.specifier.contains(version, prereleases=True), f"{name} {version}"


def test_pip_refuses_a_file_whose_hash_is_not_in_the_lock(tmp_path: Path) -> None:
    """What make calls, with a wheel that somebody replaced."""
    wheel = tmp_path / "planted-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\x05\x06" + bytes(18))
    lock = tmp_path / "some.lock"
    lock.write_text(f"planted==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    flags = re.search(r"^LOCKED := (.*)$", made, re.MULTILINE)
    assert flags is not None
    words = [*flags[1].split(), str(lock), "--no-index", "--find-links", str(tmp_path), "--dry-run"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
