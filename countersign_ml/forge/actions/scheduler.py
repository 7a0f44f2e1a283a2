"""From run to jobs to scripts: what can begin, on which runner, and how a run ends.

One worker serves GitHub-hosted labels, one self-hosted ones; each runs one job at a time. All
bookkeeping happens under the world's lock, all commands outside it.
"""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Any

from countersign_ml.forge.actions.actions_reports import Reports
from countersign_ml.forge.actions.concurrency_groups import Groups, Ticket
from countersign_ml.forge.actions.workflow_job import JobExecution, github_context
from countersign_ml.forge.request.auth import mint
from countersign_ml.forge.state.account_records import Json, Token
from countersign_ml.forge.state.actions_records import Job, Run
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World
from countersign_ml.forge.workflow.expressions import (
    RefusalError,
    as_text,
    evaluate,
    holds,
    interpolate,
)

HOSTED = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04")
READ_ONLY = {"contents": "read", "metadata": "read", "packages": "read"}
ALL = (
    "actions",
    "checks",
    "contents",
    "deployments",
    "issues",
    "metadata",
    "packages",
    "pull_requests",
    "statuses",
)
log = logging.getLogger("forge.actions")


class Scheduler:
    """The concurrency groups, the runners' queues, and the two workers."""

    def __init__(
        self, world: World, reports: Reports, tools: Path | None, environment: dict[str, str]
    ) -> None:
        self._world, self._tools, self._environment = world, tools, environment
        self.reports = reports
        self._groups = Groups()
        self._tickets: dict[int, tuple[tuple[int, str], Ticket]] = {}
        self._queues: dict[str, queue.Queue[tuple[Repository, Run, Job] | None]] = {
            "hosted": queue.Queue(),
            "self-hosted": queue.Queue(),
        }
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(line,), name=f"forge-{kind}", daemon=True)
            for kind, line in self._queues.items()
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the scripts under way and the workers."""
        self._stopped.set()
        for line in self._queues.values():
            line.put(None)
        for thread in self._threads:
            thread.join()

    def enter(self, record: Repository, run: Run) -> None:
        """Begin a run, or make it wait for its concurrency group; RefusalError for a bad group."""
        assert run.plan is not None
        group, cancel = self._group(run.plan.concurrency, self._scope(record, run))
        self.reports.run(record, run, "requested")
        if group is None:
            self._advance(record, run)
            return
        run.status = "pending"
        ticket = Ticket(lambda: self._advance(record, run), lambda: self.cancel(record, run))
        self._tickets[run.id] = ((record.id, group), ticket)
        self._groups.enter((record.id, group), ticket, cancel_running=cancel)

    def _scope(self, record: Repository, run: Run) -> Json:
        needs = {
            job.key: {"result": job.conclusion, "outputs": job.outputs}
            for job in run.jobs.values()
            if job.status == "completed"
        }
        return {
            "github": github_context(self._world, record, run, ""),
            "inputs": run.inputs,
            "vars": record.variables,
            "needs": needs,
        }

    def _group(self, given: Any, scope: Json) -> tuple[str | None, bool]:
        if given is None:
            return None, False
        data = given if isinstance(given, dict) else {"group": given}
        unknown = set(data) - {"group", "cancel-in-progress"}
        if unknown or "group" not in data:
            raise RefusalError(f"concurrency: {sorted(unknown) or 'group'} is not understood")
        cancel = as_text(interpolate(data.get("cancel-in-progress", False), scope))
        return as_text(interpolate(data["group"], scope)), cancel.lower() == "true"

    def _advance(self, record: Repository, run: Run) -> None:
        """Queue or skip every job whose needs have ended; conclude the run after the last."""
        moved = True
        while moved:
            moved = False
            for job in run.jobs.values():
                assert job.plan is not None
                needs = [run.jobs[need] for need in job.plan.needs]
                if job.status == "waiting" and all(n.status == "completed" for n in needs):
                    self._decide(record, run, job)
                    moved = True
        if all(job.status == "completed" for job in run.jobs.values()):
            self._conclude(record, run)

    def _decide(self, record: Repository, run: Run, job: Job) -> None:
        assert job.plan is not None
        before = self._ancestors(run, job)
        results = [other.conclusion for other in before]

        def status(word: str) -> bool:
            cancelled = run.cancelled.is_set()
            return {
                "always": True,
                "cancelled": cancelled,
                "failure": "failure" in results and not cancelled,
                "success": all(r == "success" for r in results) and not cancelled,
            }[word]

        scope = self._scope(record, run)
        try:
            group, cancel = None, False
            goes = holds(job.plan.condition, scope, status)
            job.name = as_text(interpolate(job.name, scope))
            if goes:
                job.labels = self._labels(job, scope)
                group, cancel = self._group(job.plan.concurrency, scope)
        except RefusalError as refusal:
            run.message = run.message or str(refusal)
            job.log.write_text(f"{refusal}\n", encoding="utf-8")
            self._end(record, run, job, "failure")
            return
        if not goes:
            self._end(record, run, job, "cancelled" if run.cancelled.is_set() else "skipped")
            return
        job.status = "queued"
        run.status = "queued" if run.status in ("queued", "pending") else run.status
        self.reports.job_queued(record, run, job)
        kind = "self-hosted" if "self-hosted" in job.labels else "hosted"
        if group is None:
            self._queues[kind].put((record, run, job))
            return
        ticket = Ticket(
            lambda: self._queues[kind].put((record, run, job)), lambda: self.cancel(record, run)
        )
        self._tickets[job.id] = ((record.id, group), ticket)
        self._groups.enter((record.id, group), ticket, cancel_running=cancel)

    def _ancestors(self, run: Run, job: Job) -> list[Job]:
        found: dict[str, Job] = {}
        line = list(job.plan.needs if job.plan else ())
        while line:
            key = line.pop()
            if key not in found:
                found[key] = run.jobs[key]
                plan = run.jobs[key].plan
                line += plan.needs if plan else ()
        return list(found.values())

    def _labels(self, job: Job, scope: Json) -> list[str]:
        assert job.plan is not None
        given = job.plan.runs_on
        whole = given.strip() if isinstance(given, str) else ""
        if whole.startswith("${{") and whole.endswith("}}") and whole.count("${{") == 1:
            given = evaluate(whole[3:-2], scope)
        if isinstance(given, dict):
            raise RefusalError(f"jobs.{job.key}.runs-on: runner groups are not known here")
        given = given if isinstance(given, list) else [given]
        labels = [as_text(interpolate(label, scope)) for label in given]
        if "self-hosted" not in labels and not (len(labels) == 1 and labels[0] in HOSTED):
            raise RefusalError(
                f"jobs.{job.key}.runs-on: no runner here has the label "
                f"{', '.join(labels)!r}; there are self-hosted and {', '.join(HOSTED)}"
            )
        return labels

    def cancel(self, record: Repository, run: Run) -> None:
        """Cancel a run: stop its scripts and skip what has not begun, except `if: always()`."""
        if run.status == "completed":
            return
        run.cancelled.set()
        started = any(job.status == "in_progress" for job in run.jobs.values())
        for job in run.jobs.values():
            if job.status == "queued" or (job.status == "waiting" and not started):
                self._end(record, run, job, "cancelled")
        self._advance(record, run)

    def _conclude(self, record: Repository, run: Run) -> None:
        if run.status == "completed":
            return
        results = [
            job.conclusion
            for job in run.jobs.values()
            if not (job.conclusion == "failure" and job.plan and job.plan.may_fail is True)
        ]
        run.status = "completed"
        if "failure" in results:
            run.conclusion = "failure"
        elif run.cancelled.is_set() or "cancelled" in results:
            run.conclusion = "cancelled"
        else:
            skipped = all(result == "skipped" for result in results) and results
            run.conclusion = "skipped" if skipped else "success"
        self.reports.run(record, run, "completed")
        self._leave(run.id)

    def _leave(self, number: int) -> None:
        held = self._tickets.pop(number, None)
        if held is not None:
            self._groups.leave(*held)

    def _end(self, record: Repository, run: Run, job: Job, conclusion: str) -> None:
        job.status, job.conclusion, job.completed = "completed", conclusion, self._world.clock()
        self.reports.job_ended(record, run, job)
        self._leave(job.id)

    def _work(self, line: queue.Queue[tuple[Repository, Run, Job] | None]) -> None:
        while (item := line.get()) is not None and not self._stopped.is_set():
            try:
                self._carry_out(*item)
            except Exception:
                record, run, job = item
                log.exception("job %s of run %s broke the stand-in", job.key, run.id)
                with self._world.lock:
                    run.message = run.message or "the stand-in itself failed; see its log"
                    self._end(record, run, job, "failure")
                    self._advance(record, run)

    def _carry_out(self, record: Repository, run: Run, job: Job) -> None:
        world = self._world
        with world.lock:
            if job.status != "queued":
                return  # cancelled while it waited
            self._mark_started(record, run, job)
            token = self._token(record, run, job)
            before = job.plan.needs if job.plan else ()
            done = self._scope(record, run)["needs"]
            needs = {key: result for key, result in done.items() if key in before}
            deployment = self.reports.job_started(record, run, job)
        conclusion = "failure"
        try:
            execution = JobExecution(
                world,
                record,
                run,
                job,
                token=token.value,
                needs=needs,
                tools=self._tools,
                extra=self._environment,
                stopped=self._stopped.is_set,
            )
            conclusion = execution.carry_out()
            job.annotations = execution.log.annotations
        except RefusalError as refusal:
            run.message = run.message or str(refusal)
            with job.log.open("a", encoding="utf-8") as file:
                file.write(f"{refusal}\n")
        with world.lock:
            world.tokens.pop(token.value, None)
            self.reports.deployed(record, deployment, conclusion)
            self._end(record, run, job, conclusion)
            self._advance(record, run)

    def _mark_started(self, record: Repository, run: Run, job: Job) -> None:
        job.status, job.started = "in_progress", self._world.clock()
        if run.status != "in_progress":
            run.status, run.started = "in_progress", self._world.clock()
            self.reports.run(record, run, "in_progress")

    def _token(self, record: Repository, run: Run, job: Job) -> Token:
        """The job's GITHUB_TOKEN, with the job's permissions or else the workflow's."""
        assert job.plan is not None
        assert run.plan is not None
        own = job.plan.permissions
        granted = own if own is not None else run.plan.permissions
        return mint(
            self._world,
            self.reports.app,
            permissions_of(granted, read_only=run.fork is not None),
            frozenset({record.id}),
            quiet=True,
            lifetime=86_400,
        )


def permissions_of(given: Any, *, read_only: bool = False) -> dict[str, str]:
    """What GITHUB_TOKEN may do; read-only contents by default.

    `read_only` is for a pull request from a fork: no workflow file can grant more.
    """
    if read_only:
        return {name: "read" for name, level in permissions_of(given).items() if level != "none"}
    if given is None:
        return dict(READ_ONLY)
    if given == "read-all":
        return dict.fromkeys(ALL, "read")
    if given == "write-all":
        return dict.fromkeys(ALL, "write") | {"metadata": "read"}
    return {"metadata": "read"} | {
        name.replace("-", "_"): level
        for name, level in given.items()
        if name.replace("-", "_") in ALL
    }
