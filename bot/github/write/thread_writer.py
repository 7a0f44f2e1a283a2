"""Writes to conversations: the comment, answers, labels, incidents and freezes."""

from __future__ import annotations

from bot.facts import markers
from bot.facts.actions import CloseFreeze, OpenFreeze, OpenIncident, Reply, SetLabel, UpsertComment
from bot.github.api import Api, ApiError, path
from bot.github.read.issue_reader import IssueReader
from bot.report import letters


class ThreadWriter:
    """Writes to the issues and pull requests of one repository. Each returns the writes made."""

    def __init__(self, api: Api, repository: str, issues: IssueReader) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))
        self._issues = issues

    def comment(self, action: UpsertComment) -> int:
        """Write the comment unless it has this text already."""
        if action.existing is None:
            url = f"{self._base}/issues/{action.number}/comments"
            self._api.write("POST", url, {"body": action.body})
            return 1
        if _same_text(action.shown, action.body):
            return 0
        url = f"{self._base}/issues/comments/{action.existing}"
        self._api.write("PATCH", url, {"body": action.body})
        return 1

    def reply(self, action: Reply) -> int:
        """Answer a command; the decision saw that there was no answer yet."""
        body = {"body": f"{action.marker}\n{action.body}"}
        if action.existing is None:
            self._api.write("POST", f"{self._base}/issues/{action.number}/comments", body)
        else:
            self._api.write("PATCH", f"{self._base}/issues/comments/{action.existing}", body)
        return 1

    def label(self, action: SetLabel) -> int:
        """Put a label on, or take it off; one that is gone already is as it should be."""
        url = f"{self._base}/issues/{action.number}/labels"
        if action.present:
            self._api.write("POST", url, {"labels": [action.label]})
            return 1
        try:
            self._api.write("DELETE", url + path(action.label), {})
        except ApiError as error:
            if error.status != 404:
                raise
        return 1

    def incident(self, action: OpenIncident) -> int:
        """Open the incident once; what people write into it afterwards is theirs."""
        if self._issues.incident(action.model, action.version) is not None:
            return 0
        marker = markers.incident_marker(action.model, action.version)
        body = {
            "title": action.title,
            "body": f"{marker}\n{action.body}",
            "labels": [markers.INCIDENT_LABEL],
        }
        self._api.write("POST", f"{self._base}/issues", body)
        return 1

    def freeze(self, action: OpenFreeze) -> int:
        """Freeze all promotions, unless they are frozen meanwhile."""
        newest = self._issues.freeze()
        if newest is not None and newest.is_open:
            return 0
        marker = markers.FREEZE_MARKER
        body = {
            "title": markers.FREEZE_TITLE + action.reason[:200],
            "body": letters.freeze_body(marker, action.reason, action.by, action.pull),
            "labels": [markers.FREEZE_LABEL],
        }
        self._api.write("POST", f"{self._base}/issues", body)
        return 1

    def end_freeze(self, action: CloseFreeze) -> int:
        """Close a freeze, or open it again."""
        state = "open" if action.reopen else "closed"
        self._api.write("PATCH", f"{self._base}/issues/{action.number}", {"state": state})
        return 1


def _same_text(shown: str, wanted: str) -> bool:
    """Return whether a comment already reads so; GitHub may turn line ends and trim."""
    return shown.replace("\r\n", "\n").strip() == wanted.replace("\r\n", "\n").strip()
