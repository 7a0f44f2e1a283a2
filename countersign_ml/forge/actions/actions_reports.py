"""What GitHub Actions reports: workflow_run events, a check run per job, deployments."""

from __future__ import annotations

from countersign_ml.forge.deeds import checks
from countersign_ml.forge.deeds.deploying import deploy, set_state
from countersign_ml.forge.shapes.shapes_actions import run as run_shape
from countersign_ml.forge.shapes.shapes_actions import workflow as workflow_shape
from countersign_ml.forge.state.account_records import Account, App
from countersign_ml.forge.state.actions_records import Job, Run
from countersign_ml.forge.state.commit_records import Deployment
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import Event, World

PERMISSIONS = dict.fromkeys(
    (
        "actions",
        "checks",
        "contents",
        "deployments",
        "issues",
        "metadata",
        "packages",
        "pull_requests",
        "statuses",
    ),
    "write",
)


class Reports:
    """The App `github-actions`, which sends all of these reports."""

    def __init__(self, world: World) -> None:
        self._world = world
        now = world.clock()
        bot = Account(
            world.take_id(), "github-actions[bot]", "Bot", "github-actions[bot]", "", "", now
        )
        world.accounts[bot.login] = bot
        self.app = App(
            15368,
            "github-actions",
            "GitHub Actions",
            bot,
            "",
            "",
            world.take_id(),
            None,
            "",
            [],
            PERMISSIONS,
            now,
        )
        world.apps[self.app.id] = self.app

    def run(self, record: Repository, found: Run, action: str) -> None:
        """A workflow_run event."""
        found.updated = self._world.clock()
        payload = {
            "workflow": workflow_shape(self._world, record, found.workflow),
            "workflow_run": run_shape(self._world, record, found),
        }
        self._world.publish(
            Event(
                "workflow_run",
                action,
                record,
                payload,
                found.actor,
                sha=found.head_sha,
                ref=found.ref,
                run=found,
            )
        )

    def job_queued(self, record: Repository, run: Run, job: Job) -> None:
        """The job's check run appears on the head commit."""
        check = checks.create(self._world, record, self.app, run.head_sha, job.name, "queued")
        check.details_url = (
            f"{self._world.web_url}/{record.full_name}/actions/runs/{run.id}/job/{job.id}"
        )
        job.check_run = check.id
        checks.publish(self._world, record, check, "created", self.app.bot, quiet=True)

    def job_started(self, record: Repository, run: Run, job: Job) -> Deployment | None:
        """The check run is in progress; a job with an `environment` deploys to it."""
        check = record.check_runs[job.check_run]
        check.status, check.started = "in_progress", job.started
        environment = job.plan.environment if job.plan else None
        if not environment:
            return None
        name = environment["name"] if isinstance(environment, dict) else environment
        found = deploy(
            self._world,
            record,
            self.app.bot,
            sha=run.head_sha,
            ref=run.branch,
            environment=str(name),
            app=self.app,
            quiet=True,
        )
        set_state(self._world, record, found, self.app.bot, "in_progress", app=self.app, quiet=True)
        return found

    def deployed(self, record: Repository, found: Deployment | None, conclusion: str) -> None:
        """How the job's deployment ended."""
        if found is not None:
            state = "success" if conclusion == "success" else "failure"
            set_state(self._world, record, found, self.app.bot, state, app=self.app, quiet=True)

    def job_ended(self, record: Repository, run: Run, job: Job) -> None:
        """The check run ends with the job; a skipped job gets a skipped check run."""
        if not job.check_run:
            self.job_queued(record, run, job)
        check = record.check_runs[job.check_run]
        check.status, check.conclusion = "completed", job.conclusion
        check.completed = job.completed
        check.annotations = list(job.annotations)
        if job.summary:
            check.title, check.summary = job.name, job.summary
        checks.publish(self._world, record, check, "completed", self.app.bot, quiet=True)
