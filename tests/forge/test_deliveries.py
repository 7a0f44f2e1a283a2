"""Webhooks that come late, twice, out of order or never, and writes that fail before or after."""

from __future__ import annotations

import github
import pytest
import requests

from countersign_ml.forge import Forge
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, Hook, client


def test_held_deliveries_can_be_reversed_doubled_and_dropped(
    forge: Forge, checkout: Checkout, hook: Hook
) -> None:
    hook.received.clear()
    forge.hold_deliveries()
    ada = client(forge, "ada").get_repo(NAME)
    for title in ("one", "two", "three"):
        ada.create_issue(title)
    forge.idle(5)
    assert hook.received == []
    forge.release(lambda held: [held[2], held[0], held[0]])
    forge.idle(5)
    titles = [
        requests.models.complexjson.loads(body)["issue"]["title"] for _, body in hook.received
    ]
    assert titles == ["three", "one", "one"]


def test_a_redelivery_keeps_its_id_and_bytes(forge: Forge, hook: Hook) -> None:
    hook.received.clear()
    client(forge, "ada").get_repo(NAME).create_issue("one")
    forge.idle(5)
    forge.redeliver(forge.deliveries[-1].id)
    forge.idle(5)
    first, second = hook.received
    assert first[0]["x-github-delivery"] == second[0]["x-github-delivery"]
    assert first[1] == second[1]
    assert hook.signed()


def test_a_failed_delivery_is_not_tried_again(forge: Forge, app: App, hook: Hook) -> None:
    hook.received.clear()
    hook.answer = 500
    client(forge, "ada").get_repo(NAME).create_issue("one")
    forge.idle(5)
    assert len(hook.received) == 1
    assert forge.deliveries[-1].attempts == [500]
    forge.set_webhook_url(app, "http://127.0.0.1:9/nobody")
    forge.idle(5)
    assert forge.deliveries[-1].attempts == [0]


def test_a_fault_before_a_write_leaves_nothing_and_one_after_leaves_the_write(forge: Forge) -> None:
    repo = client(forge, "ada").get_repo(NAME)
    forge.faults = lambda method, path: 502 if method == "POST" else None
    with pytest.raises(github.GithubException) as before:
        repo.create_issue("lost")
    assert (before.value.status, forge.repository(NAME).issues) == (502, {})
    forge.faults = lambda method, path: ("after", 502) if path.endswith("/issues") else None
    with pytest.raises(github.GithubException) as after:
        repo.create_issue("kept")
    assert after.value.status == 502
    assert [i.title for i in forge.repository(NAME).issues.values()] == ["kept"]
    assert [(w.method, w.path, w.actor) for w in forge.writes][-1] == (
        "POST",
        f"/repos/{NAME}/issues",
        "ada",
    )


def test_requests_are_counted_for_each_actor(forge: Forge) -> None:
    before = len(forge.requests)
    ada = client(forge, "ada").get_repo(NAME)
    ada.get_branch("main")
    client(forge, "linus").get_repo(NAME)
    mine = [r for r in forge.requests[before:] if r.actor == "ada"]
    assert [r.path for r in mine] == [f"/repos/{NAME}", f"/repos/{NAME}/branches/main"]
    left = client(forge, "ada").get_rate_limit().rate
    assert left.used == sum(r.actor == "ada" for r in forge.requests) - 1
