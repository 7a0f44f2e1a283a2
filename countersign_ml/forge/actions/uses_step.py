"""The four known actions, done with git, zip and this machine's Python."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from countersign_ml.forge.actions.shell_step import JobLog
from countersign_ml.forge.git.bare_repository import SHA
from countersign_ml.forge.request.auth import allowed
from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.state.actions_records import Artifact, Job, Run
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World
from countersign_ml.forge.workflow.expressions import RefusalError, as_text
from countersign_ml.git import NO_USER_SETTINGS, git

KNOWN = {
    "actions/checkout": (
        "ref",
        "path",
        "fetch-depth",
        "persist-credentials",
        "repository",
        "token",
    ),
    "actions/upload-artifact": (
        "name",
        "path",
        "if-no-files-found",
        "retention-days",
        "include-hidden-files",
    ),
    "actions/download-artifact": ("name", "path", "run-id", "github-token"),
    "actions/setup-python": ("python-version",),
}
DAY = 86_400.0


class ActionError(Exception):
    """The action failed, as the real one would."""


class RunningJob(Protocol):
    """What an action needs from the job that it is a step of."""

    world: World
    record: Repository
    run: Run
    job: Job
    workspace: Path
    temp: Path
    token: str
    log: JobLog

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the job's next process."""


def perform(job: RunningJob, uses: str, given: Json) -> dict[str, str]:
    """Run a known action; return its outputs."""
    name = uses.partition("@")[0]
    for key in given:
        if key not in KNOWN[name]:
            raise RefusalError(f"{name}: with.{key} is not supported by this stand-in")
    values = {key: as_text(value) for key, value in given.items()}
    action = {
        "actions/checkout": checkout,
        "actions/upload-artifact": upload,
        "actions/download-artifact": download,
        "actions/setup-python": setup_python,
    }[name]
    return action(job, values)


def _inside(job: RunningJob, path: str) -> Path:
    folder = (job.workspace / path).resolve()
    allowed_roots = (job.workspace.resolve(), job.temp.resolve())
    if not any(folder == root or root in folder.parents for root in allowed_roots):
        raise ActionError(f"{path!r} is outside the workspace")
    return folder


def checkout(job: RunningJob, given: dict[str, str]) -> dict[str, str]:
    """Fetch a ref over HTTP with the job's token and check it out."""
    run, record = job.run, job.record
    repository = given.get("repository") or record.full_name
    own = repository.lower() == record.full_name.lower()
    folder = _inside(job, given.get("path") or ".")
    folder.mkdir(parents=True, exist_ok=True)
    ref = given.get("ref") or (run.sha if own else "HEAD")
    clone = _Clone(job, folder, given.get("token") or job.token)
    clone.git("init", "--quiet", "-b", "main")
    clone.git("remote", "add", "origin", f"{job.world.web_url}/{repository}")
    tip = clone.fetch(ref, given.get("fetch-depth") or "1")
    branch = (given.get("ref") or run.ref).removeprefix("refs/heads/")
    if not SHA.fullmatch(branch) and not branch.startswith("refs/") and own:
        clone.git("checkout", "--quiet", "-B", branch, tip)
    else:
        clone.git("checkout", "--quiet", "--detach", tip)
    if given.get("persist-credentials", "true").lower() == "true":
        clone.keep_credentials()
    return {"ref": ref, "commit": clone.git("rev-parse", "HEAD")}


class _Clone:
    """A working copy in the job's workspace; each git command is in the job's log."""

    def __init__(self, job: RunningJob, folder: Path, secret: str) -> None:
        basic = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
        self._header = f"http.{job.world.web_url}/.extraheader"
        self._credentials = f"AUTHORIZATION: basic {basic}"
        self._log, self._folder = job.log, folder

    def git(self, *args: str) -> str:
        """Run git with the token; ActionError if it fails."""
        settings = (f"{self._header}={self._credentials}",)
        done = git(self._folder, *args, settings=settings, extra=NO_USER_SETTINGS)
        self._log.line(f"[command]git {' '.join(args)}")
        for line in (done.out + done.err).decode(errors="replace").splitlines():
            self._log.line(line)
        if not done.ok:
            raise ActionError(f"git {args[0]} ended with {done.code}")
        return done.text.strip()

    def fetch(self, ref: str, depth: str) -> str:
        """Fetch a branch, tag, ref or SHA; return its commit. Depth 0 fetches all history."""
        deep = ["--depth", depth] if depth != "0" else []
        if not deep:
            everything = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
            self.git("fetch", "--quiet", "origin", *everything)
        exact = SHA.fullmatch(ref) or ref.startswith("refs/") or ref == "HEAD"
        names = [ref] if exact else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        for name in names:
            try:
                self.git("fetch", "--quiet", "--no-tags", *deep, "origin", name)
                break
            except ActionError:
                if name == names[-1]:
                    raise
        return self.git("rev-parse", "FETCH_HEAD^{commit}")

    def keep_credentials(self) -> None:
        """Let later steps fetch and push with the job's token."""
        self.git("config", self._header, self._credentials)


def upload(job: RunningJob, given: dict[str, str]) -> dict[str, str]:
    """Zip files of the workspace as an artifact of this run; each name can be used once."""
    name = given.get("name") or "artifact"
    if re.search(r'[":<>|*?\\/\r\n]', name):
        raise ActionError(f"The artifact name is not valid: {name}")
    patterns = [line.strip() for line in given.get("path", "").splitlines() if line.strip()]
    if not patterns:
        raise ActionError("Input required and not supplied: path")
    hidden = given.get("include-hidden-files", "false").lower() == "true"
    files, root = _collect(job, patterns, hidden=hidden)
    if not files:
        return _nothing_found(job, patterns, given.get("if-no-files-found") or "warn")
    artifact = _stored(job, name, files, root, float(given.get("retention-days") or 90))
    job.log.line(f"Artifact {name} has been uploaded: {len(files)} files, {artifact.size} bytes")
    run_page = f"{job.world.web_url}/{job.record.full_name}/actions/runs/{job.run.id}"
    return {
        "artifact-id": str(artifact.id),
        "artifact-url": f"{run_page}/artifacts/{artifact.id}",
        "artifact-digest": artifact.digest,
    }


