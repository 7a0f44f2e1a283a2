"""From the bytes of a delivery to an Event. Pure: no Flask, no network, no clock.

An event only names what to look at. Nothing else of a payload is believed, so a replayed or
reordered delivery can do no harm.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.facts import markers
from bot.facts.actions import DEPLOY, FINETUNE, ROLLBACK
from bot.facts.comment_commands import has_command
from bot.facts.merge_groups import pull_of
from policy.governed import WORKFLOWS, is_governed

MAX_BYTES = 25 * 1024 * 1024
"""GitHub sends no larger delivery."""
_KEY = re.compile(r"[0-9a-f]{16}")
_DELIVERY = re.compile(r"[\w-]{1,64}")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class DeliveryError(Exception):
    """A delivery that is not taken: an HTTP status and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Event:
    """What to look at: pull requests by number, the default branch, or what waits for a run."""

    repository: str
    installation: int
    pulls: tuple[int, ...] = ()
    branch: bool = False
    every_pull: bool = False
    run_key: str = ""
    group: str = ""
    """The branch of a merge group."""
    urgent: bool = False
    """Whether it looks like a rollback, which may use the reserve of the quota."""
    delivery: str = field(default="", compare=False)
    """The delivery's id, for the log."""

    @property
    def concerns_something(self) -> bool:
        return bool(self.pulls or self.branch or self.every_pull or self.run_key or self.group)


def verify(secret: str, body: bytes, headers: Mapping[str, str], old_secret: str = "") -> bool:
    """Raise DeliveryError unless somebody who knows a secret signed exactly these bytes.

    Return whether it was the old secret, which counts while secrets are being replaced.
    """
    if len(body) > MAX_BYTES:
        raise DeliveryError(413, "larger than 25 MB")
    given = _header(headers, "X-Hub-Signature-256")
    if _signed(secret, body, given):
        return False
    if old_secret and _signed(old_secret, body, given):
        return True
    raise DeliveryError(401, "the signature does not match")


def _signed(secret: str, body: bytes, given: str) -> bool:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}".encode(), given.encode("utf-8", "replace"))


def _header(headers: Mapping[str, str], name: str) -> str:
    """Return a header, in any case of its letters; empty if missing."""
    return next((text for key, text in headers.items() if key.lower() == name.lower()), "")


def parse(body: bytes, headers: Mapping[str, str]) -> Event | None:
    """Return what a verified delivery is about; None if it concerns nothing governed."""
    content_type = _header(headers, "Content-Type").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise DeliveryError(415, "send application/json; set it in the App's webhook")
    name = _header(headers, "X-GitHub-Event")
    if not name:
        raise DeliveryError(400, "no X-GitHub-Event header")
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DeliveryError(400, "not JSON") from error
    if not isinstance(payload, dict):
        raise DeliveryError(400, "not a JSON object")
    try:
        event = _event(name, payload)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DeliveryError(422, f"the {name} payload lacks {error}") from error
    if event is None or not event.concerns_something:
        return None
    delivery = _header(headers, "X-GitHub-Delivery")
    return replace(event, delivery=delivery if _DELIVERY.fullmatch(delivery) else "")


def _event(name: str, payload: dict[str, Any]) -> Event | None:
    reading = {
        "pull_request": _pull_request,
        "pull_request_review": _review,
        "issue_comment": _comment,
        "issues": _issue,
        "merge_group": _merge_group,
        "check_run": _check,
        "workflow_run": _run,
        "push": _push,
    }.get(name)
    if reading is None:
        return None
    repository = str(payload["repository"]["full_name"])
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError("a repository name")
    installation = payload["installation"]["id"]
    if not isinstance(installation, int):
        raise TypeError("a numeric installation id")
    return reading(payload, repository, installation)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a number")
    return value


