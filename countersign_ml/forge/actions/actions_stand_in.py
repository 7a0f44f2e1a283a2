"""The Actions stand-in: events start runs of the repository's own workflow files."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

from countersign_ml.forge.actions.actions_reports import Reports
from countersign_ml.forge.actions.scheduler import Scheduler
from countersign_ml.forge.actions.workflow_job import run_title
from countersign_ml.forge.actions.workflow_triggers import FOLDER, Occasion, occasions, wants
from countersign_ml.forge.shapes.shapes_common import user
from countersign_ml.forge.shapes.shapes_repo import repository
from countersign_ml.forge.state.account_records import Account, Json
from countersign_ml.forge.state.actions_records import Attempt, Job, Run, Step, WorkflowFile
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import Event, World
from countersign_ml.forge.workflow.expressions import RefusalError
from countersign_ml.forge.workflow.workflow_plan import WorkflowPlan, load, parse, triggers


class Actions:
    """From event to run."""

    def __init__(self, world: World, tools: Path | None, environment: dict[str, str]) -> None:
        self._world = world
        self.reports = Reports(world)
        self._scheduler = Scheduler(world, self.reports, tools, environment)
        self._numbers: dict[tuple[int, str], itertools.count[int]] = {}

    @property
    def pending(self) -> int:
        """Runs that have not been completed."""
        with self._world.lock:
            return sum(
                run.status != "completed"
                for record in self._world.repositories.values()
                for run in record.runs.values()
            )

    def start(self) -> None:
        """Start the workers."""
        self._scheduler.start()

    def stop(self) -> None:
        """End the scripts under way and the workers."""
        self._scheduler.stop()

    def cancel(self, record: Repository, run: Run) -> None:
        """Cancel a run."""
        self._scheduler.cancel(record, run)

    def on_event(self, event: Event) -> None:
        """Start every workflow that the event triggers; events of a GITHUB_TOKEN start none."""
        record = event.repository
        if event.name == "push" and event.ref == f"refs/heads/{record.default_branch}":
            self.register(record)
        if event.quiet or record.parent is not None:  # a fork's workflows are off
            return
        for occasion in occasions(record, event):
            for path, text in self._files(record, occasion.source):
                self._consider(record, occasion, event, path, text)

    def on_schedule(self, record: Repository, name: str) -> None:
        """Start one workflow as its schedule would."""
        ref = f"refs/heads/{record.default_branch}"
        tip = record.store.ref(ref)
        path = f"{FOLDER}/{name}"
        raw = record.store.file(tip, path) if tip else None
        if tip is None or raw is None:
            raise RefusalError(f"{path} does not exist on {record.default_branch}")
        text = raw.decode(errors="replace")
        if "schedule" not in triggers(path, load(path, text)):
            raise RefusalError(f"{path} has no schedule")
        occasion = Occasion("schedule", tip, tip, ref, tip, record.default_branch)
        self.begin(record, occasion, path, text, {"schedule": "* * * * *"}, {}, record.owner)

    def register(self, record: Repository) -> None:
        """List the default branch's workflow files for the API."""
        tip = record.store.ref(f"refs/heads/{record.default_branch}")
        for path, text in self._files(record, tip) if tip else []:
            self._file(record, path, text)

    def _files(self, record: Repository, sha: str) -> list[tuple[str, str]]:
        return [
            (entry.path, record.store.blob(entry.sha).decode(errors="replace"))
            for entry in record.store.tree(sha, path=f"{FOLDER}/")
            if entry.kind == "blob" and entry.path.endswith((".yml", ".yaml"))
        ]

    def _file(self, record: Repository, path: str, text: str) -> WorkflowFile:
        now = self._world.clock()
        found = record.workflows.get(path)
        if found is None:
            found = WorkflowFile(self._world.take_id(), path, path, now, now)
            record.workflows[path] = found
        try:
            found.name = str(load(path, text).get("name") or path)
        except RefusalError:
            found.name = path
        return found

    def _consider(
        self, record: Repository, occasion: Occasion, event: Event, path: str, text: str
    ) -> None:
        try:
            on = triggers(path, load(path, text))
        except RefusalError as refusal:
            if occasion.name == "push":
                self._refused(record, occasion, path, text, event.sender, str(refusal))
            return
        filters = on.get(occasion.name)
        if filters is None or not wants(record, occasion, filters, event):
            return
        payload = {
            **({"action": event.action} if event.action else {}),
            "repository": repository(self._world, record),
            **event.payload,
            "sender": user(self._world, event.sender),
        }
        self.begin(record, occasion, path, text, payload, {}, event.sender)

    def _refused(
        self,
        record: Repository,
        occasion: Occasion,
        path: str,
        text: str,
        actor: Account,
        message: str,
    ) -> None:
        run = self._new(record, occasion, path, text, {}, {}, actor)
        self._conclude_refused(record, run, message)

    def _conclude_refused(self, record: Repository, run: Run, message: str) -> None:
        run.message = message
        (run.folder / "refusal.log").write_text(f"{message}\n", encoding="utf-8")
        self.reports.run(record, run, "requested")
        run.status, run.conclusion = "completed", "failure"
        self.reports.run(record, run, "completed")

    def _new(
        self,
        record: Repository,
        occasion: Occasion,
        path: str,
        text: str,
        payload: Json,
        inputs: Json,
        actor: Account,
    ) -> Run:
        now = self._world.clock()
        counter = self._numbers.setdefault((record.id, path), itertools.count(1))
        number = self._world.take_id()
        folder = self._world.root / "runs" / str(number)
        folder.mkdir(parents=True)
        run = Run(
            number,
            self._file(record, path, text),
            next(counter),
            occasion.name,
            occasion.ref,
            occasion.branch,
            occasion.sha,
            occasion.head_sha,
            actor,
            payload,
            inputs,
            folder,
            now,
            now,
            suite=self._world.take_id(),
            fork=occasion.fork,
        )
        record.runs[number] = run
        run.title = run_title(self._world, record, run)
        return run

    def begin(
        self,
        record: Repository,
        occasion: Occasion,
        path: str,
        text: str,
        payload: Json,
        inputs: Json,
        actor: Account,
    ) -> Run:
        """Start a run; a refused workflow gives a failed run with the reason."""
        run = self._new(record, occasion, path, text, payload, inputs, actor)
        try:
            run.plan = parse(path, text)
            run.title = run_title(self._world, record, run)
            self._lay_out(run, run.plan, run.folder)
            self._scheduler.enter(record, run)
        except RefusalError as refusal:
            run.jobs.clear()
            self._conclude_refused(record, run, str(refusal))
        return run

    def _lay_out(self, run: Run, plan: WorkflowPlan, folder: Path) -> None:
        """Create a waiting job for each job of the plan, with its log in `folder`."""
        for key, each in plan.jobs.items():
            steps = [
                Step(n, s.name or (f"Run {s.uses}" if s.uses else _first(s.run)))
                for n, s in enumerate(each.steps, 1)
            ]
            run.jobs[key] = Job(
                self._world.take_id(),
                key,
                each.name,
                [],
                self._world.clock(),
                folder / f"{key}.log",
                each,
                "waiting",
                steps=steps,
                attempt=run.attempt,
            )

    def rerun(self, record: Repository, run: Run, by: Account) -> None:
        """Begin a new attempt: same commit and file, all jobs again; uploads stay."""
        if run.plan is None or not run.jobs:
            raise RefusalError("This workflow run cannot be retried")
        run.earlier.append(
            Attempt(
                run.attempt,
                run.status,
                run.conclusion,
                run.started,
                run.updated,
                run.rerun_by or run.actor,
                run.jobs,
            )
        )
        run.attempt, run.rerun_by, run.jobs = run.attempt + 1, by, {}
        run.status, run.conclusion, run.started, run.message = "queued", None, None, ""
        run.cancelled = threading.Event()
        folder = run.folder / str(run.attempt)  # a job's key is never a number
        folder.mkdir()
        self._lay_out(run, run.plan, folder)
        self._scheduler.enter(record, run)


def _first(script: str | None) -> str:
    return f"Run {(script or '').strip().splitlines()[0] if (script or '').strip() else ''}"