def _nothing_found(job: RunningJob, patterns: list[str], action: str) -> dict[str, str]:
    """Do what `if-no-files-found` says."""
    text = f"No files were found with the provided path: {', '.join(patterns)}."
    if action == "error":
        raise ActionError(text)
    if action not in ("warn", "ignore"):
        raise RefusalError(f"actions/upload-artifact: if-no-files-found {action!r} is unknown")
    job.log.line(f"{'::warning::' if action == 'warn' else ''}{text}")
    return {}


def _stored(job: RunningJob, name: str, files: list[Path], root: Path, days: float) -> Artifact:
    """Zip the files and add the artifact to the repository; ActionError if the name is taken."""
    with job.world.lock:
        taken = ((a.run, a.attempt, a.name) for a in job.record.artifacts.values())
        if (job.run, job.job.attempt, name) in taken:
            raise ActionError(
                "(409) Conflict: an artifact with this name already exists on the workflow run"
            )
        number = job.world.take_id()
    target = job.run.folder / f"artifact-{number}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(root))
    with target.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    now, size = job.world.clock(), target.stat().st_size
    artifact = Artifact(
        number, name, job.run, target, size, digest, now, now + days * DAY, job.job.attempt
    )
    with job.world.lock:
        job.record.artifacts[number] = artifact
    return artifact


def _collect(job: RunningJob, patterns: list[str], *, hidden: bool) -> tuple[list[Path], Path]:
    """The files that match the patterns, and the folder that zip names are relative to."""
    found: dict[Path, None] = {}
    roots: list[Path] = []
    for pattern in patterns:
        if pattern.startswith("!"):
            raise RefusalError(f"actions/upload-artifact: exclusion {pattern!r} is not known here")
        start = re.split(r"(?:^|/)[^/]*[*?\[]", pattern, maxsplit=1)[0] or "."
        root = _inside(job, start if start != pattern else pattern)
        matched = [root] if start == pattern else sorted(root.glob(_rest(pattern, start)))
        if root.is_file() or (root.exists() and matched):
            roots.append(root.parent if root.is_file() else root)
        for each in matched:
            for file in sorted(each.rglob("*")) if each.is_dir() else [each]:
                names = file.relative_to(root).parts or (file.name,)
                dotted = any(part.startswith(".") for part in names) or (
                    start == pattern and root.name.startswith(".")
                )
                if file.is_file() and (hidden or not dotted):
                    found[file] = None
    if not found:
        return [], job.workspace
    return list(found), Path(os.path.commonpath(roots))


def _rest(pattern: str, start: str) -> str:
    rest = pattern if start == "." and not pattern.startswith("./") else pattern[len(start) :]
    return rest.lstrip("/")


def download(job: RunningJob, given: dict[str, str]) -> dict[str, str]:
    """Unpack one artifact into `path`, or each artifact of a run into its own folder."""
    number = given.get("run-id") or str(job.run.id)
    run = job.record.runs.get(int(number)) if number.isdigit() else None
    if run is None:
        raise ActionError(f"There is no run {number}")
    if run is not job.run:
        _may_read(job, given)
    folder = _inside(job, given.get("path") or ".")
    for artifact, target in _chosen(job, run, given.get("name"), folder):
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(artifact.zip) as archive:
            archive.extractall(target)
        job.log.line(f"Artifact {artifact.name} was downloaded to {target}")
    return {"download-path": str(folder)}


def _may_read(job: RunningJob, given: dict[str, str]) -> None:
    token = job.world.tokens.get(given.get("github-token", ""))
    if token is None:
        raise ActionError("another run's artifacts need with.github-token")
    if not allowed(job.world, job.record, token, "actions", "read", "read"):
        raise ActionError("with.github-token may not read actions")


def _chosen(
    job: RunningJob, run: Run, name: str | None, folder: Path
) -> Iterable[tuple[Artifact, Path]]:
    with job.world.lock:
        found = [
            a
            for a in job.record.artifacts.values()
            if a.run is run and name in (None, "", a.name) and a.expires > job.world.clock()
        ]
    if name and not found:
        raise ActionError(f"Unable to download artifact(s): Artifact not found for name: {name}")
    newest = {a.name: a for a in found}  # a later attempt's upload hides an earlier one's
    return [(a, folder if name else folder / a.name) for a in newest.values()]


def setup_python(job: RunningJob, given: dict[str, str]) -> dict[str, str]:
    """Check that the Python on PATH is at least the requested version; install nothing."""
    asked = given.get("python-version", "")
    wanted = re.fullmatch(r"(\d+)\.(\d+)(?:\.(?:\d+|x))?", asked)
    if wanted is None:
        raise RefusalError(
            f"actions/setup-python: python-version {asked!r} is not understood; write it as 3.11"
        )
    python = shutil.which("python3", path=job.environment()["PATH"])
    if python is None:
        raise RefusalError("actions/setup-python: there is no python3 on this runner")
    said = subprocess.run(
        [python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    have = tuple(int(part) for part in said.split(".")[:2])
    if have < (int(wanted[1]), int(wanted[2])):
        raise RefusalError(
            f"actions/setup-python: the workflow requires {asked}; this runner has {said}"
        )
    job.log.line(f"Python {said} is used for {asked}")
    return {"python-version": said, "python-path": python}
