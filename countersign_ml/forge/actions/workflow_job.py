"""One job from its first step to its conclusion, in its own workspace and environment."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from countersign_ml.forge.actions.shell_step import JobLog, read_pairs, run_script
from countersign_ml.forge.actions.uses_step import ActionError, perform
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.actions_records import Job, Run, Step
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World
from countersign_ml.forge.workflow.expressions import RefusalError, as_text, holds, interpolate
from countersign_ml.forge.workflow.workflow_plan import JobPlan, StepPlan, WorkflowPlan

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class JobExecution:
    """What the steps of one running job share."""

    def __init__(
        self,
        world: World,
        record: Repository,
        run: Run,
        job: Job,
        *,
        token: str,
        needs: Json,
        tools: Path | None,
        extra: Mapping[str, str],
        stopped: Callable[[], bool],
    ) -> None:
        assert run.plan is not None
        assert job.plan is not None
        self.world, self.record, self.run, self.job = world, record, run, job
        self.workflow: WorkflowPlan = run.plan
        self.plan: JobPlan = job.plan
        self.token, self.stopped = token, stopped
        base = job.log.parent / job.key
        self.workspace = base / "work" / record.name / record.name
        self.temp, self.home, self.cache = base / "temp", base / "home", base / "tools"
        for folder in (self.workspace, self.temp, self.home, self.cache):
            folder.mkdir(parents=True)
        self.log = JobLog(job.log, {token, *filter(None, record.secrets.values())})
        self.steps: Json = {}
        self.added: dict[str, str] = {}
        self.path: list[str] = [str(tools)] if tools else []
        self.extra = dict(extra)
        self.failed = False
        self.deadline = time.monotonic() + self.plan.minutes * 60
        (self.temp / "event.json").write_text(json.dumps(run.payload))
        self.scope = self._contexts(needs)
        self.env: dict[str, str] = {}
        self.scope["env"] = self.env
        for block in (self.workflow.env, self.plan.env):
            self.env |= {k: as_text(interpolate(v, self.scope)) for k, v in block.items()}

    def _contexts(self, needs: Json) -> dict[str, Any]:
        """The contexts that expressions can name, all but `env`."""
        run, record, token = self.run, self.record, self.token
        return {
            "github": github_context(self.world, record, run, token)
            | {"job": self.job.key, "workspace": str(self.workspace)},
            "inputs": run.inputs,
            "needs": needs,
            "steps": self.steps,
            "vars": dict(record.variables),
            "secrets": {**({} if run.fork else record.secrets), "GITHUB_TOKEN": token},
            "runner": {
                "os": "Linux",
                "arch": "X64",
                "name": "forge",
                "temp": str(self.temp),
                "tool_cache": str(self.cache),
                "environment": "self-hosted",
            },
            "job": {"status": "success"},
        }

    def status(self, word: str) -> bool:
        """The status functions as a step sees them."""
        cancelled = self.run.cancelled.is_set()
        return {
            "always": True,
            "cancelled": cancelled,
            "failure": self.failed and not cancelled,
            "success": not self.failed and not cancelled,
        }[word]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a script; none of the forge's own variables are in it."""
        github = self.scope["github"]
        found = {
            "PATH": ":".join([*self.path, SYSTEM_PATH]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": str(self.cache),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "ARM64" if platform.machine() == "aarch64" else "X64",
            "RUNNER_NAME": "forge",
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            **{
                f"GITHUB_{name.upper()}": as_text(github[name])
                for name in (
                    "sha",
                    "ref",
                    "ref_name",
                    "ref_type",
                    "repository",
                    "repository_owner",
                    "run_id",
                    "run_number",
                    "run_attempt",
                    "server_url",
                    "api_url",
                    "workspace",
                    "workflow",
                    "event_name",
                    "actor",
                    "head_ref",
                    "base_ref",
                    "job",
                )
            },
            **self.extra,
            **self.env,
            **self.added,
        }
        return found | dict(more or {})

    def carry_out(self) -> str:
        """Run every step; return the job's conclusion."""
        for plan, step in zip(self.plan.steps, self.job.steps, strict=True):
            self._one(plan, step)
            self.scope["job"]["status"] = "failure" if self.failed else "success"
        if self.stopped() or self.run.cancelled.is_set():
            return "cancelled"
        if not self.failed:
            self.job.outputs = {
                name: as_text(interpolate(value, self.scope))
                for name, value in self.plan.outputs.items()
            }
        return "failure" if self.failed else "success"

    def _one(self, plan: StepPlan, step: Step) -> None:
        step.started, step.status = self.world.clock(), "in_progress"
        outputs: dict[str, str] = {}
        outcome = "failure"
        may_fail = False
        try:
            step.name = as_text(interpolate(step.name, self.scope))
            may_fail = as_text(interpolate(plan.may_fail, self.scope)).lower() == "true"
            if self.stopped() or not holds(plan.condition, self.scope, self.status):
                outcome = "skipped"
            else:
                self.log.line(f"##[group]{step.name}")
                outcome, outputs = self._run(plan, step.number)
        except RefusalError as refusal:
            self.log.line(f"::error::{refusal}")
            self.run.message = self.run.message or str(refusal)
        except ActionError as failure:
            self.log.line(f"::error::{failure}")
        step.completed, step.status = self.world.clock(), "completed"
        step.conclusion = "success" if outcome == "failure" and may_fail else outcome
        if plan.id:
            self.steps[plan.id] = {
                "outputs": outputs,
                "outcome": outcome,
                "conclusion": step.conclusion,
            }
        if step.conclusion not in ("success", "skipped"):
            self.failed = True

    def _run(self, plan: StepPlan, number: int) -> tuple[str, dict[str, str]]:
        scope = self.scope
        outer = dict(self.env)
        own = {k: as_text(interpolate(v, scope, self.status)) for k, v in plan.env.items()}
        scope["env"] = {**outer, **self.added, **own}
        try:
            if plan.uses:
                given = {k: interpolate(v, scope, self.status) for k, v in plan.arguments.items()}
                return "success", perform(self, plan.uses, given)
            return self._script(plan, number, own)
        finally:
            scope["env"] = {**outer, **self.added}

    def _script(
        self, plan: StepPlan, number: int, own: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        files = {
            f"GITHUB_{name}": self.temp / f"{name.lower()}-{number}"
            for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")
        }
        for file in files.values():
            file.touch()
        folder = as_text(interpolate(plan.folder or self.plan.folder or ".", self.scope))
        minutes = plan.minutes if plan.minutes is not None else self.plan.minutes
        was_cancelled = self.run.cancelled.is_set()

        def ended() -> str:
            late = self.run.cancelled.is_set() and not was_cancelled
            return "cancelled" if late or self.stopped() else ""

        end = run_script(
            as_text(interpolate(plan.run, self.scope, self.status)),
            folder=self.workspace / folder,
            environment=self.environment({**own, **{k: str(v) for k, v in files.items()}}),
            file=self.temp / f"step-{number}.sh",
            log=self.log,
            ended=ended,
            seconds=min(minutes * 60, max(0.0, self.deadline - time.monotonic())),
        )
        self.added |= read_pairs(files["GITHUB_ENV"])
        added = files["GITHUB_PATH"].read_text().split("\n")
        self.path = [line for line in reversed(added) if line] + self.path
        summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8", errors="replace")
        if summary:
            self.job.summary += summary if summary.endswith("\n") else f"{summary}\n"
        outputs = read_pairs(files["GITHUB_OUTPUT"])
        if end.why:
            self.log.line(f"::error::The operation was {end.why.replace('_', ' ')}.")
            return ("cancelled" if end.why == "cancelled" else "failure"), outputs
        if end.code:
            self.log.line(f"::error::The script ended with exit code {end.code}.")
            return "failure", outputs
        return "success", outputs


def github_context(world: World, record: Repository, run: Run, token: str) -> Json:
    """The `github` context of a run."""
    pull = run.payload.get("pull_request") or {}
    name = run.ref
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        name = name.removeprefix(prefix)
    on_pull = run.event in ("pull_request", "pull_request_target")
    return {
        "event": run.payload,
        "event_name": run.event,
        "sha": run.sha,
        "ref": run.ref,
        "ref_name": name,
        "ref_type": "tag" if run.ref.startswith("refs/tags/") else "branch",
        "repository": record.full_name,
        "repository_owner": record.owner.login,
        "repository_id": str(record.id),
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
        "actor": run.actor.login,
        "triggering_actor": (run.rerun_by or run.actor).login,
        "workflow": run.workflow.name,
        "workflow_ref": f"{record.full_name}/{run.workflow.path}@{run.ref}",
        "head_ref": pull["head"]["ref"] if on_pull else "",
        "base_ref": pull["base"]["ref"] if on_pull else "",
        "server_url": world.web_url,
        "api_url": world.api_url,
        "token": token,
    }


def run_title(world: World, record: Repository, run: Run) -> str:
    """`display_title`: run-name, else the pull request's title, else the commit's first line."""
    if run.plan is not None and run.plan.title:
        scope = {
            "github": github_context(world, record, run, ""),
            "inputs": run.inputs,
            "vars": record.variables,
        }
        with contextlib.suppress(RefusalError):
            return as_text(interpolate(run.plan.title, scope))
    pull = run.payload.get("pull_request")
    if pull and run.event.startswith("pull_request"):
        return str(pull["title"])
    if run.event == "push":
        return record.store.commit(run.head_sha).message.split("\n", 1)[0]
    return run.workflow.name