def _pull_request(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    wanted = {"opened", "reopened", "synchronize", "edited", "ready_for_review", "closed"}
    wanted |= {"converted_to_draft"}
    if payload["action"] in ("labeled", "unlabeled"):
        held = (payload.get("label") or {}).get("name") == markers.HOLD_LABEL and not _by_bot(
            payload
        )
        wanted = wanted | {payload["action"]} if held else wanted
    if payload["action"] not in wanted:
        return None
    merged = payload["action"] == "closed" and bool(payload["pull_request"].get("merged"))
    number = _number(payload["pull_request"]["number"])
    head = payload["pull_request"].get("head") or {}
    urgent = str(head.get("ref") or "").startswith(markers.ROLLBACK_BRANCHES)
    return Event(repository, installation, pulls=(number,), branch=merged, urgent=urgent)


def _review(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    if payload["review"].get("state") == "commented" and payload["action"] == "submitted":
        return None
    return Event(repository, installation, pulls=(_number(payload["pull_request"]["number"]),))


def _comment(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    """A comment matters if it has or had a command, or if somebody changed a comment of an App."""
    issue, comment = payload["issue"], payload["comment"]
    if "pull_request" not in issue:
        return None
    changed = payload["action"] in ("edited", "deleted")
    touched = changed and comment["user"]["type"] == "Bot"
    before = ((payload.get("changes") or {}).get("body") or {}).get("from")
    said = any(has_command(str(text or "")) for text in (comment.get("body"), before))
    command = said and (changed or payload["action"] == "created")
    if not command and not (touched and not _by_bot(payload)):
        return None
    return Event(repository, installation, pulls=(_number(issue["number"]),))


def _issue(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    """A freeze is an issue of an App: opening it stops every promotion, closing it may end that."""
    issue, action = payload["issue"], payload["action"]
    ours = str(issue["user"]["type"]) == "Bot"
    begun = action == "opened" and str(issue["title"]).startswith(markers.FREEZE_TITLE)
    about = action in ("closed", "reopened", "edited", "deleted", "unlabeled")
    if not ours or not (begun or (about and not _by_bot(payload))):
        return None
    return Event(repository, installation, every_pull=True)


def _merge_group(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    if payload["action"] != "checks_requested":
        return None
    ref = str(payload["merge_group"]["head_ref"]).removeprefix("refs/heads/")
    return Event(repository, installation, group=ref) if pull_of(ref) else None


def _by_bot(payload: dict[str, Any]) -> bool:
    return str(payload.get("sender", {}).get("type", "")) == "Bot"


def _check(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    if payload["action"] != "rerequested":
        return None
    listed = payload["check_run"].get("pull_requests") or []
    numbers = tuple(sorted({_number(item["number"]) for item in listed}))
    return Event(repository, installation, pulls=numbers, every_pull=not numbers)


def _run(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    """A run of the bot that ended. Its title names the key; everything else is read again."""
    run = payload["workflow_run"]
    file = str(run.get("path") or "").partition("@")[0]
    if file == WORKFLOWS + DEPLOY:
        return Event(repository, installation, branch=True)
    if file not in (WORKFLOWS + FINETUNE, WORKFLOWS + ROLLBACK):
        return None
    if payload["action"] != "completed":
        return None
    key = str(run.get("display_title") or "").rpartition(" ")[2]
    return Event(repository, installation, run_key=key) if _KEY.fullmatch(key) else None


def _push(payload: dict[str, Any], repository: str, installation: int) -> Event | None:
    """A push to the default branch that changes something governed: every verdict may change."""
    branch = f"refs/heads/{payload['repository']['default_branch']}"
    if payload["ref"] != branch or payload.get("deleted"):
        return None
    paths: set[str] = set()
    for commit in payload.get("commits") or []:
        for kind in ("added", "modified", "removed"):
            paths.update(str(item) for item in commit.get(kind) or [])
    unlisted = len(payload.get("commits") or []) >= 20 or not payload.get("commits")
    if not (unlisted or is_governed(paths)):
        return None
    return Event(repository, installation, branch=True, every_pull=True)
