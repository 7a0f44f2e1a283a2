"""Deliveries: what is refused, what is queued, and what leaves no trace."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from bot.reconcile import Evaluator
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.bot_metrics import Figures
from bot.web.queue_place import open_queue
from bot.web.webhook import DeliveryError, Event, parse, verify
from bot.web.work_queue import Queue
from countersign_ml.attestation import new_private_key

SECRET = "a secret"
REPOSITORY = {"full_name": "acme/models", "default_branch": "main"}
COMMON = {"repository": REPOSITORY, "installation": {"id": 5}}


@pytest.fixture(scope="module")
def settings() -> Settings:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return Settings(
        1, text.decode(), SECRET, new_private_key(), github_api="http://127.0.0.1:9/api/v3"
    )


@pytest.fixture
def queue(settings: Settings) -> Queue:
    return Queue(open_queue(":memory:"), Evaluator(settings))


@pytest.fixture
def client(queue: Queue) -> FlaskClient:
    figures = Figures()
    figures.watch(queue.state, dict)
    return create_app(SECRET, queue, figures).test_client()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def send(
    client: FlaskClient, event: str, payload: Any, headers: dict[str, str] | None = None
) -> int:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    known = {
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": signature(body),
        "Content-Type": "application/json",
    }
    answer = client.post("/webhook", data=body, headers={**known, **(headers or {})})
    return answer.status_code


def pull_request(action: str = "opened", number: Any = 7) -> dict[str, Any]:
    return {**COMMON, "action": action, "pull_request": {"number": number}}


def headers(event: str) -> dict[str, str]:
    return {"X-GitHub-Event": event, "Content-Type": "application/json"}


def event_of(name: str, payload: dict[str, Any]) -> Event | None:
    return parse(json.dumps(payload).encode(), headers(name))


def test_a_pull_request_is_queued_once_however_often_it_is_delivered(
    client: FlaskClient, queue: Queue
) -> None:
    for _ in range(3):
        assert send(client, "pull_request", pull_request()) == 202
    assert queue.size() == 1


@pytest.mark.parametrize(
    "forged",
    ["", "sha256=", "sha256=" + "0" * 64, signature(b"other"), "sha1=abc", "sha256=\u00e9"],
)
def test_a_forged_signature_is_refused_and_leaves_no_trace(
    client: FlaskClient, queue: Queue, forged: str
) -> None:
    status = send(client, "pull_request", pull_request(), {"X-Hub-Signature-256": forged})
    assert status == 401
    assert queue.size() == 0


def test_while_secrets_are_replaced_both_count_and_the_old_one_is_counted(queue: Queue) -> None:
    figures = Figures()
    client = create_app("new secret", queue, figures, old_secret=SECRET).test_client()
    body = json.dumps(pull_request()).encode()
    for secret, status in (("new secret", 202), (SECRET, 202), ("", 401), ("another", 401)):
        signed = {"X-Hub-Signature-256": signature(body, secret)}
        assert send(client, "pull_request", pull_request(), signed) == status
    text = client.get("/metrics").get_data(as_text=True)
    assert "countersign_deliveries_old_secret_total 1.0" in text


def test_an_empty_old_secret_signs_nothing(client: FlaskClient) -> None:
    body = json.dumps(pull_request()).encode()
    signed = {"X-Hub-Signature-256": signature(body, "")}
    assert send(client, "pull_request", pull_request(), signed) == 401


def test_a_queue_that_takes_nothing_is_answered_with_503(
    client: FlaskClient, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(data: bytes, priority: float | None = None) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(queue.huey.storage, "enqueue", full)
    assert send(client, "pull_request", pull_request()) == 503


def test_a_signature_with_another_secret_is_refused() -> None:
    with pytest.raises(DeliveryError) as refused:
        verify(SECRET, b"{}", {"X-Hub-Signature-256": signature(b"{}", "another")})
    assert refused.value.status == 401


def test_a_body_beyond_githubs_limit_is_refused(client: FlaskClient, queue: Queue) -> None:
    assert send(client, "pull_request", b"x" * (30 * 1024 * 1024)) == 413
    assert queue.size() == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_another_content_type_is_refused(client: FlaskClient, queue: Queue, kind: str) -> None:
    assert send(client, "pull_request", pull_request(), {"Content-Type": kind}) == 415
    assert queue.size() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(client: FlaskClient, queue: Queue, body: bytes) -> None:
    assert send(client, "pull_request", body) == 400
    assert queue.size() == 0


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {**COMMON, "action": "opened"},
        pull_request(number="7"),
        pull_request(number=-1),
        pull_request(number=True),
        {**pull_request(), "installation": {}},
        {**pull_request(), "installation": {"id": "5"}},
        {**pull_request(), "repository": {"full_name": "../../etc"}},
        {**pull_request(), "pull_request": []},
    ],
)
def test_a_payload_without_what_it_must_name_is_refused(
    client: FlaskClient, queue: Queue, payload: dict[str, Any]
) -> None:
    assert send(client, "pull_request", payload) == 422
    assert queue.size() == 0


def test_a_delivery_without_an_event_name_is_refused(client: FlaskClient) -> None:
    assert send(client, "", pull_request()) == 400


def test_events_about_nothing_governed_are_taken_and_dropped(
    client: FlaskClient, queue: Queue
) -> None:
    assert send(client, "ping", {"zen": "Keep it logically awesome."}) == 202
    assert send(client, "star", {"action": "created"}) == 202
    assert send(client, "pull_request", pull_request("labeled")) == 202
    assert queue.size() == 0


def test_another_route_and_another_method_are_refused(client: FlaskClient) -> None:
    assert client.get("/webhook").status_code == 405
    assert client.post("/elsewhere").status_code == 404


def test_health_and_figures_can_be_read(client: FlaskClient) -> None:
    send(client, "pull_request", pull_request())
    assert client.get("/livez").json == {"heartbeat": "ok", "workers": "ok"}
    text = client.get("/metrics").get_data(as_text=True)
    assert 'countersign_deliveries_total{result="queued"} 1.0' in text
    assert "countersign_queue_length 1.0" in text


def test_a_merge_is_looked_at_on_both_sides() -> None:
    payload = {**COMMON, "action": "closed", "pull_request": {"number": 7, "merged": True}}
    assert event_of("pull_request", payload) == Event("acme/models", 5, pulls=(7,), branch=True)


def test_a_review_names_its_pull_request_and_a_mere_remark_does_not() -> None:
    payload = {**pull_request("submitted"), "review": {"state": "approved"}}
    assert event_of("pull_request_review", payload) == Event("acme/models", 5, pulls=(7,))
    payload["review"] = {"state": "commented"}
    assert event_of("pull_request_review", payload) is None


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        (f"/train {'a' * 40}", True),
        (f"> /train {'a' * 40}", False),
        (f"```\n/train {'a' * 40}\n```", False),
        ("/train now", False),
        ("thank you", False),
    ],
)
def test_a_comment_is_heard_only_with_a_command(body: str, heard: bool) -> None:
    comment = {"body": body, "user": {"type": "User"}}
    payload = {
        **COMMON, "action": "created", "comment": comment,
        "issue": {"number": 7, "pull_request": {}}, "sender": {"type": "User"},
    }  # fmt: skip
    assert (event_of("issue_comment", payload) is not None) is heard
    payload["issue"] = {"number": 7}
    assert event_of("issue_comment", payload) is None


@pytest.mark.parametrize(
    ("action", "body", "before", "heard"),
    [
        ("edited", "never mind", "/spot-check 0123456789ab A B", True),
        ("edited", "/unhold", "never mind", True),
        ("edited", "thank you", "thanks", False),
        ("deleted", "/spot-check 0123456789ab A B", None, True),
        ("deleted", "thank you", None, False),
    ],
)
def test_a_command_that_is_taken_back_is_looked_at(
    action: str, body: str, before: str | None, heard: bool
) -> None:
    payload: dict[str, Any] = {
        **COMMON, "action": action, "comment": {"body": body, "user": {"type": "User"}},
        "issue": {"number": 7, "pull_request": {}}, "sender": {"type": "User"},
    }  # fmt: skip
    if before is not None:
        payload["changes"] = {"body": {"from": before}}
    assert (event_of("issue_comment", payload) is not None) is heard


def test_a_bots_comment_that_somebody_edits_is_looked_at_and_written_again() -> None:
    payload = {
        **COMMON, "action": "edited", "comment": {"body": "x", "user": {"type": "Bot"}},
        "issue": {"number": 7, "pull_request": {}}, "sender": {"type": "User"},
    }  # fmt: skip
    assert event_of("issue_comment", payload) is not None
    payload["sender"] = {"type": "Bot"}
    assert event_of("issue_comment", payload) is None


def test_a_finished_run_names_its_key() -> None:
    run = {"path": ".github/workflows/finetune.yml", "display_title": f"finetune m {'0a' * 8}"}
    payload = {**COMMON, "action": "completed", "workflow_run": run}
    assert event_of("workflow_run", payload) == Event("acme/models", 5, run_key="0a" * 8)
    run["display_title"] = "finetune m ../../x"
    assert event_of("workflow_run", payload) is None
    run["path"] = ".github/workflows/ci.yml"
    assert event_of("workflow_run", payload) is None
    run["path"] = ".github/workflows/deploy.yml"
    assert event_of("workflow_run", payload) == Event("acme/models", 5, branch=True)


@pytest.mark.parametrize(
    ("ref", "path", "looked_at"),
    [
        ("refs/heads/main", "models/m/pointer.json", True),
        ("refs/heads/main", "policy/policy.yml", True),
        ("refs/heads/main", ".github/CODEOWNERS", True),
        ("refs/heads/main", "README.md", False),
        ("refs/heads/topic", "models/m/pointer.json", False),
        ("refs/tags/v1", "models/m/pointer.json", False),
    ],
)
def test_a_push_matters_on_the_default_branch_and_where_it_governs(
    ref: str, path: str, looked_at: bool
) -> None:
    payload = {**COMMON, "ref": ref, "commits": [{"added": [], "modified": [path], "removed": []}]}
    assert (event_of("push", payload) is not None) is looked_at
