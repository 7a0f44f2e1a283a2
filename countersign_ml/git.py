"""The one place that starts git, and the one that finds the repository a command works in.

Every call has the same environment: no prompts, no pager, no replaced objects, no lazy fetches, one
language. A repository that somebody else made can therefore not change what an object's id names,
and a missing credential is an error instead of a question that nobody sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from policy.errors import UserError

SETTINGS = ("core.commitGraph=false", "core.fsmonitor=false", "core.quotePath=off")
MISSING = "/nonexistent/git"
"""What is started if git is not installed; the error says so."""
NO_USER_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
}
"""`extra` of calls in repositories of our own, where no setting of user or machine counts."""


@dataclass(frozen=True)
class Answer:
    """What one git command said."""

    code: int
    out: bytes
    err: bytes

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 survive as surrogates."""
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def said(self) -> str:
        """The first line of the error output, without `fatal:`."""
        text = self.err.decode("utf-8", "replace").strip()
        return text.partition("\n")[0].removeprefix("fatal: ") or f"git ended with {self.code}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of every git process; GIT_* settings of the caller's are left out."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG_", "GIT_CEILING_"))
    }
    return {
        **kept,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
        **(extra or {}),
    }


def command(*words: str, settings: tuple[str, ...] = ()) -> list[str]:
    """Return the argument list of a git command."""
    named = [word for setting in (*SETTINGS, *settings) for word in ("-c", setting)]
    return [_program(os.environ.get("PATH", os.defpath)), *named, *words]


@cache
def _program(path: str) -> str:
    """Return git's absolute path; a folder of PATH that a commit can fill does not count.

    These are relative folders, and those inside of a clone, such as the workspace of a workflow.
    """
    for entry in path.split(os.pathsep):
        folder = Path(entry)
        if not folder.is_absolute() or any((top / ".git").exists() for top in _above(folder)):
            continue
        found = shutil.which("git", path=entry)
        if found is not None:
            return found
    return MISSING


def _above(folder: Path) -> tuple[Path, ...]:
    real = folder.resolve()
    return (folder, *folder.parents, real, *real.parents)


def git(
    folder: Path,
    *words: str,
    stdin: bytes = b"",
    stdout: IO[bytes] | None = None,
    settings: tuple[str, ...] = (),
    extra: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Answer:
    """Run `git words` in `folder` and return what it said, whatever its exit code.

    `stdout` receives the output instead of the answer. UserError if git is missing, or if it takes
    longer than `seconds`.
    """
    try:
        done = subprocess.run(
            command(*words, settings=settings),
            cwd=folder,
            input=stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env=environment(extra),
            timeout=seconds,
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _cannot_start(folder) from error
    except subprocess.TimeoutExpired as error:
        raise UserError.one(
            str(folder), f"git {words[0]} took over {seconds:.0f} s", "check the network"
        ) from error
    return Answer(done.returncode, done.stdout or b"", done.stderr)


def start_git(folder: Path, *words: str, settings: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a git process that answers on its pipes, such as `cat-file --batch`.

    UserError if git or the folder is missing.
    """
    try:
        return subprocess.Popen(
            command(*words, settings=settings),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _cannot_start(folder) from error


def _cannot_start(folder: Path) -> UserError:
    if not folder.is_dir():
        return UserError.one(str(folder), "no such folder", "check the path")
    return UserError.one("git", "is not installed", "install git and run this again")


def find_repository(given: Path | None) -> Path:
    """Return the top folder of the repository that `given` (or the present folder) is in.

    That is the nearest folder, here or above, with a `.git`; without git the nearest that holds
    `models/`. Every command finds the repository by this function.
    """
    start = (given or Path.cwd()).resolve()
    if not start.is_dir():
        raise UserError.one(str(given), "no such folder", "check --repo")
    above = (start, *start.parents)
    for folder in above:
        if (folder / ".git").exists():
            return folder
    for folder in above:
        if (folder / "models").is_dir():
            return folder
    raise UserError.one(
        str(start),
        "no git repository and no folder models/ here or above",
        "run this in a governed repository, name one with --repo, or begin one with: git init",
    )


def has_git(repo: Path) -> bool:
    """Return whether a folder that `find_repository` returned is under git."""
    return (repo / ".git").exists()
