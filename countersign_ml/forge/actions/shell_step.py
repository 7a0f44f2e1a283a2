"""One `run:` script: its process group, its log and its command files."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from countersign_ml.forge.state.account_records import Json
from countersign_ml.forge.workflow.expressions import RefusalError

GRACE = 3.0  # seconds between asking a process group to end and ending it
COMMAND = re.compile(r"::([a-z-]+)(?: ([^:]*))?::(.*)")
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}


@dataclass
class JobLog:
    """The log of a job: lines with time stamps, secrets masked, annotations collected."""

    path: Path
    masks: set[str] = field(default_factory=set)
    annotations: list[Json] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, text: str) -> None:
        """Write one line, and act on a `::command::` in it."""
        text = text.rstrip("\r\n")
        found = COMMAND.fullmatch(text.strip())
        if found and found[1] == "add-mask" and found[3]:
            self.masks.add(found[3])
            return
        for secret in sorted(self.masks, key=len, reverse=True):
            text = text.replace(secret, "***")
        if found and found[1] in LEVELS:
            self.annotations.append(_annotation(found[1], found[2] or "", text))
            text = f"##[{found[1]}]{text.rsplit('::', 1)[-1]}"
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {text}\n")


def _annotation(level: str, arguments: str, text: str) -> Json:
    given = dict(pair.split("=", 1) for pair in arguments.split(",") if "=" in pair)
    message = text.split("::", 2)[2]
    for code, sign in (("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        message = message.replace(code, sign)
    line = given.get("line", "1")
    number = int(line) if line.isdigit() else 1
    return {
        "path": given.get("file", ".github"),
        "start_line": number,
        "end_line": number,
        "annotation_level": LEVELS[level],
        "title": given.get("title"),
        "message": message,
    }


@dataclass(frozen=True)
class Ended:
    """How a script ended: its exit code, or `cancelled` / `timed_out`."""

    code: int
    why: str = ""


def run_script(
    script: str,
    *,
    folder: Path,
    environment: dict[str, str],
    file: Path,
    log: JobLog,
    seconds: float,
    ended: Callable[[], str],
) -> Ended:
    """Run with `bash -e -o pipefail`; a reason returned by `ended()` stops the script."""
    if not folder.is_dir():
        raise RefusalError(f"the working directory {folder} does not exist")
    file.write_text(script if script.endswith("\n") else f"{script}\n", encoding="utf-8")
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(file)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, log), daemon=True)
        reader.start()
        why = _wait(process, time.monotonic() + seconds, ended)
        # Processes that the script left behind end with it, as on a fresh runner.
        _end_group(process.pid, process)
        reader.join(GRACE)
    return Ended(process.returncode, why)


def _read(stream: IO[str], log: JobLog) -> None:
    for line in stream:
        log.line(line)


def _wait(process: subprocess.Popen[str], deadline: float, ended: Callable[[], str]) -> str:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            return ""
        why = ended() or ("timed_out" if time.monotonic() > deadline else "")
        if why:
            return why


def _end_group(group: int, process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    process.wait()


def read_pairs(file: Path) -> dict[str, str]:
    """The name=value and name<<END lines of a GITHUB_OUTPUT or GITHUB_ENV file."""
    found: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").splitlines() if file.exists() else [])
    for line in lines:
        if not line:
            continue
        block = re.fullmatch(r"([^=<\s]+)<<(\S+)", line)
        if block:
            body: list[str] = []
            for part in lines:
                if part == block[2]:
                    break
                body.append(part)
            else:
                raise RefusalError(f"{file.name}: the delimiter {block[2]!r} is missing")
            found[block[1]] = "\n".join(body)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
        else:
            raise RefusalError(f"{file.name}: {line!r} is neither name=value nor name<<END")
    return found
