"""What one run is about: the model's folder, the rules, the live version, and the paths."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from countersign_ml.git import find_repository, has_git
from countersign_ml.rows.governed.caches import cache_folder
from countersign_ml.rows.governed.governed_model import (
    GovernedModel,
    load_governed,
    tracked,
)
from policy import documents
from policy.errors import UserError
from policy.facts.evidence import Incumbent
from policy.facts.pointer import Pointer
from policy.facts.proposal import run_key
from policy.files.rules import Policy
from policy.governed import pointer_path
from policy.names import Digest
from runner.attest import measures_afresh
from runner.runner_sentences import unreadable
from runner.tell.progress import Reporter

REGISTRY_VARIABLE = "COUNTERSIGN_REGISTRY"
OWN_FOLDER = ".countersign"
NO_INCUMBENT = "none"
_DIGEST: TypeAdapter[str] = TypeAdapter(Digest)


@dataclass(frozen=True)
class Options:
    """The settings from command line and environment, read once."""

    repo: Path | None = None
    policy: Path | None = None
    incumbent: Path | None = None
    expect_incumbent: str | None = None
    expect_key: str | None = None
    registry: str | None = None
    cache: Path | None = None
    evidence: Path | None = None
    reuse: str | None = None
    attempt: int = 1
    fresh: bool = False
    quiet: bool = False
    json: bool = False


@dataclass(frozen=True)
class Job:
    """One model's run; paths are absolute."""

    folder: GovernedModel
    policy: Policy
    pointer: Pointer | None
    registry_url: str
    cache: Path
    fresh: bool
    reporter: Reporter
    reuse: str | None = None
    """The digest of earlier evidence of the same proposal that this run may reuse."""
    attempt: int = 1
    """Which attempt of the proposal this is; after the first, no kept result is used."""
    base: Path | None = None
    """The base branch's checkout; None if none was given."""

    @property
    def workspace(self) -> Path:
        """Return the folder of this proposal's intermediate results."""
        digest = self.folder.proposal.digest.removeprefix("sha256:")[:12]
        return self.folder.repo / OWN_FOLDER / "work" / self.folder.name / digest

    @property
    def incumbent(self) -> Incumbent | None:
        """Return what is live, as evidence names it."""
        if self.pointer is None:
            return None
        return Incumbent(version=self.pointer.version, artifact=self.pointer.artifact.digest)


def open_job(model: str, options: Options, repo: Path | None = None) -> Job:
    """Read everything that a run needs; UserError with everything that is wrong."""
    require_reuse(options)
    root = repo or find_repository(options.repo)
    require_own(root)
    policy_file = options.policy or root / "policy" / "policy.yml"
    folder, policy = load_governed(root, model, policy_file)
    pointer = live_pointer(folder, options)
    require_key(folder, pointer, options.expect_key, options.attempt)
    cache = cache_folder(options.cache)
    return Job(
        folder=folder.with_data(cache, policy.gates.data.places),
        policy=policy,
        pointer=pointer,
        registry_url=registry_url(root, options),
        cache=cache,
        fresh=options.fresh
        or (options.attempt > 1 and options.reuse is None)
        or not has_git(root)  # it is unknown whether a kept result came with the files
        or measures_afresh(policy),
        reporter=Reporter(quiet=options.quiet),
        reuse=options.reuse,
        attempt=options.attempt,
        base=base_checkout(folder, options),
    )


def require_own(root: Path) -> None:
    """UserError if git tracks anything below `.countersign`.

    A stage with a record there does not run again. A tracked file came with a commit, and a pull
    request's commit could bring figures that were never measured, or a link out of the clone.
    """
    brought = tracked(root, OWN_FOLDER)
    if brought:
        raise UserError.one(
            brought,
            f"is in git, but {OWN_FOLDER} is for results of runs on this machine; results that a "
            "commit brings are not trusted",
            f"remove it from the commits: git rm -r --cached {OWN_FOLDER}",
        )


def base_checkout(folder: GovernedModel, options: Options) -> Path | None:
    """Return the top of the clone that the path of `--incumbent` is in; None if not in a clone."""
    if options.incumbent is None:
        return None
    path = options.incumbent.absolute()
    place = pointer_path(folder.name)
    if not path.as_posix().endswith(f"/{place}"):
        return None
    top = path.parents[place.count("/")]
    return top if (top / ".git").exists() else None


def live_pointer(folder: GovernedModel, options: Options) -> Pointer | None:
    """Return the pointer of the live version; None if no version is live.

    Without `--incumbent` it is the pointer in the model's folder. `--expect-incumbent` is the live
    artifact when the caller started the run.
    """
    path = options.incumbent or folder.pointer_file
    pointer = read_pointer(path, folder.name) if path.is_file() else None
    expected = options.expect_incumbent
    found = pointer.artifact.digest if pointer else NO_INCUMBENT
    if expected is not None and expected != found:
        raise UserError.one(
            "--expect-incumbent",
            f"expected {expected}, but the pointer names {found}: another version is live now",
            "start the run again for the version that is live now",
        )
    return pointer


def require_key(
    folder: GovernedModel, pointer: Pointer | None, expected: str | None, attempt: int = 1
) -> None:
    """UserError if `--expect-key` is not the run key of these files and this live version.

    A run's name contains its key, and anyone who may start a run can type any key. Evidence must
    never be measured under a wrong key.
    """
    live = pointer.artifact.digest if pointer else None
    key = run_key(folder.proposal.digest, live, attempt)
    if expected is not None and expected != key:
        raise UserError.one(
            "--expect-key",
            f"expected {expected}, but these files against the live version give {key}",
            "start the run with the key, commit and live version of the same proposal",
        )


def require_reuse(options: Options) -> None:
    """UserError if `--reuse` is not a digest (it becomes a path), or comes with `--fresh`."""
    if options.reuse is None:
        return
    try:
        _DIGEST.validate_python(options.reuse)
    except ValidationError as error:
        raise UserError.one(
            "--reuse",
            f"{options.reuse[:100]!r} is not a digest of evidence",
            "give sha256: and 64 lower-case hex digits, as countersign run --json prints",
        ) from error
    if options.fresh:
        raise UserError.one(
            "--reuse",
            "cannot be combined with --fresh, which uses no kept results",
            "leave one of them out",
        )


def read_pointer(path: Path, model: str) -> Pointer:
    """Read a pointer file of this model."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError.one(
            str(path),
            "missing: no version is live, so there is nothing to recover",
            "promote one first",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(str(path), error) from error
    pointer = documents.parse_json(Pointer, text, str(path))
    if pointer.model != model:
        raise UserError.one(
            str(path), f"is about {pointer.model!r}, not {model!r}", "name that model's pointer"
        )
    return pointer


def registry_url(root: Path, options: Options) -> str:
    """Return the registry's URL: the option, the environment, or a folder of the repository."""
    asked = options.registry or os.environ.get(REGISTRY_VARIABLE)
    return asked or f"file://{root / OWN_FOLDER / 'registry'}"


def make_cache(folder: Path) -> None:
    """Create the cache folder; UserError if this account cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError.one(
            f"cache {folder}",
            f"cannot be written: {error.strerror}",
            "choose another folder with --cache or COUNTERSIGN_CACHE",
        ) from error


def own_folder(root: Path) -> Path:
    """Return the repository's `.countersign` folder, which git ignores."""
    folder = root / OWN_FOLDER
    try:
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise UserError.one(
            str(folder), f"cannot be written: {error.strerror}", "give this account write access"
        ) from error
    return folder
