"""`countersign serve` as a person runs it: a subprocess, ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.serving.serving_builders import MODEL, House

ROOT = Path(__file__).resolve().parents[2]


def started(house: House, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "countersign_ml", "serve", *words],
        cwd=house.root,
        env={**os.environ, "COUNTERSIGN_REGISTRY": str(house.root / "registry")},
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_serving(house: House) -> list[int]:
    """Return the pids whose command line names a file of this house."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if str(house.root / ".countersign").encode() in words:
            found.append(int(entry.name))
    return found


def wait_until_served(port: int) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("never served")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_model_stays_in_memory_however_the_server_ends(
    house: House, first: Path, number: signal.Signals
) -> None:
    house.point(house.publish(first))
    port = 18_100 + os.getpid() % 1000
    with started(house, MODEL, "--unsigned", "--port", str(port), "--threads", "1") as child:
        wait_until_served(port)
        assert len(processes_serving(house)) == 1
        child.send_signal(number)
        child.wait(30)
        assert child.stderr is not None
        said = child.stderr.read()
    assert child.returncode == (-9 if number == signal.SIGKILL else 0)
    assert "Traceback" not in said
    for _ in range(100):
        if not processes_serving(house):
            return
        time.sleep(0.1)
    pytest.fail(f"still running: {processes_serving(house)}")


def test_a_pointer_without_a_record_is_refused_and_the_error_says_how_to_serve_it(
    house: House, first: Path
) -> None:
    house.point(house.publish(first))
    with started(house, MODEL, "--port", "0") as child:
        _, error = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "is not served: the file is not as the last commit has it" in error
    assert "--unsigned" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([MODEL], f"countersign: models/{MODEL}/pointer.json: no version of {MODEL} is live"),
        (["../x"], "'../x' is not a model name"),
        ([MODEL, "--registry", "nowhere://x"], "registry nowhere://x: cannot be opened"),
        ([MODEL, "--port", "99999"], "127.0.0.1:99999: cannot listen"),
        ([MODEL, "--repository", "/nowhere"], "git fetch failed"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(house: House, words: list[str], said: str) -> None:
    with started(house, *words) as child:
        _, error = child.communicate(timeout=60)
    assert child.returncode == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1
