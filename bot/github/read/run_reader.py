"""Workflow runs of one key, with the evidence of those that can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from bot.facts.actions import run_title
from bot.facts.model_facts import Run
from bot.facts.trusted_runs import is_trusted
from bot.github.api import Api, ApiError, path
from bot.github.read.artifact_zip import MAX_ZIP_BYTES, ArtifactError, evidence_in

PAGES = 3
"""Runs are looked for among the latest 300 of a workflow; what is older has lost its artifacts."""


class Runs:
    """Reads one repository's workflow runs."""

    def __init__(self, api: Api, repository: str, branch: str, bot: str = "") -> None:
        """Read runs of `branch`; without `bot`, this App's login, none of them is trusted."""
        self._api = api
        self._bot = bot
        self._repository = repository
        self._branch = branch
        self._base = path("repos", *repository.split("/")) + "/actions"

    def of_key(
        self,
        workflow: str,
        model: str,
        key: str,
        earlier: Iterable[str] = (),
        seen: Collection[str] | None = None,
    ) -> tuple[Run, ...]:
        """Return the runs of a key and of `earlier` keys, with their evidence.

        With `seen` also the model's other runs that ended and whose keys are not among them.
        """
        title = run_title(workflow, model, key)
        titles = {title, *(run_title(workflow, model, other) for other in earlier)}
        found: list[Run] = []
        for item in self._listing(workflow):
            run = _run(item)
            unseen = run.title not in titles
            if unseen and not _is_unseen(run, workflow, model, seen):
                continue
            trusted = is_trusted(
                run,
                workflow=workflow,
                repository=self._repository,
                branch=self._branch,
                bot=self._bot,
            )
            if trusted:
                began = str(item.get("run_started_at") or run.created)
                name = f"evidence-{run.title.rpartition(' ')[2]}"
                found.extend(self._left(run, name) if unseen else self._attempts(run, name, began))
            elif not unseen:
                found.append(run)
        return tuple(found)

    def _left(self, run: Run, name: str) -> list[Run]:
        """Return a completed run of another proposal once for each artifact.

        One that left none is asked for once; nothing can be added to it any more.
        """
        known = f"{self._base} run {run.id} attempt {run.attempt} left nothing"
        if self._api.recall(known):
            return []
        read = [one for one in self._attempts(run, name, "") if one.evidence is not None]
        if not read:
            self._api.remember(known)
        return read

    def _listing(self, workflow: str) -> Iterator[dict[str, Any]]:
        url = f"{self._base}/workflows/{workflow}/runs"
        asked = {"event": "workflow_dispatch", "branch": self._branch}
        try:
            yield from self._api.pages(url, asked, inside="workflow_runs", most=PAGES)
        except ApiError as error:
            if error.status != 404:  # 404: the repository has no such workflow yet
                raise

    def newest(self, workflow: str, model: str, key: str) -> int:
        """Return the id of the newest run of a key; 0 without one."""
        title = run_title(workflow, model, key)
        ids = [int(i["id"]) for i in self._listing(workflow) if i.get("display_title") == title]
        return max(ids, default=0)

    def on_push(self, workflow: str, sha: str) -> dict[str, Any] | None:
        """Return the newest run of a workflow that a push of `sha` started."""
        url = f"{self._base}/workflows/{workflow}/runs"
        found = self._api.find(url, {"event": "push", "head_sha": sha, "branch": self._branch})
        runs = found["workflow_runs"] if found else []
        latest: dict[str, Any] | None = max(runs, key=lambda run: int(run["id"]), default=None)
        return latest

    def _attempts(self, run: Run, name: str, began: str) -> list[Run]:
        """Return a run once for each artifact that its attempts left, oldest first.

        While a later attempt is under way, only what was there before it `began` counts: those
        attempts are completed.
        """
        done = run.status == "completed"
        if not done and run.attempt == 1:
            return [run]
        named = self._artifacts(run, name, began)
        if done and not named:
            return [replace(run, problem=f"it left no artifact {name}")]
        left = replace(run, status="completed")
        read = [self._with_evidence(left, item, name) for item in named]
        return read if done else [*read, run]

    def _artifacts(self, run: Run, name: str, began: str) -> list[dict[str, Any]]:
        """Return the artifacts that count; of a completed attempt they are listed once.

        Nothing can be added to it any more, and who deletes one takes nothing back that was read.
        """
        url = f"{self._base}/runs/{run.id}/artifacts"
        done = run.status == "completed"
        known = f"{url} attempt {run.attempt} {name}"
        kept: list[dict[str, Any]] | None = self._api.recall(known) if done else None
        if kept is not None:
            return kept
        listed = self._api.pages(url, inside="artifacts", most=3)
        named = left_behind(listed, name, before="" if done else began)
        if done and named:
            self._api.remember(known, named)
        return named

    def _with_evidence(self, run: Run, item: dict[str, Any], name: str) -> Run:
        run = replace(run, artifact=int(item["id"]))
        if int(item["size_in_bytes"]) > MAX_ZIP_BYTES:
            return replace(run, problem=f"its artifact is larger than {MAX_ZIP_BYTES} bytes")
        try:
            place = f"{self._base}/artifacts/{run.artifact}/zip"
            content = self._api.kept(place, lambda: self._api.download(place, MAX_ZIP_BYTES))
            return replace(run, evidence=evidence_in(content))
        except ArtifactError as error:
            return replace(run, problem=str(error))
        except ApiError as error:
            if error.status not in (404, 410, 413):
                raise
            return replace(run, problem=f"its artifact {name} is gone")


def _is_unseen(run: Run, workflow: str, model: str, seen: Collection[str] | None) -> bool:
    """Return whether a run ended that measured the model, and whose key is not among `seen`."""
    key = run.title.rpartition(" ")[2]
    own = run.title == run_title(workflow, model, key)
    return seen is not None and own and run.status == "completed" and key not in seen


def left_behind(
    listed: Iterable[dict[str, Any]], name: str, *, before: str = ""
) -> list[dict[str, Any]]:
    """Return the artifacts of a name that can still be read, oldest first.

    With `before` (a time as the API writes it) only those of attempts that ended by then: GitHub
    lists what every attempt of a run left, under one name.
    """
    named = (
        item
        for item in listed
        if item["name"] == name
        and not item.get("expired")
        and (not before or str(item["created_at"]) < before)
    )
    return sorted(named, key=lambda item: int(item["id"]))


def _run(item: dict[str, Any]) -> Run:
    return Run(
        id=int(item["id"]),
        path=str(item["path"]),
        title=str(item.get("display_title") or ""),
        event=str(item["event"]),
        branch=str(item.get("head_branch") or ""),
        repository=str(item["head_repository"]["full_name"]) if item.get("head_repository") else "",
        status=str(item["status"]),
        conclusion=item.get("conclusion"),
        created=str(item["created_at"]),
        url=str(item["html_url"]),
        actor=str(item["actor"]["login"]) if item.get("actor") else "",
        attempt=int(item.get("run_attempt") or 1),
    )
