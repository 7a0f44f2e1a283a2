"""What is in other issues and pull requests: incidents, freezes, who waits for a run."""

from __future__ import annotations

from typing import Any

from bot.facts import markers
from bot.facts.late import Freeze
from bot.facts.own_comment import keys_in
from bot.facts.snapshot import Incident
from bot.github.api import Api, ApiError, path


class IssueReader:
    """Reads the issues of one repository that this App opened."""

    def __init__(self, api: Api, repository: str, bot: str) -> None:
        self._api = api
        self._bot = bot
        self._base = path("repos", *repository.split("/"))

    def incident(self, model: str, version: str) -> Incident | None:
        """Return the issue that this App opened about a version, by marker and author."""
        marker = markers.incident_marker(model, version)
        asked = {"labels": markers.INCIDENT_LABEL, "state": "all"}
        for item in self._api.pages(f"{self._base}/issues", asked):
            if self._ours(item) and str(item.get("body") or "").startswith(marker):
                return Incident(int(item["number"]), model, version, str(item["html_url"]))
        return None

    def freeze(self, until: str = "") -> Freeze | None:
        """Return the newest freeze of all promotions and who closed it; None if there was none.

        `until` leaves out those that were opened after a time.

        Anyone with write access can edit an issue. So any one of its three marks shows that it is
        a freeze: label, first line, title. If none is left, GitHub's log shows that this App once
        gave it the label, and nobody can edit that log.
        """
        asked = {"state": "all", "creator": self._bot}
        items = self._api.pages(f"{self._base}/issues", asked, most=3)
        ours = [item for item in items if self._ours(item) and "pull_request" not in item]
        found = [
            item
            for item in ours
            if (not until or str(item["created_at"]) <= until)
            and (_is_freeze(item) or self._was_freeze(item))
        ]
        if not found:
            return None
        newest = max(found, key=lambda item: int(item["number"]))
        if newest["state"] != "open":
            newest = self._api.get(f"{self._base}/issues/{newest['number']}")
        closed_by = newest.get("closed_by") or {}
        return Freeze(
            number=int(newest["number"]),
            reason=str(newest["title"]).removeprefix(markers.FREEZE_TITLE),
            created=str(newest["created_at"]),
            is_open=newest["state"] == "open",
            closed_by=str(closed_by.get("login") or ""),
            closed=str(newest.get("closed_at") or ""),
        )

    def _was_freeze(self, item: dict[str, Any]) -> bool:
        """Return whether this App gave the label of a freeze; asked again only after a change."""
        url = f"{self._base}/issues/{item['number']}/events"
        known = f"{url} {item['updated_at']}"
        found: bool | None = self._api.recall(known)
        if found is None:
            found = any(
                event["event"] == "labeled"
                and (event.get("actor") or {}).get("login") == self._bot
                and (event.get("label") or {}).get("name") == markers.FREEZE_LABEL
                for event in self._api.pages(url, most=1)
            )
            self._api.remember(known, found)
        return found

    def _ours(self, item: dict[str, Any]) -> bool:
        return bool(item.get("user")) and item["user"]["login"] == self._bot

    def open_pulls(self) -> tuple[int, ...]:
        """Return the number of every open pull request."""
        return tuple(int(item["number"]) for item in self.listed_pulls())

    def listed_pulls(self) -> list[dict[str, Any]]:
        """Return every open pull request as GitHub lists it."""
        return list(self._api.pages(f"{self._base}/pulls", {"state": "open"}))

    def pulls_of_key(self, key: str) -> tuple[int, ...]:
        """Return the pull requests whose bot comment names a run key, among recent comments."""
        asked = {"sort": "updated", "direction": "desc"}
        found = []
        try:
            recent = list(self._api.pages(f"{self._base}/issues/comments", asked, most=3))
        except ApiError as error:
            if error.status != 404:
                raise
            return ()
        for item in recent:
            body = str(item.get("body") or "")
            ours = self._ours(item) and body.startswith(markers.COMMENT_MARKER)
            if ours and key in keys_in(body):
                found.append(int(str(item["issue_url"]).rpartition("/")[2]))
        return tuple(found)


def _is_freeze(item: dict[str, Any]) -> bool:
    return (
        any(label["name"] == markers.FREEZE_LABEL for label in item.get("labels") or ())
        or str(item.get("body") or "").startswith(markers.FREEZE_MARKER)
        or str(item.get("title") or "").startswith(markers.FREEZE_TITLE)
    )
