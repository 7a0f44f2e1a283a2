"""The stages as steps of datatrove, which runs them here or on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from countersign_ml.rows.gating.gating_report import report
from countersign_ml.rows.scale.cut import cut, tasks
from countersign_ml.rows.scale.keep import keep
from countersign_ml.rows.scale.look import look
from countersign_ml.rows.scale.merge_parts import merge
from countersign_ml.rows.scale.plan import Plan

REPORT = "report.json"


class Stage(NamedTuple):
    """One stage: its name, its datatrove pipeline, and its number of tasks."""

    name: str
    pipeline: list[PipelineStep]
    tasks: int


class Step(PipelineStep):  # type: ignore[misc]  # datatrove has no types
    """One task of one stage; no documents pass, for tasks meet in the plan's folder."""

    type = "countersign"

    def __init__(self, name: str, plan: Plan, work: Callable[[Plan, int], None]) -> None:
        self.name = name
        super().__init__()
        self.plan, self.work = plan, work

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> tuple[()]:
        """Do the task of this rank."""
        self.work(self.plan, rank)
        return ()


def stages(plan: Plan) -> list[Stage]:
    """Return the stages; each may begin when every task of the one before has ended.

    The last writes `report.json` into the plan's folder: the object that `--json` prints.
    """
    return [
        Stage("cut", [Step("cut", plan, cut)], tasks(plan)),
        Stage("look", [Step("look", plan, look)], plan.shards),
        Stage("keep", [Step("keep", plan, keep)], plan.partitions),
        Stage("merge", [Step("merge", plan, _report)], 1),
    ]


def run_here(plan: Plan, workers: int) -> dict[str, Any]:
    """Run all stages on this machine, `workers` tasks at a time, and return the report."""
    logger.disable("datatrove")
    try:
        for stage in stages(plan):
            _Quiet(
                pipeline=stage.pipeline,
                tasks=stage.tasks,
                workers=min(workers, stage.tasks),
                logging_dir=str(plan.place("logs", stage.name)),
            ).run()
    finally:
        logger.enable("datatrove")
    return report_of(plan)


def report_of(plan: Plan) -> dict[str, Any]:
    """Return what the last stage wrote."""
    found: dict[str, Any] = json.loads(plan.place(REPORT).read_text(encoding="utf-8"))
    return found


def _report(plan: Plan, rank: int) -> None:
    made = report(merge(plan), plan.rules, whole=plan.whole)
    plan.place(REPORT).write_text(json.dumps(made), encoding="utf-8")


class _Quiet(LocalPipelineExecutor):  # type: ignore[misc]  # datatrove has no types
    """An executor that leaves the terminal to the report, in its tasks' processes too."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        logger.disable("datatrove")
        return super()._run_for_rank(rank, local_rank, node_rank)
