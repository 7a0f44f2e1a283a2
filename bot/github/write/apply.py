"""Do what was decided: read, compare, write; after an unclear answer read again, never repeat.

The order makes every stop harmless: what costs most is found again by its key (a run), its content
(a commit) or its marker (an issue, the comment), so the next evaluation continues from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from bot.facts.actions import (
    Action,
    CancelRun,
    CloseFreeze,
    CommitRelease,
    CreateDeployment,
    DispatchRun,
    LookAgain,
    MarkMerged,
    Merge,
    OpenFreeze,
    OpenIncident,
    PostCheck,
    ProposeRollback,
    RecordAttempt,
    RecordLook,
    RecordMeasured,
    RecordSignOff,
    Reply,
    SetDeploymentStatus,
    SetLabel,
    UpsertComment,
)
from bot.facts.bot_sentences import TITLES, foreign_tag, refused_tag
from bot.facts.markers import CHECK_NAME, MERGED_NAME
from bot.facts.snapshot import PostedCheck
from bot.github.api import Api, ApiError, path
from bot.github.read.run_reader import Runs
from bot.github.read.snapshot_reader import Reader
from bot.github.write.git_writer import Applied, GitWriter
from bot.github.write.tag_writer import ForeignTagError, RefusedTagError, TagWriter
from bot.github.write.thread_writer import ThreadWriter
from countersign_ml.markdown import code, plain

log = logging.getLogger("countersign.bot")
VISIBLE_AFTER_SECONDS = (0.2, 0.5, 1, 2, 4, 8)
"""How long a dispatched run may take to appear in the listing, tried in these steps."""


class Writer:
    """Applies actions to one repository."""

    def __init__(
        self,
        api: Api,
        repository: str,
        reader: Reader,
        branch: str,
        signing_key: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._repository = repository
        self._base = path("repos", *repository.split("/"))
        self._branch = branch
        self._reader = reader
        self._sleep = sleep
        self._threads = ThreadWriter(api, repository, reader.issues)
        self._git = GitWriter(api, repository)
        self._tags = TagWriter(api, repository, signing_key)

    def apply(
        self, actions: Iterable[Action], checks: tuple[PostedCheck, ...] = (), *, last: bool = False
    ) -> Applied:
        """Carry out the actions in order; a lost race ends it, and the next evaluation decides.

        `last`: no other evaluation follows at once, so what GitHub refused is said on the check.
        """
        writes, barred = 0, ""
        started = again = looked = unrecorded = False
        for action in actions:
            if started and not isinstance(action, DispatchRun):
                return Applied(writes, look_again=True)
            if looked and not barred and not isinstance(action, RecordLook):
                return Applied(writes, look_again=True)
            if unrecorded and isinstance(action, DispatchRun | CommitRelease | RecordSignOff):
                continue  # it relies on a record
            match action:
                case LookAgain():
                    return Applied(writes, look_again=True)
                case PostCheck():
                    writes += self._check(_barring(action, barred), checks)
                case DispatchRun():
                    try:
                        started = self._dispatch(action) or started
                        writes += 1
                    except ApiError as error:
                        if error.status not in (403, 404, 422):
                            raise
                        barred = _cannot_start(action, error.message)
                case CommitRelease():
                    done = self._git.release(action)
                    writes += done.writes
                    if not done.refused or (done.look_again and not last):
                        return replace(done, writes=writes)
                    barred = _cannot_release(action, done.refused)
                case RecordSignOff() | RecordMeasured() | RecordAttempt() | RecordLook():
                    done = self._record(action)
                    if done.look_again and not last:
                        return replace(done, writes=writes)
                    writes += done.writes
                    unrecorded = unrecorded or bool(done.refused)
                    barred = barred or done.refused
                    looked = looked or isinstance(action, RecordLook)
                    again = again or (isinstance(action, RecordAttempt) and not done.refused)
                case Merge():
                    return Applied(writes) if barred else self._merge(action, writes)
                case _:
                    writes += self._plain(action)
        return Applied(writes, look_again=again)

    def _record(
        self, action: RecordSignOff | RecordMeasured | RecordAttempt | RecordLook
    ) -> Applied:
        """Sign a record into its tag; `refused` says why that cannot be.

        `look_again`: it may be there already with other facts, which were not known here.
        """
        try:
            match action:
                case RecordSignOff():
                    return Applied(self._tags.record(action))
                case RecordMeasured():
                    return Applied(self._tags.measured(action))
                case RecordAttempt():
                    return Applied(self._tags.attempt(action))
                case RecordLook():
                    return Applied(self._tags.look(action))
        except ForeignTagError as error:
            own = str(error) == action.record.tag()
            again = own and not isinstance(action, RecordSignOff)
            return Applied(look_again=again, refused=foreign_tag(str(error)))
        except RefusedTagError as error:
            return Applied(refused=refused_tag(*error.args))

    def _plain(self, action: Action) -> int:
        """Carry out one action after which nothing has to be looked at again."""
        match action:
            case UpsertComment():
                return self._threads.comment(action)
            case Reply():
                return self._threads.reply(action)
            case SetLabel():
                return self._threads.label(action)
            case OpenIncident():
                return self._threads.incident(action)
            case OpenFreeze():
                return self._threads.freeze(action)
            case CloseFreeze():
                return self._threads.end_freeze(action)
            case ProposeRollback():
                return self._git.undo(action)
            case CancelRun():
                return self._cancel(action)
            case MarkMerged():
                return self._mark(action)
            case CreateDeployment():
                return self._deployment(action)
            case SetDeploymentStatus():
                return self._deployment_status(action)
            case _:
                raise TypeError(f"no such action: {type(action).__name__}")

    def _check(self, action: PostCheck, checks: tuple[PostedCheck, ...]) -> int:
        """Post the check unless our newest one says exactly this.

        A finished check that has to run again becomes a new one: what GitHub shows is the newest.
        """
        newest = checks[-1] if checks else None
        status = "completed" if action.conclusion else "in_progress"
        if (
            newest is not None
            and newest.fingerprint == action.fingerprint
            and (newest.status, newest.conclusion) == (status, action.conclusion)
        ):
            return 0
        output: dict[str, object] = {"title": action.title, "summary": action.summary}
        if action.text:
            output["text"] = action.text
        body: dict[str, object] = {
            "name": CHECK_NAME,
            "status": status,
            "external_id": action.fingerprint,
            "output": output,
        }
        if action.conclusion:
            body["conclusion"] = action.conclusion
        reopened = newest is not None and newest.status == "completed" and not action.conclusion
        fresh = newest is None or reopened or (action.annotations and newest.annotations)
        if action.annotations:
            output["annotations"] = [
                {
                    "path": note.path,
                    "start_line": note.line,
                    "end_line": note.line,
                    "annotation_level": note.level,
                    "message": note.message,
                    "title": note.title,
                }
                for note in action.annotations
            ]
        if fresh or newest is None:
            body["head_sha"] = action.head
            self._api.write("POST", f"{self._base}/check-runs", body)
        else:
            self._api.write("PATCH", f"{self._base}/check-runs/{newest.id}", body)
        return 1

    def _mark(self, action: MarkMerged) -> int:
        """Record how a merge was judged, and post its check; the decision saw that there is none.

        If somebody else wrote the record's tag, the audit says so; the check is posted anyway.
        """
        writes = 1
        with suppress(ForeignTagError, RefusedTagError):
            writes += self._tags.merged(action)
        body = {
            "name": MERGED_NAME,
            "head_sha": action.record.commit,
            "status": "completed",
            "conclusion": "success" if action.record.outcome == "passed" else "failure",
            "output": {"title": action.title, "summary": action.summary},
        }
        self._api.write("POST", f"{self._base}/check-runs", body)
        return writes

    def _dispatch(self, action: DispatchRun) -> bool:
        """Start the run, wait for it, and return whether the listing shows it.

        A dispatch answers before its run exists; who decides again in between would start a second.
        """
        url = f"{self._base}/actions/workflows/{action.workflow}/dispatches"
        try:
            ref = f"refs/heads/{action.ref}"  # a tag may have the branch's name
            self._api.write("POST", url, {"ref": ref, "inputs": action.inputs})
        except ApiError as error:
            if not error.unknown or not self._appears(action):
                raise
            return True
        shown = self._appears(action)
        if not shown:
            log.warning("%s: the run %s has not appeared yet", self._repository, action.title)
        return shown

    def _appears(self, action: DispatchRun) -> bool:
        runs = Runs(self._api, self._repository, self._branch)
        for seconds in VISIBLE_AFTER_SECONDS:
            if runs.newest(action.workflow, action.model, action.key) > action.after:
                return True
            self._sleep(seconds)
        return runs.newest(action.workflow, action.model, action.key) > action.after

    def _cancel(self, action: CancelRun) -> int:
        """Stop a run; one that ended meanwhile answers 409, which is as well."""
        try:
            self._api.write("POST", f"{self._base}/actions/runs/{action.run}/cancel", {})
        except ApiError as error:
            if error.status != 409:
                raise
        return 1

    def _merge(self, action: Merge, writes: int) -> Applied:
        """Merge this very head into this very base; 405 and 409: GitHub knows better, so it ends.

        GitHub checks the head. The base is read here, so it can move only between the two requests;
        the merge is judged again afterwards.
        """
        if self._reader.branch_head(self._branch) != action.base:
            return Applied(writes, look_again=True)
        body = {
            "sha": action.head,
            "merge_method": action.method,
            "commit_title": action.title,
        }
        try:
            self._api.write("PUT", f"{self._base}/pulls/{action.number}/merge", body)
        except ApiError as error:
            if error.unknown or error.status in (405, 409, 422):
                log.warning("merge of #%s refused: %s", action.number, error)
                moved = error.unknown or error.status == 409
                return Applied(writes, look_again=moved, refused=error.message)
            raise
        return Applied(writes + 1, look_again=True)

    def _deployment(self, action: CreateDeployment) -> int:
        body = {
            "ref": action.sha,
            "task": "deploy",
            "environment": action.model,
            "auto_merge": False,
            "required_contexts": [],
            "description": f"{action.model} {action.version}",
            "payload": {
                "model": action.model,
                "version": action.version,
                "artifact": action.artifact,
                "pointer": action.pointer,
            },
        }
        self._api.write("POST", f"{self._base}/deployments", body)
        return 1

    def _deployment_status(self, action: SetDeploymentStatus) -> int:
        url = f"{self._base}/deployments/{action.deployment}/statuses"
        body = {"state": action.state, "log_url": action.url, "auto_inactive": True}
        self._api.write("POST", url, body)
        return 1


def _barring(action: PostCheck, reason: str) -> PostCheck:
    """Return the check, red with `reason` if GitHub would not start a run."""
    if not reason:
        return action
    title = TITLES["failed"]
    return replace(action, conclusion="failure", title=title, summary=reason)


def _cannot_start(action: DispatchRun, reason: str) -> str:
    return (
        f"The run cannot be started: {plain(reason)}. Check that .github/workflows/"
        f"{action.workflow} is on {action.ref}, that Actions are enabled, and that the App may "
        "write to Actions."
    )


def _cannot_release(action: CommitRelease, reason: str) -> str:
    return (
        f"The release commit cannot be added to {code(action.branch)}: {plain(reason)}. Allow the "
        "App to push to that branch, or propose from another one."
    )
