"""A forge with people, a governed repository and the bot: real HTTP, real git, real workflow runs.

Its workflows upload evidence that was written beforehand, so that no model has to be trained; all
else is as shipped. Work is done when a test calls `settle`, so that a test says when.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import make_server

from bot.reconcile import Evaluator
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.bot_metrics import Figures
from bot.web.queue_place import open_queue
from bot.web.work_queue import Queue
from countersign_ml.attestation import new_private_key, public_key
from countersign_ml.forge import Forge
from tests.bot import builders as a
from tests.policy.builders import POLICY

SECRET = "the test's secret"
EVENTS = (
    "push",
    "pull_request",
    "pull_request_review",
    "issue_comment",
    "issues",
    "merge_group",
    "check_run",
    "workflow_run",
)
UPLOAD = """
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        with:
          name: evidence-${{ inputs.key }}
          path: out/evidence.json
          if-no-files-found: error
"""
DISPATCHED = """name: {name}
run-name: {name} ${{{{ inputs.model }}}} ${{{{ inputs.key }}}}
on:
  workflow_dispatch:
    inputs:
      model: {{required: true, type: string}}
      sha: {{required: true, type: string}}
      key: {{required: true, type: string}}
{more}
permissions:
  contents: read
concurrency:
  group: {name}-${{{{ inputs.key }}}}
  cancel-in-progress: false
env:
  KEY: ${{{{ inputs.key }}}}
jobs:
  measure:
    runs-on: ubuntu-latest
    steps:
      - name: Take the evidence that was written beforehand
        run: mkdir -p out && cp "$EVIDENCE/$KEY.json" out/evidence.json
"""
DEPLOY = """name: deploy
on:
  push:
    branches: [main]
    paths: ["models/*/pointer.json"]
permissions:
  contents: read
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: echo deployed
"""


SIGNING_KEY = new_private_key()


@cache
def app_key() -> str:
    """One key for every App of a test run: making one costs more than many a test."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def workflow(name: str) -> str:
    more = ""
    if name == "finetune":
        more = "      incumbent: {required: true, type: string}\n"
        more += "      reuse: {required: false, type: string}\n"
        more += "      attempt: {required: false, type: string}"
    return DISPATCHED.format(name=name, more=more) + UPLOAD


def inputs_of(version: int) -> dict[str, str]:
    """The files whose blobs `builders.inputs` names."""
    folder = f"models/{a.MODEL}/"
    return {
        folder + "recipe.yml": a.RECIPE,
        folder + "base/base.yml": "base",
        folder + "data/README.md": a.CARD,
        folder + "data/train.jsonl": f"rows of {version}",
        folder + "data/test.jsonl": "held out",
    }


