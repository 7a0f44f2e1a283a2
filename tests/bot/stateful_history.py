"""What the default branch may hold, told from git and the forge's own records alone.

Written against the rules as people read them, and not with the code that decides: people, quorum
and history are worked out again here. Of `policy` only the proposal's digest and the form of a
record are used, and of `attestation` the verification of a signature.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import yaml

from countersign_ml.attestation import public_key, verify
from countersign_ml.forge.git.bare_repository import GitError
from countersign_ml.forge.state.commit_records import CheckRun
from countersign_ml.forge.state.thread_records import Issue, Pull
from policy.facts.proposal import propose
from policy.people.sign_off_record import SIGN_OFF_TYPE
from tests.bot import builders as a
from tests.bot.stateful_town import PEOPLE, POINTER, WRITING, Town

FOLDER = f"models/{a.MODEL}"
RULES = ("policy/", ".github/")
TRAILER = re.compile(r"^Co-authored-by: .*<([^>]*)>$", re.MULTILINE)
ADDRESS = re.compile(
    r"(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@(?:example|users\.noreply\.github)\.com"
)


@dataclass(frozen=True)
class Landing:
    """A first-parent commit of main, the pull request that it came by, and what it moved."""

    commit: str
    parent: str
    thread: Issue
    pull: Pull
    before: str | None
    after: str | None

    @property
    def by_bot(self) -> bool:
        return self.pull.merged_by is not None and self.pull.merged_by.login == a.BOT


def green(town: Town, head: str) -> CheckRun | None:
    """The newest check of the App at a commit, where it is a success."""
    ours = [
        run
        for run in town.record.check_runs.values()
        if run.sha == head and run.name == "countersign" and run.app.id == town.app.id
    ]
    newest = max(ours, key=lambda run: run.id, default=None)
    return newest if newest is not None and newest.conclusion == "success" else None


def mark(town: Town, commit: str) -> str | None:
    """What the App says on a merge commit: how it judged the merge afterwards."""
    ours = [
        run
        for run in town.record.check_runs.values()
        if run.sha == commit and run.name == "countersign/merged" and run.app.id == town.app.id
    ]
    assert len(ours) <= 1, "judged twice"
    return ours[0].conclusion if ours else None


def incidents(town: Town) -> set[int]:
    """The pull requests that an open or closed incident is about."""
    found = (re.match(r"Incident: #(\d+) ", issue.title) for issue in town.record.issues.values())
    return {int(match[1]) for match in found if match}


def squashed(town: Town, head: str) -> bool:
    """Whether the App turned a green check red, because a squash left the head outside main."""
    return any(
        run.sha == head and run.name == "countersign" and run.title == "Merged"
        for run in town.record.check_runs.values()
    )


def landings(town: Town, seen: str) -> Iterator[Landing]:
    """Every commit that main got since, oldest first; each came by one merged pull request.

    Open twins of its head are merged by the same push; nobody merged those.
    """
    listed = town.store.text("rev-list", "--first-parent", "--reverse", f"{seen}..main").split()
    for commit in listed:
        if commit in town.pushed:
            continue
        parent = town.store.text("rev-parse", f"{commit}^1")
        merged = [(t, p) for _, t, p in town.merged() if p.base == "main"]
        came = [
            (t, p)
            for t, p in merged
            if p.merge_commit == commit
            and any(note.text.startswith("merged commit") for note in t.notes)
        ]
        assert len(came) == 1, f"{commit} came by {len(came)} pull requests"
        thread, pull = came[0]
        yield Landing(commit, parent, thread, pull, town.pointer(parent), town.pointer(commit))


def is_back(town: Town, at: str, after: str | None) -> bool:
    """Whether a pointer goes back to what the branch that ends at `at` held before."""
    if after is None:
        return True
    before = town.pointer(at)
    left = json.loads(after).get("predecessor")
    live = json.loads(before) if before is not None else None
    named = live and {"version": live["version"], "artifact": live["artifact"]["digest"]}
    fresh = left == named
    listed = town.store.text("rev-list", "--first-parent", at, "--", POINTER).split()
    return not fresh and any(town.pointer(commit) == after for commit in listed)


def result(town: Town, parent: str, head: str) -> str | None:
    """The tree that merging a head into `parent` makes, by git itself; None if they conflict."""
    words = ("merge-tree", "--write-tree", "--allow-unrelated-histories", parent, head)
    try:
        return town.store.text(*words)
    except GitError:
        return None


def asked(town: Town, parent: str, made: str) -> dict[str, int]:
    """The quorum that a merge needs which makes this tree of `parent`; empty where none is asked.

    What a pull request shows does not matter: the two trees are compared.
    """
    changed = town.store.text("diff", "--name-only", "--no-renames", parent, made).splitlines()
    rules = yaml.safe_load(town.store.file(parent, "policy/policy.yml") or b"")["sign_off"]
    wanted: list[dict[str, int]] = []
    if POINTER in changed:
        if is_back(town, parent, town.pointer(made)):
            wanted.append(rules["rollback"])
        else:
            wanted += [rules["promote"], rules.get("data", {})]
    if any(path.startswith(RULES) for path in changed):
        wanted.append(rules.get("policy") or rules["promote"])
    found: dict[str, int] = {}
    for quorum in wanted:
        for role, count in quorum.items():
            found[role] = max(count, found.get(role, 0))
    return found


def makers(town: Town, parent: str, head: str) -> set[str]:
    """Whom the commits of a head name, the App aside: logins, and addresses of strangers."""
    log = town.store.text("log", "--format=%ae%n%ce%n%B%x00", f"{parent}..{head}")
    found: set[str] = set()
    for entry in filter(None, (part.strip() for part in log.split("\0"))):
        author, committer, message = (*entry.split("\n", 2), "", "")[:3]
        for address in (author, committer, *TRAILER.findall(message)):
            match = ADDRESS.fullmatch(address)
            found.add(match[1] if match else address)
    return found - {a.BOT, "noreply@github.com"}


def signers(town: Town, thread: Issue, pull: Pull, parent: str) -> set[str]:
    """Who signed this very head, may write, and has no part in it."""
    head = pull.head_sha
    rules = yaml.safe_load(town.store.file(parent, "policy/policy.yml") or b"")
    kept = bool(rules["sign_off"].get("keep_on_same_tree"))
    tree = town.store.text("rev-parse", f"{head}^{{tree}}")
    moved = max((e.at for e in thread.events if e.name == "base_ref_changed"), default=0.0)
    involved = makers(town, parent, head) | {thread.author.login}
    found = set()
    for login in PEOPLE:
        own = [r for r in pull.reviews if r.author.login == login and r.state != "COMMENTED"]
        if not own or own[-1].state != "APPROVED" or login in involved:
            continue
        on = own[-1].commit
        same = on == head or (kept and town.store.text("rev-parse", f"{on}^{{tree}}") == tree)
        when = own[-1].submitted or 0.0
        if same and when > moved and town.record.collaborators.get(login) in WRITING:
            found.add(login)
    return found


def objections(town: Town, pull: Pull, parent: str) -> set[str]:
    """Holders of any role whose latest word is that changes are needed."""
    roles = yaml.safe_load(town.store.file(parent, "policy/policy.yml") or b"")["roles"]
    holders = {login for role in roles.values() for login in role["users"]}
    found = set()
    for login in holders:
        own = [r for r in pull.reviews if r.author.login == login and r.state != "COMMENTED"]
        if own and own[-1].state == "CHANGES_REQUESTED":
            found.add(login)
    return found


def why_not(town: Town, thread: Issue, pull: Pull, parent: str, made: str | None) -> str:
    """Why the people who signed a head are not enough for the tree `made` on top of `parent`.

    Empty where they are enough, or where there is no such tree.
    """
    quorum = asked(town, parent, made) if made is not None else {}
    if not quorum:
        return ""
    against = objections(town, pull, parent)
    if against:
        return f"{sorted(against)} asked for changes"
    roles = yaml.safe_load(town.store.file(parent, "policy/policy.yml") or b"")["roles"]
    places = [role for role, count in quorum.items() for _ in range(count)]
    signed = signers(town, thread, pull, parent)
    filled = any(
        all(login in roles[role]["users"] for login, role in zip(people, places, strict=True))
        for people in permutations(sorted(signed), len(places))
    )
    return "" if filled else f"{sorted(signed)} do not fill {quorum} of {roles}"


def judge_content(town: Town, landing: Landing) -> None:
    """Assert that what is live is what was measured: pointer, evidence, inputs and record agree."""
    if landing.after is None:
        assert json.loads(landing.before or "{}").get("predecessor") is None, "removed, not undone"
        return
    pointer = json.loads(landing.after)
    files = dict(_blobs(town, landing.commit, FOLDER))
    recipe = yaml.safe_load(town.store.file(landing.commit, f"{FOLDER}/recipe.yml") or b"")
    proposal = propose(a.MODEL, files.items(), recipe["base_model"], None).digest
    assert pointer["proposal"] == proposal, "the inputs are not those that the pointer names"
    content = town.store.file(landing.commit, pointer["evidence"]["path"])
    assert content is not None, "the evidence is missing"
    assert "sha256:" + hashlib.sha256(content).hexdigest() == pointer["evidence"]["digest"]
    evidence = json.loads(content)
    assert evidence["proposal"]["digest"] == proposal, "the evidence is about other inputs"
    assert evidence["kind"] == "finetune"
    assert pointer["artifact"]["digest"] in {e["digest"] for e in evidence["artifacts"]}
    if landing.after == landing.before:
        return
    back = is_back(town, landing.parent, landing.after)
    record = _record(town, landing, back)
    live = json.loads(landing.before) if landing.before is not None else None
    if back:
        before = town.store.file(landing.parent, pointer["evidence"]["path"])
        assert before == content, "the evidence of a way back is not that of the first time"
        shown = json.loads(record["recovery"][a.MODEL])
        assert shown["kind"] == "recovery"
        assert shown["measurements"][-1]["model"] == pointer["artifact"]["digest"]
    else:
        shown = evidence
        _judge_figures(town, landing, evidence, record)
    named = shown["incumbent"]
    assert (named and named["artifact"]) == (live and live["artifact"]["digest"])
    assert (named and named["version"]) == (live and live["version"])


def _judge_figures(town: Town, landing: Landing, evidence: Any, record: Any) -> None:
    """Assert that the model is above the bar, or that somebody who may forced it by name."""
    candidate = next(m for m in evidence["measurements"] if m["subject"] == "candidate")
    (metric,) = (m for m in candidate["metrics"] if m["name"] == "exact_match")
    if metric["value"] >= 0.5:
        return
    rules = yaml.safe_load(town.store.file(landing.parent, "policy/policy.yml") or b"")
    involved = makers(town, landing.parent, landing.pull.head_sha) | {landing.thread.author.login}
    may = {login for role in rules["override"]["roles"] for login in rules["roles"][role]["users"]}
    forced = [o for o in record["overrides"] if o["gate"] == "measurement"]
    assert len(forced) == 1, "below the bar, and nobody forced it"
    assert forced[0]["user"] in may - involved
    assert forced[0]["evidence"] == json.loads(landing.after or "{}")["evidence"]["digest"]
    town.counts["forced"] += 1


def _record(town: Town, landing: Landing, back: bool) -> Any:
    """The signed record of who approved the head, about this very movement of the pointer."""
    number, head = landing.thread.number, landing.pull.head_sha
    prefix = f"refs/tags/countersign/pull-{number}/{head[:12]}-"
    keys = {"bot": public_key(town.settings.signing_key)}
    kind = "rollback" if back else "promote"
    found = []
    for ref, sha in town.store.refs("refs/tags/countersign/").items():
        if ref.startswith(prefix):
            tag = town.store.tag(sha)
            payload, _ = verify(tag.message, SIGN_OFF_TYPE, keys)
            record = json.loads(payload)["predicate"]
            assert tag.target == head == record["head"]
            moved = {(m["kind"], m["before"], m["after"]) for m in record["models"]}
            if (kind, _blob(landing.before), _blob(landing.after)) in moved:
                found.append(record)
    assert found, "nothing records who signed"
    return found[-1]


def _blob(text: str | None) -> str | None:
    if text is None:
        return None
    content = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _blobs(town: Town, commit: str, folder: str) -> Iterator[tuple[str, str]]:
    for line in town.store.text("ls-tree", "-r", commit, f"{folder}/").splitlines():
        head, _, path = line.partition("\t")
        yield path.removeprefix(f"{folder}/"), head.split()[2]
