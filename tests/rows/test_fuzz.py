"""Fuzzing with Atheris, as a slow test: COUNTERSIGN_FUZZ_SECONDS says for how long."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("COUNTERSIGN_FUZZ_SECONDS", "600"))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris: pip install atheris")
def test_no_bytes_crash_or_hang_the_decoders(tmp_path: Path) -> None:
    """Slow: it fuzzes for ten minutes unless COUNTERSIGN_FUZZ_SECONDS says otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.rows.fuzz", "--seconds", str(SECONDS),
         "--corpus", str(tmp_path / "corpus")],
        capture_output=True, text=True, timeout=SECONDS + 100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr
    grown = re.search(r"stat::new_units_added:\s+(\d+)", done.stderr)
    assert grown is not None
    assert int(grown[1]) > 0, "no input reached new code: is it instrumented?"
