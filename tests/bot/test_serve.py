"""The bot as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bot.settings import Settings
from tests.bot.test_webhook import SECRET, pull_request, settings, signature  # noqa: F401


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings, port: int, queue: Path) -> dict[str, str]:  # noqa: F811
    return {
        **os.environ,
        "COUNTERSIGN_GITHUB_API": "http://127.0.0.1:9/api/v3",
        "COUNTERSIGN_APP_ID": "1",
        "COUNTERSIGN_PRIVATE_KEY": settings.private_key,
        "COUNTERSIGN_SIGNING_KEY": settings.signing_key,
        "COUNTERSIGN_WEBHOOK_SECRET": SECRET,
        "COUNTERSIGN_QUEUE": str(queue),
        "COUNTERSIGN_PORT": str(port),
    }


def start(environ: dict[str, str]) -> subprocess.Popen[str]:
    script = (
        "import sys; from countersign_ml.cli.command_table import main; sys.exit(main(['bot']))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    child = start(environ)
    try:
        url = f"http://127.0.0.1:{environ['COUNTERSIGN_PORT']}/livez"
        for _ in range(200):
            try:
                if requests.get(url, timeout=1).ok:
                    break
            except requests.ConnectionError:
                assert child.poll() is None, child.communicate()[1]
                time.sleep(0.1)
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def test_it_serves_refuses_what_is_too_large_and_stops_on_sigterm(
    tmp_path: Path,
    settings: Settings,  # noqa: F811
) -> None:
    environ = environment(settings, free_port(), tmp_path / "queue.sqlite")
    with running(environ) as child:
        url = f"http://127.0.0.1:{environ['COUNTERSIGN_PORT']}"
        body = json.dumps(pull_request()).encode()
        headers = {
            "X-GitHub-Event": "pull_request",
            "X-Hub-Signature-256": signature(body),
            "Content-Type": "application/json",
        }
        began = time.monotonic()
        answer = requests.post(f"{url}/webhook", data=body, headers=headers, timeout=5)
        assert (answer.status_code, answer.json()) == (202, {"status": "queued"})
        assert time.monotonic() - began < 1
        with socket.create_connection(("127.0.0.1", int(environ["COUNTERSIGN_PORT"]))) as line:
            line.sendall(
                b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 31457280\r\n\r\n"
                + b"x" * 1000
            )
            assert b" 413 " in line.recv(1000)  # answered long before the body is there
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_a_port_that_is_taken_is_said_in_one_line(
    tmp_path: Path,
    settings: Settings,  # noqa: F811
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = start(environment(settings, taken.getsockname()[1], tmp_path / "q.sqlite"))
        _, told = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "COUNTERSIGN_PORT" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("missing", ["APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET"])
def test_a_missing_setting_is_said_in_one_line(
    tmp_path: Path,
    settings: Settings,  # noqa: F811
    missing: str,
) -> None:
    environ = environment(settings, 0, tmp_path / "q.sqlite")
    del environ[f"COUNTERSIGN_{missing}"]
    child = start(environ)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 2
    assert f"COUNTERSIGN_{missing}: not set" in told
