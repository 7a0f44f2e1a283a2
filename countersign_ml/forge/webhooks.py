"""Webhook deliveries to Apps: signed, in order, by one thread, sent once.

GitHub does not redeliver by itself, keeps a delivery's id when a person redelivers it, and promises
no order. Tests produce these cases with `hold`, `release` and `redeliver`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import requests

from countersign_ml.forge.shapes.shapes_common import installation, organization, user
from countersign_ml.forge.shapes.shapes_repo import repository
from countersign_ml.forge.state.account_records import App, Json
from countersign_ml.forge.state.world_state import Event, World

TIMEOUT = 10.0  # seconds; GitHub's own


@dataclass
class Delivery:
    """One webhook as it was sent; `status` is None until it is answered, 0 without an answer."""

    id: str
    event: str
    action: str | None
    payload: bytes
    headers: dict[str, str]
    app: App
    status: int | None = None
    error: str = ""
    attempts: list[int] = field(default_factory=list)

    def json(self) -> Json:
        """The payload, parsed."""
        found: Json = json.loads(self.payload)
        return found


class Webhooks:
    """The queue of deliveries and the thread that works it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.deliveries: list[Delivery] = []
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._held: list[Delivery] = []
        self._holding = False
        self._pending = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="forge-webhooks", daemon=True)

    def start(self) -> None:
        """Start delivering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the delivery under way."""
        self._queue.put(None)
        self._thread.join(TIMEOUT + 1)

    def on_event(self, event: Event) -> None:
        """Queue the event for every App that subscribed and is installed there."""
        for app in list(self._world.apps.values()):
            if app.webhook_url is None or not self._world.installed_on(app, event.repository):
                continue
            # GitHub sends these to the App whatever it subscribed to.
            own = event.name == "check_run" and event.action in ("rerequested", "requested_action")
            if event.name not in app.events and not own:
                continue
            payload = dict(event.payload)
            payload.setdefault("repository", repository(self._world, event.repository))
            if event.action is not None:
                payload = {"action": event.action, **payload}
            payload["sender"] = user(self._world, event.sender)
            self.queue(app, event.name, event.action, payload, owner=True)

    def queue(
        self, app: App, event: str, action: str | None, payload: Json, *, owner: bool = False
    ) -> Delivery:
        """Sign a payload and queue it."""
        if owner:
            account = self._world.account(payload["repository"]["owner"]["login"])
            if account is not None and account.kind == "Organization":
                payload["organization"] = organization(self._world, account)
            shape = installation(self._world, app)
            payload["installation"] = {"id": shape["id"], "node_id": f"installation:{shape['id']}"}
        raw = json.dumps(payload, separators=(",", ":")).encode()
        guid = str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/forge",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(app.id),
            "X-GitHub-Hook-Installation-Target-ID": str(app.id),
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-Hub-Signature": "sha1="
            + hmac.new(app.webhook_secret.encode(), raw, hashlib.sha1).hexdigest(),
            "X-Hub-Signature-256": "sha256="
            + hmac.new(app.webhook_secret.encode(), raw, hashlib.sha256).hexdigest(),
        }
        delivery = Delivery(guid, event, action, raw, headers, app)
        with self._changed:
            self.deliveries.append(delivery)
            if self._holding:
                self._held.append(delivery)
            else:
                self._send(delivery)
        return delivery

    def ping(self, app: App) -> Delivery:
        """The first delivery of a new webhook."""
        payload = {
            "zen": "Keep it logically awesome.",
            "hook_id": app.id,
            "hook": {
                "type": "App",
                "id": app.id,
                "name": "web",
                "active": True,
                "events": list(app.events),
                "app_id": app.id,
                "config": {
                    "url": app.webhook_url,
                    "content_type": "json",
                    "insecure_ssl": "0",
                    "secret": "********",
                },
                "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:00:00Z",
                "deliveries_url": f"{self._world.api_url}/app/hook/deliveries",
            },
        }
        return self.queue(app, "ping", None, payload)

    def redeliver(self, delivery_id: str) -> None:
        """Send the same bytes under the same id once more."""
        found = next(d for d in self.deliveries if d.id == delivery_id)
        with self._changed:
            self._send(found)

    def hold(self) -> None:
        """Keep deliveries back from now on."""
        with self._changed:
            self._holding = True

    def release(
        self, order: Callable[[Sequence[Delivery]], Sequence[Delivery]] | None = None
    ) -> None:
        """Send what was held back, in the order of `order`, which may also drop or double."""
        with self._changed:
            self._holding = False
            held, self._held = self._held, []
            for delivery in order(held) if order else held:
                self._send(delivery)

    @property
    def pending(self) -> int:
        """Deliveries queued or under way, without those held back."""
        return self._pending

    def _send(self, delivery: Delivery) -> None:
        self._pending += 1
        self._queue.put(delivery)

    def _work(self) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxy between two ports of this machine
        while (delivery := self._queue.get()) is not None:
            try:
                answer = session.post(
                    delivery.app.webhook_url or "",
                    data=delivery.payload,
                    headers=delivery.headers,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
                status, error = answer.status_code, ""
            except requests.RequestException as failure:
                status, error = 0, str(failure)
            with self._changed:
                delivery.status, delivery.error = status, error
                delivery.attempts.append(status)
                self._pending -= 1
                self._changed.notify_all()
