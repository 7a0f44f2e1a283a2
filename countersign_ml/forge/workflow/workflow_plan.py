"""A workflow file as a plan: parsed and checked; what the stand-in does not know is refused.

Whatever this stand-in would ignore, it refuses: a workflow that is green here should not surprise
on GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from countersign_ml.forge.workflow.expressions import RefusalError

Json = dict[str, Any]

TOP = ("name", "run-name", "on", "env", "defaults", "permissions", "concurrency", "jobs")
JOB = (
    "name",
    "needs",
    "if",
    "runs-on",
    "env",
    "outputs",
    "steps",
    "timeout-minutes",
    "defaults",
    "concurrency",
    "permissions",
    "environment",
    "continue-on-error",
)
STEP = (
    "id",
    "name",
    "if",
    "run",
    "uses",
    "with",
    "env",
    "working-directory",
    "timeout-minutes",
    "continue-on-error",
    "shell",
)
EVENTS = (
    "push",
    "pull_request",
    "pull_request_target",
    "pull_request_review",
    "workflow_dispatch",
    "schedule",
    "issue_comment",
    "issues",
    "deployment",
    "deployment_status",
    "workflow_run",
    "check_run",
    "merge_group",
    "release",  # the last two never happen here
)
USES = (
    "actions/checkout",
    "actions/upload-artifact",
    "actions/download-artifact",
    "actions/setup-python",
)
PERMISSIONS = (
    "actions",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "security-events",
    "statuses",
)


@dataclass(frozen=True)
class StepPlan:
    """One step: a script or a known action."""

    id: str | None
    name: str | None
    condition: str | bool | None
    run: str | None
    uses: str | None
    arguments: Json
    env: Json
    folder: str | None
    minutes: float | None
    may_fail: Any


@dataclass(frozen=True)
class JobPlan:
    """One job: its steps and when and where they run."""

    key: str
    name: str
    needs: tuple[str, ...]
    condition: str | bool | None
    runs_on: Any
    env: Json
    outputs: Json
    steps: tuple[StepPlan, ...]
    minutes: float
    folder: str | None
    concurrency: Any
    permissions: Any
    environment: Any
    may_fail: Any


@dataclass(frozen=True)
class WorkflowPlan:
    """A whole workflow file."""

    path: str
    name: str
    title: str | None
    on: dict[str, Json]
    env: Json
    permissions: Any
    concurrency: Any
    jobs: dict[str, JobPlan]

    @property
    def inputs(self) -> dict[str, Json]:
        """What workflow_dispatch declares."""
        declared = self.on.get("workflow_dispatch", {}).get("inputs") or {}
        return {name: spec or {} for name, spec in declared.items()}


@lru_cache(maxsize=64)
def _read(text: str) -> Any:
    """Every event looks at every workflow: each text is read once."""
    return yaml.safe_load(text)


def load(path: str, text: str) -> Json:
    """The file's mapping; `on` may have been read as the boolean True."""
    try:
        data = deepcopy(_read(text))
    except yaml.YAMLError as failure:
        raise RefusalError(f"{path}: this is no YAML: {failure}") from None
    if not isinstance(data, dict):
        raise RefusalError(f"{path}: a workflow is a mapping")
    if True in data:
        data["on"] = data.pop(True)
    return data


def triggers(path: str, data: Json) -> dict[str, Json]:
    """The `on` key in its long form: event to filters."""
    on = data.get("on")
    if isinstance(on, str):
        found: dict[str, Json] = {on: {}}
    elif isinstance(on, list):
        found = {str(name): {} for name in on}
    elif isinstance(on, dict):
        found = {
            str(name): {"cron": filters} if isinstance(filters, list) else dict(filters or {})
            for name, filters in on.items()
        }
    else:
        raise RefusalError(f"{path}: on: names no event")
    _known(f"{path}: on", found, EVENTS)
    return found


def parse(path: str, text: str) -> WorkflowPlan:
    """Read a workflow file; raise RefusalError with the place and the word."""
    data = load(path, text)
    _known(path, data, TOP)
    jobs = data.get("jobs")
    if not isinstance(jobs, dict) or not jobs:
        raise RefusalError(f"{path}: jobs: there is none")
    _permissions(path, data.get("permissions"))
    folder = _folder(path, data.get("defaults"))
    plans = {
        str(key): _job(f"{path}: jobs.{key}", str(key), job, folder) for key, job in jobs.items()
    }
    for key, plan in plans.items():
        for need in plan.needs:
            if need not in plans:
                raise RefusalError(f"{path}: jobs.{key}.needs: there is no job {need!r}")
    _acyclic(path, plans)
    return WorkflowPlan(
        path,
        str(data.get("name") or path),
        data.get("run-name"),
        triggers(path, data),
        data.get("env") or {},
        data.get("permissions"),
        data.get("concurrency"),
        plans,
    )


def _known(where: str, found: Iterable[Any], names: tuple[str, ...]) -> None:
    for name in found:
        if name not in names:
            raise RefusalError(f"{where}: {name!r} is not supported by this stand-in")


