"""How fast the bot answers a delivery while it evaluates, and while it is idle, in milliseconds.

    python benchmarks/webhook_latency.py [--deliveries 300]

It starts the shipped bot as its own process next to a forge, keeps it evaluating pull requests, and
times signed deliveries over HTTP.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

from tests.bot import builders as a
from tests.bot.world import SECRET, World


def delivery(port: int, installation: int, number: int, action: str = "synchronize") -> float:
    """Send one signed delivery about a pull request; return the seconds until its answer."""
    payload = {
        "action": action,
        "repository": {"full_name": a.REPOSITORY, "default_branch": "main"},
        "installation": {"id": installation},
        "pull_request": {"number": number},
    }
    body = json.dumps(payload).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "pull_request",
        "X-Hub-Signature-256": f"sha256={digest}",
    }
    start = time.perf_counter()
    answer = requests.post(f"http://127.0.0.1:{port}/webhook", body, headers=headers, timeout=30)
    seconds = time.perf_counter() - start
    assert answer.status_code == 202, answer.text
    return seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_bot(world: World, port: int, folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "COUNTERSIGN_GITHUB_API": world.forge.api_url,
        "COUNTERSIGN_APP_ID": str(world.app.app_id),
        "COUNTERSIGN_PRIVATE_KEY": world.app.private_key_pem,
        "COUNTERSIGN_SIGNING_KEY": world.settings.signing_key,
        "COUNTERSIGN_WEBHOOK_SECRET": SECRET,
        "COUNTERSIGN_QUEUE": str(folder / "queue.sqlite"),
        "COUNTERSIGN_PORT": str(port),
        "COUNTERSIGN_SWEEP_SECONDS": "3600",
        "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
        "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
    }
    with (folder / "bot.log").open("wb") as log:
        bot = subprocess.Popen(
            [sys.executable, "-m", "countersign_ml", "bot"], env=environment, stdout=log, stderr=log
        )
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return bot
        time.sleep(0.1)
    raise RuntimeError((folder / "bot.log").read_text())


def measure(
    port: int, installation: int, count: int, number: int, action: str = "synchronize"
) -> list[float]:
    found = []
    for _ in range(count):
        found.append(delivery(port, installation, number, action))
        time.sleep(0.02)
    return found


def evaluated(port: int) -> float:
    """Return how many pieces of work the bot has finished, from its metrics."""
    text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    lines = (line for line in text.splitlines() if line.startswith("countersign_work_total"))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def told(name: str, seconds: list[float], work: float) -> None:
    ordered = sorted(1000 * value for value in seconds)
    p95 = ordered[int(0.95 * len(ordered))]
    print(
        f"{name:<24} median {statistics.median(ordered):6.1f} ms   p95 {p95:6.1f} ms   "
        f"{work:5.0f} evaluations in that time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=300)
    count = parser.parse_args().deliveries
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with World(folder) as world:
            world.propose(1)
            world.settle()
            port, app = free_port(), world.app.installation_id
            bot = start_bot(world, port, folder)
            try:
                begun = evaluated(port)
                told("idle", measure(port, app, count, 1, "assigned"), evaluated(port) - begun)
                stop = threading.Event()

                def keep_busy() -> None:
                    while not stop.is_set():
                        delivery(port, app, 1)
                        time.sleep(0.005)

                busy = threading.Thread(target=keep_busy)
                busy.start()
                begun = evaluated(port)
                told("while it evaluates", measure(port, app, count, 1), evaluated(port) - begun)
                stop.set()
                busy.join()
            finally:
                bot.terminate()
                bot.wait(30)


if __name__ == "__main__":
    main()
