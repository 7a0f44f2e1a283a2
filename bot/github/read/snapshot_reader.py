"""From GitHub to a frozen Snapshot: every fact that one decision needs, read afresh.

A pull request that changes nothing governed costs three reads, and one to three more for the policy
of each new base. What has an immutable id is kept, so most evaluations of a governed one read the
pull request, its files, commits, reviews, comments, checks and runs, and little else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from bot.facts.merge_groups import GroupFacts
from bot.facts.model_facts import ModelFacts
from bot.facts.snapshot import ChangedFile, PullFacts, Snapshot
from bot.github.api import Api, path, ref_path
from bot.github.read import people_reader as read_people
from bot.github.read.attempt_tags import AttemptReader
from bot.github.read.author_reader import AuthorReader
from bot.github.read.issue_reader import IssueReader
from bot.github.read.late_reader import LateReader
from bot.github.read.look_tags import LookReader
from bot.github.read.measured_tags import MeasuredReader
from bot.github.read.model_reader import ModelReader
from bot.github.read.pull_reader import Changes, PullReader, pull_facts
from bot.github.read.tree_reader import Files, Tree
from policy import documents
from policy.errors import UserError
from policy.files.rules import Policy
from policy.governed import (
    CARDS,
    CODEOWNERS_PLACES,
    KEYS,
    POLICY_FILE,
    is_folder_place,
    is_governed,
    is_model_name,
    models_of,
    pointer_path,
)
from policy.people.further_paths import further_paths
from policy.people.revoked_keys import REVOKED_KEYS
from policy.people.sign_off import Review

ABSENT = "not in the changes"


def _default(item: dict[str, Any]) -> str:
    return str(item["base"]["repo"]["default_branch"])


@dataclass(frozen=True)
class Bot:
    """Who the bot is: its login and App, where people look, the key it signs with, its clock."""

    login: str
    app_id: int
    web: str
    public_key: str
    now: Callable[[], str]


class Reader:
    """Reads one repository as one installation sees it."""

    def __init__(self, api: Api, repository: str, bot: Bot) -> None:
        self._api = api
        self._repository = repository
        self._bot = bot
        self._base = path("repos", *repository.split("/"))
        self._files = Files(api, repository)
        self.pulls = PullReader(api, repository, self._files, bot.login, bot.app_id)
        self._authors = AuthorReader(api, repository, bot.login, bot.web)
        self.issues = IssueReader(api, repository, bot.login)
        self._attempts = AttemptReader(api, repository, bot.public_key)
        self._looks = LookReader(api, repository, bot.public_key)
        measured = MeasuredReader(api, repository, bot.public_key)
        self._models = ModelReader(
            api, repository, self._files, self._attempts, measured, self._looks, bot.login
        )

    def snapshot(self, number: int) -> Snapshot | None:
        """Return everything about one pull request; None if there is nothing to do about it.

        That is so if no pull request has the number, or if `nothing_to_do` remembers it and the
        test merge on GitHub, whose parents are the two tips, is still the same.
        """
        item = self.pulls.item(number)
        if item is None:
            return None
        branch = str(item["base"]["repo"]["default_branch"])
        pull = pull_facts(item, can_write=False)
        if pull.mergeable and self._api.recall(self._ungoverned(pull)):
            return None
        known: dict[str, Any] = {
            "repository": str(item["base"]["repo"]["full_name"]),
            "default_branch": branch,
            "bot": self._bot.login,
            "late": LateReader(self.issues, self._attempts, self._looks),
            "web": self._bot.web,
            "own_key": self._bot.public_key,
            "now": self._bot.now(),
            "labels": frozenset(str(label["name"]) for label in item.get("labels") or ()),
        }
        elsewhere = pull.base_ref != branch
        if (pull.state == "closed" and not pull.merged) or elsewhere:
            known["checks"] = self.pulls.checks(pull.head_sha)
            green = bool(known["checks"]) and known["checks"][-1].conclusion == "success"
            known["shared"] = green and self.pulls.shared(item, branch)
            return Snapshot(pull=pull, **known)
        changes = self._changes(item, branch)
        policy = self._policy(changes)
        known |= {
            "files": changes.files,
            "files_truncated": changes.files_truncated,
            "commits": changes.commits,
            "commits_truncated": changes.commits_truncated,
            "base_head": changes.base,
            "policy": policy,
            **_merge(changes, _governing(policy)),
        }
        small = Snapshot(pull=pull, **known)
        known["checks"] = self.pulls.checks(pull.head_sha)
        if item.get("comments"):
            known["comments"] = self.pulls.comments(number)
        concerns = is_governed(small.paths, truncated=small.files_truncated)
        concerns = concerns or any(map(is_folder_place, small.paths))
        concerns = concerns or bool(small.further_changed)
        if not concerns:
            return Snapshot(pull=pull, **known)
        return self._governed(replace(small, **known), changes)

    def _changes(self, item: dict[str, Any], branch: str) -> Changes:
        """Return what it changes on the tip of its base, or on the commit it was merged onto."""
        if item.get("merged"):
            onto = self.pulls.onto(item)
            changes = self.pulls.changes(item, onto, lambda commit: commit)
        else:
            changes = self.pulls.changes(item, branch, self.branch_head)
        return replace(changes, merged=self.pulls.merged(item, changes.base))

    def _policy(self, changes: Changes) -> str | None:
        """Return the text of the policy on the base branch.

        A governed change needs that commit's whole tree anyway; any other needs only this file.
        """
        if is_governed((file.path for file in changes.files), truncated=changes.files_truncated):
            return self._files.text(self._files.tree(changes.base).blobs.get(POLICY_FILE))
        return self._files.text(self._files.blob(changes.base, POLICY_FILE))

    def nothing_to_do(self, snapshot: Snapshot) -> None:
        """Remember that a pull request changes nothing governed, and that its check says so."""
        if snapshot.pull.mergeable and not snapshot.comments:
            self._api.remember(self._ungoverned(snapshot.pull))

    def _ungoverned(self, pull: PullFacts) -> str:
        at = (pull.number, pull.head_sha, pull.base_ref, pull.merge_sha)
        return f"nothing governed {self._base} {at}"

    def _governed(self, small: Snapshot, changes: Changes) -> Snapshot:
        """Return the snapshot with everything that judges a change of governed files."""
        pull = small.pull
        reviews = self.pulls.reviews(pull.number)
        head, base = self._files.tree(pull.head_sha), self._files.tree(changes.base)
        fork = self._files.tree(changes.fork)
        governs = _governing(small.policy)
        owners_path = next((p for p in CODEOWNERS_PLACES if p in base.blobs), None)
        owners = self._files.text(base.blobs[owners_path]) if owners_path else None
        policy = read_policy(small.policy)
        teams, roles = self._teams(policy, owners, small.paths)
        writers = read_people.writers(self._api, self._repository)
        trusted = {login.lower() for login in writers} | {self._bot.login.lower()}
        snapshot = replace(
            small,
            pull=replace(pull, author_can_write=pull.author.lower() in trusted),
            commits=self._authors.resolved(changes.commits, small.now),
            reviews=reviews,
            writers=writers,
            roles=roles,
            assistants=policy.sign_off.assistants if policy is not None else (),
            teams=teams,
            codeowners=owners,
            codeowners_path=owners_path or CODEOWNERS_PLACES[0],
            codeowners_is_link=owners_path in base.irregular,
            unlike=(*small.unlike, *_left_out(changes, head, base, governs)),
            links=tuple(
                name
                for name in small.paths
                if name in head.irregular
                and (is_folder_place(name) or name in small.further_changed)
            ),
            head_policy=self._files.text(head.blobs.get(POLICY_FILE)),
            events=self.pulls.events(pull.number),
            mark=self.pulls.mark(pull.merge_sha) if pull.merged and pull.merge_sha else "",
            head_remains=not pull.merged or self.pulls.remains(pull),
            trees=self._trees(policy, pull, reviews, changes),
            keys=tuple(
                self._files.text(blob) or ""
                for name, blob in base.below(KEYS)
                if name.endswith(".pem")
            ),
            revoked_keys=self._files.text(base.blobs.get(REVOKED_KEYS)),
            models=tuple(
                self._model(small, changes.base, self._models.in_trees(name, head, base, fork))
                for name in models_of(small.paths)
                if is_model_name(name)
            ),
        )
        models = tuple(self._models.with_runs(snapshot, facts) for facts in snapshot.models)
        known = [(snapshot.proposals[facts.name], facts) for facts in models]
        late = LateReader(self.issues, self._attempts, self._looks, known)
        return replace(snapshot, models=models, late=late)

    def _model(self, small: Snapshot, base_head: str, facts: ModelFacts) -> ModelFacts:
        """Return the facts with the pointer's history, if that can matter."""
        moved = facts.base_pointer is not None or pointer_path(facts.name) in small.paths
        if not moved:
            return facts
        return self._models.with_history(facts, base_head)

    def _trees(
        self,
        policy: Policy | None,
        pull: PullFacts,
        reviews: tuple[Review, ...],
        changes: Changes,
    ) -> dict[str, str]:
        """Return the trees that approvals were given to, if the policy lets a tree keep them.

        The same tree on top of another commit of the base branch is another change: it may revert
        what came in between. So only commits that left the base branch where the head did count.
        """
        if policy is None or not policy.sign_off.keep_on_same_tree:
            return {}
        approved = {review.commit for review in reviews if review.state == "APPROVED"}
        approved = {c for c in approved if self.pulls.fork(changes.base, c) == changes.fork}
        return {
            commit: self._files.tree_of(commit) for commit in sorted(approved | {pull.head_sha})
        }

    def merge_groups(self) -> tuple[str, ...]:
        """Return the branch of every merge group there is."""
        listed = self._api.pages(f"{self._base}/git/matching-refs/heads/gh-readonly-queue/")
        return tuple(str(item["ref"]).removeprefix("refs/heads/") for item in listed)

    def group(self, ref: str, number: int) -> GroupFacts | None:
        """Return everything about one merge group; None if it is gone."""
        answer = self._api.find(f"{self._base}/git/ref/heads/{ref_path(ref)}")
        snapshot = self.snapshot(number) if answer is not None else None
        if answer is None or snapshot is None or snapshot.pull.state != "open":
            return None
        head = str(answer["object"]["sha"])
        described = self._api.fixed(f"{self._base}/git/commits/{head}")
        onto = str(described["parents"][0]["sha"])
        tip = snapshot.base_head or self.branch_head(snapshot.default_branch)
        return GroupFacts(
            ref=ref,
            head=head,
            snapshot=snapshot,
            group=self._files.tree(head).blobs,
            onto=self._files.tree(onto).blobs,
            tip=self._files.tree(tip).blobs,
            pull=self._files.tree(snapshot.pull.head_sha).blobs,
            checks=self.pulls.checks(head),
        )

    def stamps(self) -> dict[int, str]:
        """Return a stamp of every open pull request that changes when it or its base moves."""
        items = self.issues.listed_pulls()
        tips = {ref: self.branch_head(ref) for ref in {_default(item) for item in items}}
        return {
            int(item["number"]): " ".join(
                (
                    str(item["updated_at"]),
                    str(item["head"]["sha"]),
                    str(item["base"]["ref"]),
                    tips[_default(item)],
                )
            )
            for item in items
        }

    def branch_head(self, branch: str) -> str:
        """Return the commit that a branch points to now."""
        answer = self._api.get(f"{self._base}/git/ref/heads/{ref_path(branch)}")
        return str(answer["object"]["sha"])

    def _teams(
        self, policy: Policy | None, owners: str | None, paths: Iterable[str]
    ) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
        """Return the members of each team that matters, and the holders of each role."""
        if policy is None:
            return {}, {}  # deciding says what is wrong with it
        owning = read_people.teams_of_owners(owners, self._released(paths))
        named = {team for role in policy.roles.values() for team in role.teams}
        found: dict[str, frozenset[str]] = {}
        for team in sorted(owning | named):
            logins = read_people.members(self._api, team)
            if logins is not None:
                found[team] = logins
        roles = read_people.roles_of(policy, found)
        if owning:
            writing = read_people.teams_that_write(self._api, self._repository)
            found = {t: m for t, m in found.items() if t.partition("/")[2].lower() in writing}
        return found, roles

    def _released(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the changed paths and those that a release commit will change too."""
        listed = tuple(paths)
        extra = (
            name
            for model in models_of(listed)
            for name in (
                pointer_path(model),
                f"{CARDS}/{model}/next.md",
                f"{CARDS}/{model}/next.json",
            )
        )
        return (*listed, *extra)


def read_policy(text: str | None) -> Policy | None:
    """Return the policy, or None if it is missing or broken."""
    try:
        return documents.parse(Policy, text or "", POLICY_FILE)
    except UserError:
        return None


def _governing(policy: str | None) -> Callable[[str], bool]:
    """Return whether a path is governed, by the rules that always hold or by the policy."""
    further = further_paths(policy)
    return lambda path: is_governed([path]) or further.governs(path)


def _merge(changes: Changes, governs: Callable[[str], bool]) -> dict[str, Any]:
    """Return what the merge would change, next to what the head's changes show."""
    if changes.merged is None:
        return {"merge_unknown": True}
    unlike = sorted(
        name
        for name, blob in changes.merged.items()
        if (governs(name) or is_folder_place(name)) and changes.blobs.get(name, ABSENT) != blob
    )
    shown = {file.path for file in changes.files}
    more = tuple(ChangedFile(name) for name in unlike if name not in shown)
    return {"unlike": tuple(unlike), "files": (*changes.files, *more)}


def _left_out(
    changes: Changes, head: Tree, base: Tree, governs: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the governed paths of the head's changes that the merge would leave as they are."""
    if changes.merged is None:
        return ()
    return tuple(
        name
        for name in changes.blobs
        if name not in changes.merged
        and governs(name)
        and head.blobs.get(name) != base.blobs.get(name)
    )