class World:
    """Use it as a context manager; `files` replace those that the repository begins with."""

    def __init__(self, root: Path, files: dict[str, str | None] | None = None) -> None:
        self.root = root
        self._files = files or {}
        evidence = root / "evidence"
        evidence.mkdir()
        for version in (1, 2):
            self.prepare(a.forward_key(version), a.evidence(version).text())
        self.prepare(a.rollback_key(3), a.recovery().text())
        self.forge = Forge(
            root / "forge",
            tools=Path(sys.executable).parent,
            runner_env={"EVIDENCE": str(evidence)},
        )
        self.forge.add_repository(
            a.REPOSITORY,
            collaborators={"ada": "write", "grace": "maintain", "omar": "admin", "ken": "write"},
        )
        for login in ("ada", "grace", "omar", "ken", "mallory"):
            self.forge.add_user(login, name=login.title(), email=f"{login}@example.com")
        self.app = self.forge.add_app(
            "countersign",
            webhook_secret=SECRET,
            events=EVENTS,
            private_key_pem=app_key(),
        )
        self.forge.require_checks(a.REPOSITORY, "main", ["countersign"], self.app.app_id)
        self.settings = Settings(
            app_id=self.app.app_id,
            private_key=self.app.private_key_pem,
            signing_key=SIGNING_KEY,
            webhook_secret=SECRET,
            github_api=self.forge.api_url,
            queue=":memory:",
            seconds_between_requests=0,
            seconds_between_writes=0,
        )
        self.evaluator = Evaluator(self.settings)
        self.queue = Queue(open_queue(":memory:"), self.evaluator)
        app = create_app(SECRET, self.queue, Figures())
        self._web = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(
            target=self._web.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self.clone = root / "clone"

    def prepare(self, key: str, text: str) -> None:
        (self.root / "evidence" / f"{key}.json").write_text(text, encoding="utf-8")

    def __enter__(self) -> World:
        self.forge.start()
        self._thread.start()
        self.forge.set_webhook_url(self.app, f"http://127.0.0.1:{self._web.server_port}/webhook")
        self._seed()
        self.settle()
        return self

    def __exit__(self, *_: object) -> None:
        self.forge.stop()
        self._web.shutdown()
        self._web.server_close()
        self._thread.join()

    def _seed(self) -> None:
        folder = self.root / "seed"
        files = {
            "README.md": "# Models\n",
            "policy/policy.yml": POLICY,
            "policy/keys/countersign.pem": public_key(self.settings.signing_key),
            ".github/CODEOWNERS": a.CODEOWNERS,
            ".github/workflows/finetune.yml": workflow("finetune"),
            ".github/workflows/rollback.yml": workflow("rollback"),
            ".github/workflows/deploy.yml": DEPLOY,
        }
        wanted = {**files, **self._files}
        write(folder, {name: text for name, text in wanted.items() if text is not None})
        self.forge.seed(a.REPOSITORY, folder, "omar")
        token = self._account("ada").token
        url = f"{self.forge.url}/{a.REPOSITORY}.git".replace("://", f"://ada:{token}@", 1)
        git(self.root, "clone", "--quiet", url, str(self.clone))

    def _account(self, login: str) -> Any:
        return self.forge.world.account(login)

    # What people do

    def api(self, login: str, verb: str, url: str, body: dict[str, Any] | None = None) -> Any:
        """One request by a person; the answer's JSON."""
        answer = requests.request(
            verb,
            f"{self.forge.api_url}/repos/{a.REPOSITORY}{url}",
            json=body,
            headers={"Authorization": f"Bearer {self._account(login).token}"},
            timeout=30,
        )
        assert answer.status_code < 400, f"{verb} {url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def push(self, branch: str, files: Mapping[str, str | None], message: str = "Change") -> str:
        """Commit files on a branch, which starts at main, as ada; return the commit."""
        git(self.clone, "fetch", "--quiet", "origin")
        known = git(self.clone, "ls-remote", "--heads", "origin", branch)
        start = f"origin/{branch}" if known else "origin/main"
        git(self.clone, "checkout", "--quiet", "-B", branch, start)
        write(self.clone, files)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "-m", message)
        git(self.clone, "push", "--quiet", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def merge_main(self, branch: str, ours_to_take: str) -> None:
        """Merge main into a branch as ada; what conflicts is taken as main has it."""
        git(self.clone, "fetch", "--quiet", "origin")
        git(self.clone, "checkout", "--quiet", "-B", branch, f"origin/{branch}")
        git(self.clone, "merge", "--quiet", "-X", "theirs", "--no-commit", "origin/main")
        git(self.clone, "checkout", "origin/main", "--", ours_to_take)
        kept = f"models/{a.MODEL}/data/train.jsonl"
        git(self.clone, "checkout", f"origin/{branch}", "--", kept)
        git(self.clone, "commit", "--quiet", "-m", "Merge main")
        git(self.clone, "push", "--quiet", "origin", branch)

    def open(self, branch: str, title: str = "More tickets", **more: Any) -> int:
        body = {"title": title, "head": branch, "base": "main", **more}
        return int(self.api("ada", "POST", "/pulls", body)["number"])

    def propose(self, version: int) -> int:
        """Ada proposes the version-th model; return the pull request's number."""
        branch = f"version-{version}"
        self.push(branch, dict(inputs_of(version)))
        return self.open(branch)

    def approve(self, number: int, *logins: str) -> None:
        head = self.pull(number)["head"]["sha"]
        for login in logins:
            body = {"event": "APPROVE", "commit_id": head}
            self.api(login, "POST", f"/pulls/{number}/reviews", body)

    def revert(self, number: int, login: str = "omar") -> int:
        return self.forge.revert(a.REPOSITORY, number, login).number

    # What the bot does

    def settle(self, timeout: float = 60) -> None:
        """Deliver, run and work until nothing is left to do."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.forge.idle(timeout)
            if self.queue.drain() == 0:
                self.forge.idle(timeout)
                if self.queue.size() == 0:
                    return
        raise TimeoutError("the bot does not come to rest")

    # What is to be seen

    def pull(self, number: int) -> Any:
        return self.api("ada", "GET", f"/pulls/{number}")

    def check(self, number: int) -> Any:
        """The newest check of the bot's at the pull request's head, or None."""
        head = self.pull(number)["head"]["sha"]
        runs = self.api("ada", "GET", f"/commits/{head}/check-runs?filter=all")["check_runs"]
        ours = [run for run in runs if run["name"] == "countersign"]
        return max(ours, key=lambda run: run["id"], default=None)

    def conclusion(self, number: int) -> str | None:
        found = self.check(number)
        return found["conclusion"] if found else "no check"

    def comments(self, number: int) -> list[str]:
        listed = self.api("ada", "GET", f"/issues/{number}/comments")
        return [item["body"] for item in listed if item["user"]["login"] == a.BOT]

    def incidents(self) -> list[str]:
        listed = self.api("ada", "GET", "/issues?state=all")
        return sorted(
            item["title"]
            for item in listed
            if item["user"]["login"] == a.BOT and "pull_request" not in item
        )

    def runs(self) -> Counter[str]:
        """How often each dispatched run was started, by title."""
        listed = self.api("ada", "GET", "/actions/runs?per_page=100")["workflow_runs"]
        return Counter(
            run["display_title"] for run in listed if run["event"] == "workflow_dispatch"
        )

    def deployments(self) -> list[tuple[str, str]]:
        """Version and newest state of every deployment, oldest first."""
        found = []
        for item in reversed(self.api("ada", "GET", "/deployments")):
            states = self.api("ada", "GET", f"/deployments/{item['id']}/statuses")
            found.append((item["payload"]["version"], states[0]["state"] if states else ""))
        return found

    def live(self) -> str | None:
        """The pointer's text on main."""
        store = self.forge.repository(a.REPOSITORY).store
        tip = store.ref("refs/heads/main")
        content = store.file(tip, f"models/{a.MODEL}/pointer.json") if tip else None
        return content.decode() if content is not None else None

    def seen(self) -> dict[str, Any]:
        """Everything that the bot left behind, to compare one course of events with another."""
        numbers = [int(item["number"]) for item in self.api("ada", "GET", "/pulls?state=all")]
        return {
            "live": self.live(),
            "runs": self.runs(),
            "incidents": self.incidents(),
            "deployments": self.deployments(),
            "pulls": {
                number: (
                    self.pull(number)["merged"],
                    self.conclusion(number),
                    len(self.comments(number)),
                    self.pull(number)["commits"],
                )
                for number in sorted(numbers)
            },
        }


def write(folder: Path, files: Mapping[str, Any]) -> None:
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def git(folder: Path, *words: str) -> str:
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ada@example.com" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()
