"""How the demo checks its facts: it reads the forge through the API, as any reader could."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github import GithubException, UnknownObjectException
from github.CheckRun import CheckRun
from github.PullRequest import PullRequest
from github.Repository import Repository

from countersign_ml.demo.demo_world import MODEL, PROJECT
from countersign_ml.markdown import as_read
from policy.documents import parse_json
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.pointer import Pointer

CHECK = "countersign"


@dataclass(frozen=True)
class Observer:
    """Reads one repository with a reader's token."""

    repository: Repository

    def audit(self, clone: Path, page: Path) -> tuple[int, dict[str, Any]]:
        """Run `countersign audit` on a clone; write its page, return exit code and findings."""
        words = [sys.executable, "-m", "countersign_ml", "audit", "--repository", str(clone)]
        shown = [*words, "--format", "html", "--output", str(page)]
        done = subprocess.run(shown, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise LookupError(done.stderr.strip())
        listed = subprocess.run(
            [*words, "--format", "json"], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        found: dict[str, Any] = json.loads(listed.stdout)
        return done.returncode, found

    def pull(self, number: int) -> PullRequest:
        return self.repository.get_pull(number)

    def check(self, number: int) -> CheckRun | None:
        """Return the bot's newest check on the pull request's current head."""
        head = self.repository.get_commit(self.pull(number).head.sha)
        runs = list(head.get_check_runs(check_name=CHECK))
        return max(runs, key=lambda run: run.id, default=None)

    def concluded(self, number: int, *conclusions: str) -> CheckRun | None:
        """Return the check once it has ended in one of `conclusions`."""
        run = self.check(number)
        return run if run is not None and run.conclusion in conclusions else None

    def comments(self, number: int) -> list[str]:
        """Return the bot's comments on the pull request, as text without Markdown escapes."""
        return [
            as_read(comment.body)
            for comment in self.repository.get_issue(number).get_comments()
            if comment.user.login.endswith("[bot]")
        ]

    def pointer(self, ref: str) -> Pointer | None:
        """Return the model's pointer at a commit or branch."""
        text = self.text(f"models/{MODEL}/pointer.json", ref)
        return parse_json(Pointer, text, "pointer.json") if text is not None else None

    def pointer_history(self, branch: str) -> list[str | None]:
        """Return the pointer's successive contents on a branch's first parents, oldest first."""
        path = f"models/{MODEL}/pointer.json"
        commits = list(self.repository.get_commits(sha=branch))
        line = [commits[0]]
        by_sha = {commit.sha: commit for commit in commits}
        while line[-1].parents:
            line.append(by_sha[line[-1].parents[0].sha])
        texts = [self.text(path, commit.sha) for commit in reversed(line)]
        return [text for n, text in enumerate(texts) if n == 0 or text != texts[n - 1]]

    def evidence(self, ref: str) -> Evidence:
        """Return the evidence that the pointer at `ref` names."""
        pointer = self.pointer(ref)
        text = self.text(pointer.evidence.path, ref) if pointer else None
        if pointer is None or text is None:
            raise LookupError(f"no evidence at {ref}")
        return parse_evidence(text, pointer.evidence.path)

    def text(self, path: str, ref: str) -> str | None:
        """Return a file's text; None if it does not exist."""
        try:
            found = self.repository.get_contents(path, ref=ref)
        except UnknownObjectException:
            return None
        if isinstance(found, list):
            raise LookupError(f"{path} is a folder")
        if found.encoding == "none":  # above 1 MB GitHub returns only the blob
            blob = self.repository.get_git_blob(found.sha)
            return base64.b64decode(blob.content).decode()
        return found.decoded_content.decode()

    def runs(self, workflow: str) -> list[Any]:
        """Return the runs of one workflow file, newest first."""
        return list(self.repository.get_workflow(workflow).get_runs())

    def jobs(self, run: Any) -> dict[str, str]:
        """Return job name to conclusion of one run."""
        return {job.name: job.conclusion for job in run.jobs()}

    def deployed(self, sha: str) -> str:
        """Return the newest state of the model's deployment of a commit; empty if there is none."""
        for deployment in self.repository.get_deployments(sha=sha, environment=MODEL):
            for status in deployment.get_statuses():
                return status.state
        return ""

    def merge_refused(self, number: int) -> int:
        """Try to merge as a person; return the HTTP status, 200 if it was merged."""
        try:
            self.pull(number).merge()
        except GithubException as error:
            return error.status
        return 200