def _folder(where: str, defaults: Any) -> str | None:
    if defaults is None:
        return None
    _known(f"{where}: defaults", defaults, ("run",))
    run = defaults.get("run") or {}
    _known(f"{where}: defaults.run", run, ("shell", "working-directory"))
    _shell(f"{where}: defaults.run.shell", run.get("shell"))
    folder = run.get("working-directory")
    return str(folder) if folder is not None else None


def _shell(where: str, shell: Any) -> None:
    if shell not in (None, "bash"):
        raise RefusalError(f"{where}: {shell!r} is not supported by this stand-in; it has bash")


def _permissions(where: str, given: Any) -> None:
    if given is None or given in ("read-all", "write-all"):
        return
    if not isinstance(given, dict):
        raise RefusalError(f"{where}: permissions: {given!r} is not understood")
    _known(f"{where}: permissions", given, PERMISSIONS)
    for name, level in given.items():
        if level not in ("read", "write", "none"):
            raise RefusalError(f"{where}: permissions.{name}: {level!r} is not read, write or none")


def _job(where: str, key: str, job: Any, folder: str | None) -> JobPlan:
    if not isinstance(job, dict):
        raise RefusalError(f"{where}: a job is a mapping")
    _known(where, job, JOB)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key):
        raise RefusalError(f"{where}: {key!r} is no job id")
    steps = job.get("steps")
    if not isinstance(steps, list) or not steps:
        raise RefusalError(f"{where}.steps: there is none")
    if "runs-on" not in job:
        raise RefusalError(f"{where}.runs-on: is missing")
    _permissions(where, job.get("permissions"))
    needs = job.get("needs") or []
    plans = tuple(_step(f"{where}.steps[{n}]", step) for n, step in enumerate(steps))
    ids = [plan.id for plan in plans if plan.id]
    if len(set(ids)) != len(ids):
        raise RefusalError(f"{where}.steps: an id is used twice")
    return JobPlan(
        key,
        str(job.get("name") or key),
        tuple([needs] if isinstance(needs, str) else needs),
        job.get("if"),
        job["runs-on"],
        job.get("env") or {},
        job.get("outputs") or {},
        plans,
        float(job.get("timeout-minutes", 360)),
        _folder(where, job.get("defaults")) or folder,
        job.get("concurrency"),
        job.get("permissions"),
        job.get("environment"),
        job.get("continue-on-error", False),
    )


def _step(where: str, step: Any) -> StepPlan:
    if not isinstance(step, dict):
        raise RefusalError(f"{where}: a step is a mapping")
    _known(where, step, STEP)
    _shell(f"{where}.shell", step.get("shell"))
    if ("run" in step) == ("uses" in step):
        raise RefusalError(f"{where}: a step has either run or uses")
    uses = step.get("uses")
    if uses is not None:
        _uses(where, str(uses))
    minutes = step.get("timeout-minutes")
    return StepPlan(
        step.get("id"),
        step.get("name"),
        step.get("if"),
        step.get("run"),
        uses,
        step.get("with") or {},
        step.get("env") or {},
        step.get("working-directory"),
        float(minutes) if minutes is not None else None,
        step.get("continue-on-error", False),
    )


def _uses(where: str, uses: str) -> None:
    name, _, pin = uses.partition("@")
    if name not in USES:
        raise RefusalError(
            f"{where}.uses: {uses!r} is not supported by this stand-in; it has {', '.join(USES)}"
        )
    if not re.fullmatch(r"[0-9a-f]{40}", pin):
        raise RefusalError(
            f"{where}.uses: {uses!r} is not pinned; name a commit by its 40 hex digits"
        )


def _acyclic(path: str, plans: dict[str, JobPlan]) -> None:
    done: set[str] = set()
    while len(done) < len(plans):
        ready = {k for k, plan in plans.items() if k not in done and set(plan.needs) <= done}
        if not ready:
            raise RefusalError(f"{path}: jobs need each other in a circle")
        done |= ready


def dispatch_inputs(plan: WorkflowPlan, given: Json) -> Json:
    """Check a dispatch's inputs against the file's; return them typed, with defaults."""
    unexpected = sorted(set(given) - set(plan.inputs))
    if unexpected:
        raise RefusalError(f"Unexpected inputs provided: {unexpected}")
    values: Json = {}
    for name, spec in plan.inputs.items():
        value = given.get(name, spec.get("default"))
        if value in (None, "") and spec.get("required") and name not in given:
            raise RefusalError(f"Required input '{name}' not provided")
        kind = spec.get("type", "string")
        if kind == "boolean":
            values[name] = str(value).lower() == "true"
        elif kind == "number":
            values[name] = float(value) if value not in (None, "") else 0
        elif kind == "choice":
            options = [str(option) for option in spec.get("options", [])]
            if value is not None and str(value) not in options:
                raise RefusalError(
                    f"Provided value '{value}' for input '{name}' not in the list of allowed values"
                )
            values[name] = str(value) if value is not None else options[0]
        elif kind in ("string", "environment"):
            values[name] = "" if value is None else str(value)
        else:
            raise RefusalError(f"inputs.{name}.type: {kind!r} is not supported by this stand-in")
    return values
