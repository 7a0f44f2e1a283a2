"""The world of the demo: a forge, a governed repository, the bot and a model server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import requests

from countersign_ml.attestation import new_private_key, public_key
from countersign_ml.demo.forge_activity import ForgeActivity
from countersign_ml.demo.people import Person
from countersign_ml.demo.waiting import PATIENCE_SECONDS, WaitFailedError, wait_for
from countersign_ml.forge import App, Forge
from policy.errors import UserError
from policy.governed import KEYS

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parents[2]
REPOSITORY = "acme/support-models"
MODEL = "support-triage"
PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "omar": "Omar Khayyam"}
"""Ada proposes, Grace leads machine learning, Omar runs operations."""
EVENTS = (
    "check_run",
    "issue_comment",
    "issues",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "push",
    "workflow_run",
)
GOVERNED = (
    ".github/CODEOWNERS",
    ".github/workflows/validate.yml",
    ".github/workflows/finetune.yml",
    ".github/workflows/rollback.yml",
    ".github/workflows/deploy.yml",
    "policy/policy.yml",
)
"""The first content of the governed repository: the files that govern this project."""
STOP_SECONDS = 20
SWEEP_SECONDS = 120
"""How often the bot looks at everything. A busy machine may lose a webhook: like GitHub, the forge
gives up after ten seconds and does not send it again."""


class Background:
    """One of our own commands in the background, its output in a file."""

    def __init__(
        self, name: str, words: list[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "countersign_ml", *words],
                cwd=PROJECT,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def require_alive(self) -> None:
        """Raise WaitFailedError, with the end of its log, if the process has ended."""
        code = self.child.poll()
        if code is not None:
            raise WaitFailedError(f"{self.name} ended with exit code {code}: {self.last_seen()}")

    def marks(self) -> Hashable:
        """Return the size of its log: a process that starts writes what it does."""
        return self.log.stat().st_size

    def last_seen(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2000:].strip() or "its log is empty"

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if it has not ended after STOP_SECONDS."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class World:
    """Everything that runs during the demo. Use it as a context manager."""

    def __init__(self, output: Path, cache: Path) -> None:
        self.output = output
        self.cache = cache
        self.scratch = Path(tempfile.mkdtemp(prefix="countersign-demo-"))
        self.registry = f"file://{output / 'registry'}"
        self.logs = output / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.background: list[Background] = []
        self.people: dict[str, Person] = {}
        self.bot_port, self.serve_port = free_ports(2)
        self.forge = Forge(
            self.scratch / "forge",
            tools=Path(sys.executable).parent,
            runner_env={
                "OMP_NUM_THREADS": str(min(os.cpu_count() or 1, 8)),
            },
        )

    def __enter__(self) -> World:
        self.forge.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self.background):
            child.stop()
        self.forge.stop()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def settle(self) -> None:
        """Create people and repository, install the App, push the rules and start the bot."""
        tokens = {}
        for login, name in PEOPLE.items():
            user = self.forge.add_user(login, name=name, email=f"{login}@example.org")
            tokens[login] = user.token
        self.forge.add_repository(
            REPOSITORY,
            default_branch="main",
            collaborators={"ada": "write", "grace": "maintain", "omar": "admin"},
        )
        self.forge.set_variable(REPOSITORY, "COUNTERSIGN_REGISTRY", self.registry)
        self.forge.set_variable(REPOSITORY, "COUNTERSIGN_CACHE", str(self.cache))
        for login, name in PEOPLE.items():
            self.people[login] = Person(login, name, tokens[login], self.forge.api_url, REPOSITORY)
        app = self.forge.add_app(
            "countersign",
            webhook_url=f"http://127.0.0.1:{self.bot_port}/webhook",
            webhook_secret="the demo's secret",  # noqa: S106  lives as long as the demo
            events=list(EVENTS),
        )
        signing_key = new_private_key()
        self._push_rules(public_key(signing_key))
        self._start_bot(app, signing_key)

    def _push_rules(self, key: str) -> None:
        """Push the rules and the bot's public key as Omar, who administers the repository."""
        omar = self.people["omar"]
        folder = omar.clone_to(self.scratch / "omar")
        for path in GOVERNED:
            source = PROJECT / path
            if not source.is_file():
                raise UserError.one(
                    str(source), "is missing", "run the demo from a clone of this project"
                )
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / path)
        keys = folder / KEYS
        keys.mkdir(parents=True)
        (keys / "countersign.pem").write_text(key, encoding="ascii")
        omar.git("checkout", "--quiet", "-B", "main")
        omar.git("add", "--all")
        omar.git("commit", "--quiet", "--message", "Lay down the rules")
        omar.git("push", "--quiet", "origin", "main")

    def _start_bot(self, app: App, signing_key: str) -> None:
        self.forge.require_checks(REPOSITORY, "main", ["countersign"], app.app_id)
        environment = {
            "COUNTERSIGN_GITHUB_API": self.forge.api_url,
            "COUNTERSIGN_APP_ID": str(app.app_id),
            "COUNTERSIGN_PRIVATE_KEY": app.private_key_pem,
            "COUNTERSIGN_SIGNING_KEY": signing_key,
            "COUNTERSIGN_WEBHOOK_SECRET": "the demo's secret",
            "COUNTERSIGN_QUEUE": str(self.scratch / "queue.sqlite"),
            "COUNTERSIGN_PORT": str(self.bot_port),
            "COUNTERSIGN_SWEEP_SECONDS": str(SWEEP_SECONDS),
            "COUNTERSIGN_SECONDS_BETWEEN_REQUESTS": "0",
            "COUNTERSIGN_SECONDS_BETWEEN_WRITES": "0",
        }
        self.start(["bot"], environment, "bot")
        self.await_port(self.bot_port)

    def serve(self) -> None:
        """Start the model server. It follows the pointer on the default branch."""
        words = [
            "serve", MODEL,
            "--repository", self.people["omar"].repository.clone_url,
            "--ref", "main",
            "--registry", self.registry,
            "--cache", str(self.scratch / "served"),
            "--port", str(self.serve_port),
            "--poll", "0.5",
        ]  # fmt: skip
        self.start(words, {}, "serve")
        self.await_port(self.serve_port)

    def start(self, words: list[str], environment: Mapping[str, str], name: str) -> None:
        """Start one of our own commands in the background; its output goes to NAME.log."""
        log = self.logs / f"{name}.log"
        self.background.append(Background(name, words, environment, log))

    def await_port(self, port: int) -> None:
        """Wait until the newest background process answers on `port`."""
        child = self.background[-1]

        def answers() -> bool:
            child.require_alive()
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(f"{child.name} answers on port {port}", answers, child)

    def wait(self, text: str, look: Callable[[], T | None]) -> T:
        """Call `look` until it returns something true, as long as the forge shows progress.

        Raises WaitFailedError if nothing advances, or if the bot or the model server has ended.
        """

        def looked() -> T | None:
            for child in self.background:
                child.require_alive()
            return look()

        return wait_for(text, looked, ForgeActivity(self.forge))

    def keep_logs(self) -> None:
        """Copy the logs of the workflow runs next to the logs of the processes."""
        runs = self.scratch / "forge" / "runs"
        for log in runs.glob("*/*.log"):
            shutil.copyfile(log, self.logs / f"run-{log.parent.name}-{log.name}")

    def served(self) -> dict[str, object]:
        """Return the health report of the model server."""
        url = f"http://127.0.0.1:{self.serve_port}/health"
        answer = requests.get(url, timeout=PATIENCE_SECONDS)
        health: dict[str, object] = answer.json()
        return health

    def ask(self, messages: list[dict[str, str]], max_tokens: int) -> tuple[str, str]:
        """Ask the served model; return its answer and the digest of the model file that gave it."""
        answer = requests.post(
            f"http://127.0.0.1:{self.serve_port}/v1/chat/completions",
            json={
                "model": MODEL,
                "messages": messages,
                "temperature": 0,
                "max_tokens": max_tokens,
            },
            timeout=PATIENCE_SECONDS,
        )
        answer.raise_for_status()
        text = answer.json()["choices"][0]["message"]["content"]
        return text, answer.headers.get("x-countersign-digest", "")


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that are free at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
