"""A forge with people in it, and the clients that judge it."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import github
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App

NAME = "acme/support"
SECRET = "a webhook secret"
EVENTS = (
    "push",
    "pull_request",
    "pull_request_review",
    "issue_comment",
    "issues",
    "check_run",
    "workflow_run",
    "deployment",
    "deployment_status",
)


@dataclass
class Hook:
    """A webhook receiver: what came, and what it answers."""

    url: str = ""
    answer: int = 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def names(self) -> list[str]:
        """`event.action` in the order of arrival."""
        found = []
        for headers, body in self.received:
            action = requests.models.complexjson.loads(body).get("action")
            name = headers["x-github-event"]
            found.append(f"{name}.{action}" if action else name)
        return found

    def signed(self) -> bool:
        """Whether every delivery carries the right signature."""
        return all(
            headers["x-hub-signature-256"]
            == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            for headers, body in self.received
        )


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver on a free port."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """The first content of the repository."""
    folder = tmp_path / "seed"
    folder.mkdir()
    (folder / "README.md").write_text("# Support\n")
    (folder / "rows.txt").write_text("".join(f"row {n}\n" for n in range(40)))
    return folder


@pytest.fixture(scope="session")
def key() -> str:
    """One RSA key for all tests: making one takes longer than most of them."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def forge(tmp_path: Path, hook: Hook, seed: Path, key: str) -> Iterator[Forge]:
    """A running forge: acme/support with ada (write), linus (maintain), root (admin), eve (no)."""
    with Forge(tmp_path / "forge") as found:
        for login in ("ada", "linus", "root", "eve"):
            found.add_user(login, name=login.title(), email=f"{login}@example.com")
        found.add_repository(
            NAME, collaborators={"ada": "write", "linus": "maintain", "root": "admin"}
        )
        found.add_team("acme", "ml-leads", ["linus"])
        found.add_app(
            "countersign",
            webhook_url=hook.url,
            webhook_secret=SECRET,
            events=EVENTS,
            private_key_pem=key,
        )
        found.seed(NAME, seed, "root")
        found.idle(10)
        yield found


@pytest.fixture
def app(forge: Forge) -> App:
    """The App countersign."""
    return next(a for a in forge.world.apps.values() if a.slug == "countersign")


def client(forge: Forge, login: str) -> github.Github:
    """PyGithub as one of the users."""
    account = forge.world.account(login)
    assert account is not None
    return github.Github(
        base_url=forge.api_url,
        auth=github.Auth.Token(account.token),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def app_client(forge: Forge, app: App) -> github.Github:
    """PyGithub as the App's installation."""
    integration = github.GithubIntegration(
        auth=github.Auth.AppAuth(app.app_id, app.private_key_pem),
        base_url=forge.api_url,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    return integration.get_github_for_installation(
        integration.get_repo_installation(*NAME.split("/")).id
    )


class Checkout:
    """A working copy driven by the git command."""

    def __init__(self, folder: Path, url: str, login: str, token: str) -> None:
        self.folder = folder
        place = url.replace("http://", f"http://{login}:{token}@").replace(
            "https://", f"https://{login}:{token}@"
        )
        self("clone", "--quiet", place, str(folder), where=folder.parent)
        self("config", "user.name", login.title())
        self("config", "user.email", f"{login}@example.com")

    def __call__(self, *args: str, where: Path | None = None, check: bool = True) -> str:
        """Run git; return its output, errors included."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *args],
            cwd=where or self.folder,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip() + done.stderr

    def change(self, branch: str, files: dict[str, str | None], message: str = "Change") -> str:
        """Commit files (None deletes) to a branch off main, push it, return the SHA."""
        self("fetch", "--quiet", "origin")
        known = self("branch", "--list", branch)
        if known:
            self("checkout", "--quiet", branch)
        else:
            self("checkout", "--quiet", "-b", branch, "origin/main")
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self("add", "--all")
        self("commit", "--quiet", "-m", message)
        self("push", "--quiet", "--force", "origin", branch)
        return self("rev-parse", "HEAD")


@pytest.fixture
def checkout(forge: Forge, tmp_path: Path) -> Checkout:
    """Ada's working copy."""
    ada = forge.world.account("ada")
    assert ada is not None
    return Checkout(tmp_path / "work", f"{forge.url}/{NAME}.git", "ada", ada.token)
