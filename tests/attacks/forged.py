"""An attacker's inputs: proposals of any rows, zips of any content, trees that git never creates.

Every scenario has its own rows and so its own run key. So the scenarios of one module can share a
world.
"""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from bot.facts.proposed import head_proposal
from policy.facts.evidence import Evidence, Incumbent
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import read_pointer
from policy.facts.proposal import Proposal, run_key
from policy.governed import pointer_path
from tests.bot import builders as a
from tests.bot.world import World, git, inputs_of

POINTER = pointer_path(a.MODEL)
FOLDER = f"models/{a.MODEL}/"
BY_BOT = "countersign"


def rows(name: str) -> dict[str, str | None]:
    """The files of a proposal whose training rows are `name`."""
    return {**inputs_of(1), f"{FOLDER}data/train.jsonl": name}


def proposal(name: str) -> Proposal:
    facts = replace(a.facts_of(1), head_inputs=a.inputs(1, **{"data/train.jsonl": a.sha(name)}))
    return head_proposal(facts)


def live(world: World) -> Pointer | None:
    return read_pointer(world.live())


def key_of(world: World, name: str) -> str:
    """The run key that the bot gives to the proposal of these rows."""
    now = live(world)
    return run_key(proposal(name).digest, now.artifact.digest if now else None)


def evidence(world: World, name: str, **changes: Any) -> Evidence:
    """Evidence of the proposal of these rows that passes every gate, unless `changes` say else."""
    now = live(world)
    facts: dict[str, Any] = {"proposal": proposal(name)}
    if now is None:
        return a.evidence(1, **{**facts, **changes})
    facts["incumbent"] = Incumbent(version=now.version, artifact=now.artifact.digest)
    return a.evidence(2, **{**facts, **changes})


def proposed(
    world: World, name: str, text: str | None = None, files: dict[str, str | None] | None = None
) -> int:
    """Ada proposes these rows, and the run of their key leaves `text`; good evidence if None."""
    world.prepare(key_of(world, name), evidence(world, name).text() if text is None else text)
    branch = re.sub(r"[^a-z0-9]+", "-", name.lower())
    world.push(branch, {**rows(name), **(files or {})})
    number = world.open(branch, name)
    world.settle()
    return number


def signed(world: World, number: int) -> None:
    """Everybody signs the head, and the bot looks again with no error to hide behind."""
    world.approve(number, "grace", "omar")
    looked_at(world, number)
    if world.pull(number)["merged"]:
        world.settle()


def looked_at(world: World, number: int) -> None:
    """Let the bot work; an error of its own that the queue would log and drop is raised here."""
    world.settle()
    world.evaluator.pull(world.app.installation_id, a.REPOSITORY, number)


def refused(world: World, number: int, before: str | None) -> bool:
    """Return whether everybody's signature leaves the pull request red and main as it was.

    It is closed then: the next scenario's merge costs no look at it.
    """
    signed(world, number)
    pull, check = world.pull(number), world.conclusion(number)
    if pull["state"] == "open":
        world.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    red = check not in ("success", "neutral", "skipped", None, "no check")
    return red and not pull["merged"] and world.live() == before


def told(world: World, number: int) -> str:
    """Everything that the bot says on a pull request: its comments and its newest check."""
    output = (world.check(number) or {}).get("output") or {}
    parts = [*world.comments(number), *(str(output.get(k) or "") for k in ("summary", "text"))]
    return "\n".join(parts)


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip of these entries; a name may stand in it twice."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return held.getvalue()


def repacked(world: World, number: int, content: bytes) -> None:
    """Put other bytes in the place of the newest artifact, as a runner that lies would upload."""
    record = world.forge.repository(a.REPOSITORY)
    artifact = max(record.artifacts.values(), key=lambda item: item.id)
    place = world.root / f"zip-{number}"
    place.write_bytes(content)
    record.artifacts[artifact.id] = replace(artifact, zip=place, size=len(content))


def as_person(world: World, login: str, verb: str, url: str, body: Any = None) -> int:
    """One request by a person; return the status of the answer, whatever it is."""
    token = world.forge.actor(login).account.token
    return requests.request(
        verb,
        f"{world.forge.api_url}/repos/{a.REPOSITORY}{url}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ).status_code


@dataclass(frozen=True)
class Entry:
    """One line of a git tree as `update-index --index-info` reads it."""

    mode: str
    blob: str
    path: str


def blob(world: World, content: bytes) -> str:
    """Write a blob into Ada's clone; return its id."""
    done = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        cwd=world.clone,
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def push_entries(world: World, branch: str, entries: Iterable[Entry], start: str = "main") -> str:
    """Push a commit on top of `start` with these entries put into its tree; return its id."""
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "--force", "-B", branch, f"origin/{start}")
    lines = "".join(f"{each.mode} {each.blob}\t{each.path}\0" for each in entries)
    subprocess.run(
        ["git", "-c", "core.protectHFS=false", "update-index", "-z", "--index-info"],
        cwd=world.clone,
        input=lines.encode(),
        capture_output=True,
        check=True,
    )
    git(world.clone, "commit", "--quiet", "-m", "Entries")
    git(world.clone, "push", "--quiet", "origin", branch)
    sha = git(world.clone, "rev-parse", "HEAD")
    git(world.clone, "reset", "--quiet", "--hard")
    return sha


def push_trees(world: World, branch: str, path: list[bytes], content: bytes) -> tuple[int, str]:
    """Push a commit whose tree has one more file below `path`, by names that git would refuse.

    Return git's exit status and what it said.
    """
    git(world.clone, "fetch", "--quiet", "origin")
    inner = f"100644 blob {blob(world, content)}\t".encode() + path[-1] + b"\0"
    for depth in range(len(path) - 2, -1, -1):
        kept = b""
        if depth == 0:
            kept = _listed(world, "origin/main:" + path[0].decode())
        sha = _tree(world, kept + inner)
        inner = f"040000 tree {sha}\t".encode() + path[depth] + b"\0"
    others = b"".join(
        line + b"\0"
        for line in _listed(world, "origin/main").split(b"\0")
        if line and not line.endswith(b"\t" + path[0])
    )
    root = _tree(world, others + inner)
    commit = git(world.clone, "commit-tree", root, "-p", "origin/main", "-m", "Trees")
    done = subprocess.run(
        ["git", "push", "--quiet", "origin", f"{commit}:refs/heads/{branch}"],
        cwd=world.clone,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def _listed(world: World, tree: str) -> bytes:
    return subprocess.run(
        ["git", "ls-tree", "-z", tree], cwd=world.clone, capture_output=True, check=True
    ).stdout


def _tree(world: World, lines: bytes) -> str:
    done = subprocess.run(
        ["git", "mktree", "-z"], cwd=world.clone, input=lines, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def shipped(world: World, name: str) -> int:
    """Propose these rows, sign them and see them live; return the pull request."""
    number = proposed(world, name)
    signed(world, number)
    assert world.pull(number)["merged"], told(world, number)
    return number


def path_of(world: World, name: str) -> Path:
    """The file that the next run of these rows uploads."""
    return world.root / "evidence" / f"{key_of(world, name)}.json"
