"""`Forge`: a GitHub on localhost. Construct it, add people and repositories, and start it."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from cryptography.hazmat.primitives import serialization
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from countersign_ml.forge.actions.actions_stand_in import Actions
from countersign_ml.forge.deeds import seeding
from countersign_ml.forge.deeds.merge_queue import MergeQueues
from countersign_ml.forge.gestures import Gestures
from countersign_ml.forge.git.bare_repository import GitStore
from countersign_ml.forge.pages.pages import write_pages
from countersign_ml.forge.routes.application import Fault, create_app
from countersign_ml.forge.state.account_records import Account, App, Team
from countersign_ml.forge.state.rate_limit import ApiRequest, Write
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import ROLES, World
from countersign_ml.forge.webhooks import Delivery, Webhooks
from policy.errors import UserError

APP_PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "deployments": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
    "administration": "read",
}


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Print nothing: requests are kept in `Forge.requests`."""


class Forge(Gestures):
    """One forge: its state, its HTTP server, its webhooks and its workflow runners."""

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        tools: Path | None = None,
        runner_env: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.world = World(self.root, clock)
        self.webhooks = Webhooks(self.world)
        self.actions = Actions(self.world, tools, dict(runner_env or {}))
        self.queues = MergeQueues(self.world)
        self.world.listeners += [
            self.webhooks.on_event,
            self.actions.on_event,
            self.queues.on_event,
        ]
        self.faults: Fault | None = None
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._bind()

    def _bind(self) -> None:
        # Bound at once, so that `url` is known before `start`.
        app = create_app(self)
        self._server = make_server(
            "127.0.0.1", self._port, app, threaded=True, request_handler=_QuietHandler
        )
        self.world.web_url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Self:
        """Serve, deliver and run workflows until `stop`."""
        assert self._server is not None
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="forge-http",
            daemon=True,
        )
        self._thread.start()
        self.webhooks.start()
        self.actions.start()
        return self

    def stop(self) -> None:
        """Stop the runs under way, then the deliveries, then the server."""
        assert self._server is not None
        if self._thread is not None:
            self.actions.stop()
            self.webhooks.stop()
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where pages and git answer."""
        return self.world.web_url

    @property
    def api_url(self) -> str:
        """Where REST answers."""
        return self.world.api_url

    # People and repositories

    def add_user(self, login: str, *, name: str = "", email: str = "") -> Account:
        """A person with a personal access token."""
        return self._account(login, "User", name or login, email or f"{login}@example.com")

    def _account(
        self, login: str, kind: Literal["User", "Organization", "Bot"], name: str, email: str
    ) -> Account:
        if self.world.account(login) is not None:
            raise UserError.one("forge", f"the account {login} already exists", "choose another")
        account = Account(
            self.world.take_id(),
            login,
            kind,
            name,
            email,
            f"ghp_{secrets.token_hex(18)}",
            self.world.clock(),
        )
        with self.world.lock:
            self.world.accounts[login.lower()] = account
            if kind == "User":
                seeding.grant_token(self.world, account)
        return account

    def _owner(self, login: str) -> Account:
        return self.world.account(login) or self._account(login, "Organization", login, "")

    def add_team(self, org: str, slug: str, members: Iterable[str] = (), *, name: str = "") -> Team:
        """A team of an organisation, which is created on first use."""
        owner = self._owner(org)
        team = Team(
            self.world.take_id(),
            owner.login,
            slug,
            name or slug.replace("-", " ").title(),
            {login.lower(): "member" for login in members},
            self.world.clock(),
        )
        with self.world.lock:
            self.world.teams[(owner.login.lower(), slug)] = team
        return team

    def add_repository(
        self,
        full_name: str,
        *,
        default_branch: str = "main",
        private: bool = False,
        collaborators: Mapping[str, str] | None = None,
        teams: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> Repository:
        """An empty repository; roles are read, triage, write, maintain or admin."""
        owner_login, _, name = full_name.partition("/")
        for part in (owner_login, name):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", part):
                raise UserError.one("forge", f"{full_name!r} is not owner/name")
        for role in (*(collaborators or {}).values(), *(teams or {}).values()):
            if role not in ROLES:
                raise UserError.one("forge", f"{role!r} is not a role", f"use one of {ROLES[1:]}")
        owner, now = self._owner(owner_login), self.world.clock()
        store = GitStore.create(
            self.root / "repositories" / owner.login / f"{name}.git", default_branch
        )
        record = Repository(
            self.world.take_id(),
            owner,
            name,
            store,
            default_branch,
            private,
            now,
            now,
            description,
            collaborators={k.lower(): v for k, v in (collaborators or {}).items()},
            teams=dict(teams or {}),
        )
        with self.world.lock:
            self.world.add_repository(record)
        return record

    def add_app(
        self,
        slug: str,
        *,
        webhook_url: str | None = None,
        webhook_secret: str = "",
        events: Sequence[str] = (),
        permissions: Mapping[str, str] | None = None,
        account: str | None = None,
        name: str = "",
        private_key_pem: str | None = None,
    ) -> App:
        """A GitHub App, installed on all repositories of `account` (default: of everyone).

        It gets a new key unless `private_key_pem` is given.
        """
        key = seeding.app_key(private_key_pem)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        bot = self._account(f"{slug}[bot]", "Bot", f"{slug}[bot]", "")
        app = App(
            self.world.take_id(),
            slug,
            name or slug,
            bot,
            private.decode(),
            public.decode(),
            self.world.take_id(),
            webhook_url,
            webhook_secret,
            list(events),
            dict(permissions or APP_PERMISSIONS),
            self.world.clock(),
            account,
        )
        with self.world.lock:
            self.world.apps[app.id] = app
        if webhook_url is not None:
            self.webhooks.ping(app)
        return app

    def set_webhook_url(self, app: App, url: str) -> None:
        """Change the URL of an App's webhook; GitHub then sends a ping."""
        app.webhook_url = url
        self.webhooks.ping(app)

    # What tests look at

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook so far, sent or held back."""
        return self.webhooks.deliveries

    def redeliver(self, delivery_id: str) -> None:
        """Send a delivery again, under its own id."""
        self.webhooks.redeliver(delivery_id)

    def hold_deliveries(self) -> None:
        """Keep webhooks back until `release`."""
        self.webhooks.hold()

    def release(
        self, order: Callable[[Sequence[Delivery]], Sequence[Delivery]] | None = None
    ) -> None:
        """Send what was held back, as arranged by `order`, which may reverse, double or drop."""
        self.webhooks.release(order)

    @property
    def writes(self) -> list[Write]:
        """Every write that took place, in order."""
        return self.world.budget.writes

    @property
    def requests(self) -> list[ApiRequest]:
        """Every API request, in order."""
        return self.world.budget.requests

    def idle(self, timeout: float = 60.0) -> None:
        """Wait until no webhook and no workflow run is pending; raise TimeoutError otherwise."""
        deadline = time.monotonic() + timeout
        quiet = 0
        while quiet < 3:
            quiet = quiet + 1 if self.webhooks.pending + self.actions.pending == 0 else 0
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"after {timeout} s still {self.webhooks.pending} deliveries and "
                    f"{self.actions.pending} workflow runs are pending"
                )
            time.sleep(0.01)

    def pages(self, folder: Path) -> Path:
        """Write a page for each pull request and issue; return the index."""
        with self.world.lock:
            return write_pages(self.world, self.webhooks.deliveries, folder)
