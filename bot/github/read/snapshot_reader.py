"""From GitHub to a frozen Snapshot: every fact that one decision needs, read afresh.

A pull request that changes nothing governed costs three reads. What ids name is kept, so that most
evaluations of a governed one read the pull request, its files, commits, reviews, comments, checks
and runs, and little else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from bot.deciding.forward import head_proposal
from bot.deciding.merge_group import GroupFacts
from bot.deciding.rollback import is_rollback
from bot.facts.actions import FINETUNE, ROLLBACK
from bot.facts.snapshot import AskedAttempt, ModelFacts, PullFacts, Run, Snapshot
from bot.facts.trusted_runs import rollback_key
from bot.github.api import Api, path, ref_path
from bot.github.read import people_reader as read_people
from bot.github.read.attempt_tags import AttemptReader
from bot.github.read.issue_reader import IssueReader
from bot.github.read.measured_tags import MeasuredReader
from bot.github.read.pull_reader import Changes, PullReader, pull_facts
from bot.github.read.run_reader import Runs
from bot.github.read.tree_reader import Files, Tree
from bot.report.own_comment import earlier_keys
from policy import documents
from policy.errors import UserError
from policy.facts.pointer_history import read_pointer
from policy.facts.proposal import run_key
from policy.files.rules import Policy
from policy.governed import (
    CARDS,
    CODEOWNERS_PLACES,
    KEYS,
    MODELS,
    POLICY_FILE,
    is_folder_place,
    is_governed,
    is_model_name,
    models_of,
    pointer_path,
)
from policy.people.sign_off import Review


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
        self.pulls = PullReader(api, repository, bot.login, bot.app_id)
        self.issues = IssueReader(api, repository, bot.login)

    def snapshot(self, number: int) -> Snapshot | None:
        """Return everything about one pull request; None where there is nothing to do about it.

        That is where no pull request has the number, or where `nothing_to_do` was said of it and
        neither its head nor its base has moved since.
        """
        item = self.pulls.item(number)
        if item is None:
            return None
        branch = str(item["base"]["repo"]["default_branch"])
        pull = pull_facts(item, can_write=False)
        if pull.state == "open" and self._api.recall(self._ungoverned(pull)):
            return None
        known: dict[str, Any] = {
            "repository": str(item["base"]["repo"]["full_name"]),
            "default_branch": branch,
            "bot": self._bot.login,
            "web": self._bot.web,
            "own_key": self._bot.public_key,
            "now": self._bot.now(),
            "labels": frozenset(str(label["name"]) for label in item.get("labels") or ()),
        }
        if pull.state == "closed" and not pull.merged:
            return Snapshot(pull=pull, **known)
        elsewhere = pull.base_ref != branch
        changes = None
        if not elsewhere:
            changes = self.pulls.changes(item, branch, self.branch_head)
            known |= {
                "files": changes.files,
                "files_truncated": changes.files_truncated,
                "commits": changes.commits,
                "commits_truncated": changes.commits_truncated,
                "base_head": changes.base,
            }
        small = Snapshot(pull=pull, **known)
        known["checks"] = self.pulls.checks(pull.head_sha)
        if item.get("comments"):
            known["comments"] = self.pulls.comments(number)
        concerns = is_governed(small.paths, truncated=small.files_truncated)
        concerns = concerns or any(map(is_folder_place, small.paths))
        if changes is None or not concerns:
            return Snapshot(pull=pull, **known)
        return self._governed(replace(small, **known), changes)

    def nothing_to_do(self, snapshot: Snapshot) -> None:
        """Remember that a pull request changes nothing governed, and that its check says so."""
        if snapshot.pull.state == "open" and not snapshot.comments:
            self._api.remember(self._ungoverned(snapshot.pull))

    def _ungoverned(self, pull: PullFacts) -> str:
        at = (pull.number, pull.head_sha, pull.base_ref, pull.base_sha)
        return f"nothing governed {self._base} {at}"

    def _governed(self, small: Snapshot, changes: Changes) -> Snapshot:
        """Return the snapshot with all that judges a pull request which changes governed files."""
        pull = small.pull
        reviews = self.pulls.reviews(pull.number)
        head, base = self._files.tree(pull.head_sha), self._files.tree(changes.base)
        fork = self._files.tree(self._before_merge(pull) or changes.fork)
        policy_text = self._files.text(base.blobs.get(POLICY_FILE))
        owners_path = next((p for p in CODEOWNERS_PLACES if p in base.blobs), None)
        owners = self._files.text(base.blobs[owners_path]) if owners_path else None
        policy = read_policy(policy_text)
        teams, roles = self._teams(policy, owners, small.paths)
        writers = read_people.writers(self._api, self._repository)
        trusted = {login.lower() for login in writers} | {self._bot.login.lower()}
        return replace(
            small,
            pull=replace(pull, author_can_write=pull.author.lower() in trusted),
            reviews=reviews,
            writers=writers,
            roles=roles,
            teams=teams,
            policy=policy_text,
            codeowners=owners,
            codeowners_path=owners_path or CODEOWNERS_PLACES[0],
            codeowners_is_link=owners_path in base.irregular,
            links=tuple(
                name for name in small.paths if is_folder_place(name) and name in head.irregular
            ),
            head_policy=self._files.text(head.blobs.get(POLICY_FILE)),
            events=() if pull.merged else self.pulls.events(pull.number),
            trees=self._trees(policy, pull, reviews, changes),
            keys=tuple(
                self._files.text(blob) or ""
                for name, blob in base.below(KEYS)
                if name.endswith(".pem")
            ),
            models=tuple(
                self._model(name, small, head, base, fork, changes.base)
                for name in models_of(small.paths)
                if is_model_name(name)
            ),
        )

    def _before_merge(self, pull: PullFacts) -> str:
        """Return the commit that a merged pull request was merged onto; empty while it is open."""
        if not pull.merged or pull.merge_sha is None:
            return ""
        described = self._api.fixed(f"{self._base}/git/commits/{pull.merge_sha}")
        return str(described["parents"][0]["sha"]) if described and described["parents"] else ""

    def _trees(
        self,
        policy: Policy | None,
        pull: PullFacts,
        reviews: tuple[Review, ...],
        changes: Changes,
    ) -> dict[str, str]:
        """Return the trees that approvals were given to, where the policy lets a tree keep them.

        The same tree on top of another commit of the base branch is another change: it may take
        back what came in between. So only what left the base branch where the head did is named.
        """
        if policy is None or not policy.sign_off.keep_on_same_tree:
            return {}
        approved = {review.commit for review in reviews if review.state == "APPROVED"}
        if not pull.merged:
            approved = {c for c in approved if self.pulls.fork(changes.base, c) == changes.fork}
        return {
            commit: self._files.tree_of(commit) for commit in sorted(approved | {pull.head_sha})
        }

    def merge_groups(self) -> tuple[str, ...]:
        """Return the branch of every merge group there is."""
        listed = self._api.pages(f"{self._base}/git/matching-refs/heads/gh-readonly-queue/")
        return tuple(str(item["ref"]).removeprefix("refs/heads/") for item in listed)

    def group(self, ref: str, number: int) -> GroupFacts | None:
        """Return everything about one merge group; None where it is gone."""
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
            snapshot=self.before_green(snapshot),
            group=self._files.tree(head).blobs,
            onto=self._files.tree(onto).blobs,
            tip=self._files.tree(tip).blobs,
            pull=self._files.tree(snapshot.pull.head_sha).blobs,
            checks=self.pulls.checks(head),
        )

    def branch_head(self, branch: str) -> str:
        """Return the commit that a branch points to now."""
        answer = self._api.get(f"{self._base}/git/ref/heads/{ref_path(branch)}")
        return str(answer["object"]["sha"])

    def _teams(
        self, policy: Policy | None, owners: str | None, paths: Iterable[str]
    ) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
        """Return the members of each team that matters, and the holders of each role."""
        if policy is None:
            return {}, {}  # decide says what is wrong with it
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

    def _model(
        self, name: str, small: Snapshot, head: Tree, base: Tree, fork: Tree, base_head: str
    ) -> ModelFacts:
        folder, cards, pointer = f"{MODELS}/{name}", f"{CARDS}/{name}", pointer_path(name)
        text = self._files.text
        head_pointer = text(head.blobs.get(pointer))
        named = read_pointer(head_pointer)
        record = named.evidence.path if named else ""
        inside = record.startswith(cards + "/")
        live = read_pointer(text(base.blobs.get(pointer)))
        live_record = live.evidence.path if live else ""
        live_inside = live_record.startswith(cards + "/")
        facts = ModelFacts(
            name=name,
            head_inputs=head.below(folder),
            base_inputs=base.below(folder),
            fork_inputs=fork.below(folder),
            irregular=head.irregular_below(folder) + head.irregular_below(cards),
            recipe=text(head.blobs.get(f"{folder}/recipe.yml")),
            dataset_card=text(head.blobs.get(f"{folder}/data/README.md")),
            base_recipe=text(base.blobs.get(f"{folder}/recipe.yml")),
            base_dataset_card=text(base.blobs.get(f"{folder}/data/README.md")),
            head_cards=head.below(cards),
            base_cards=base.below(cards),
            fork_cards=fork.below(cards),
            head_pointer=head_pointer,
            base_pointer=text(base.blobs.get(pointer)),
            fork_pointer=text(fork.blobs.get(pointer)),
            head_evidence=text(head.blobs.get(record)) if inside else None,
            recorded=text(base.blobs.get(record)) if inside else None,
            live_record=text(base.blobs.get(live_record)) if live_inside else None,
            head_sizes=tuple(
                (name.removeprefix(folder + "/"), size)
                for name, size in sorted(head.sizes.items())
                if name.startswith(folder + "/")
            ),
        )
        facts = self._with_attempts(small, facts)
        if small.pull.merged:
            return facts
        if facts.base_pointer is not None or pointer in small.paths:
            past = self._files.history(base_head, pointer)
            facts = replace(
                facts,
                history=tuple(entry.text for entry in past),
                history_dates=tuple(entry.date for entry in past),
            )
        facts = replace(facts, runs=self._runs(small, facts))
        measured, foreign = self._measured(small, facts)
        return replace(facts, measured=measured, measured_foreign=foreign)

    def before_green(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with what is only looked up where the check could turn green.

        That is whether promotions are frozen, and whether another process of this bot recorded an
        attempt meanwhile; then everything is read again.
        """
        reader = AttemptReader(self._api, self._repository, self._bot.public_key)
        for facts in snapshot.models:
            try:
                proposal = head_proposal(facts).digest
            except UserError:
                continue
            records, foreign = reader.of(facts.name, proposal, afresh=True)
            known = tuple(asked.record for asked in facts.attempts)
            if not is_rollback(snapshot, facts) and (records, foreign) != (
                known,
                facts.attempts_foreign,
            ):
                snapshot = self.snapshot(snapshot.pull.number) or snapshot
                break
        return replace(snapshot, freeze=self.issues.freeze())

    def _with_attempts(self, small: Snapshot, facts: ModelFacts) -> ModelFacts:
        """Return the facts with every attempt of the present proposal; a rollback has none."""
        if is_rollback(small, facts):
            return facts
        try:
            proposal = head_proposal(facts).digest
        except UserError:
            return facts
        reader = AttemptReader(self._api, self._repository, self._bot.public_key)
        records, foreign = reader.of(facts.name, proposal)
        live = read_pointer(facts.base_pointer)
        incumbent = live.artifact.digest if live else None
        measured = MeasuredReader(self._api, self._repository, self._bot.public_key)
        keys = [run_key(proposal, incumbent, record.number) for record in records]
        return replace(
            facts,
            attempts=tuple(
                AskedAttempt(record, *measured.first(facts.name, key))
                for record, key in zip(records, keys, strict=True)
            ),
            attempts_foreign=foreign,
        )

    def _measured(self, small: Snapshot, facts: ModelFacts) -> tuple[str, str]:
        """Return which evidence of the present key was seen first; nothing for a rollback."""
        live = read_pointer(facts.base_pointer)
        if is_rollback(small, facts):
            return "", ""
        try:
            proposal = head_proposal(facts)
        except UserError:
            return "", ""
        key = run_key(proposal.digest, live.artifact.digest if live else None)
        return MeasuredReader(self._api, self._repository, self._bot.public_key).first(
            facts.name, key
        )

    def _runs(self, small: Snapshot, facts: ModelFacts) -> tuple[Run, ...]:
        """Return the runs of the key that this model waits for, and of those before it."""
        live, head = read_pointer(facts.base_pointer), read_pointer(facts.head_pointer)
        runs = Runs(self._api, self._repository, small.default_branch, self._bot.login)
        incumbent = live.artifact.digest if live else None
        if is_rollback(small, facts):
            if head is None:
                return ()
            key = rollback_key(head.artifact.digest, incumbent, small.pull.number)
            return runs.of_key(ROLLBACK, facts.name, key)
        try:
            proposal = head_proposal(facts)
        except UserError:
            return ()  # decide says what is wrong with the recipe
        key = run_key(proposal.digest, incumbent)
        attempts = [
            run_key(proposal.digest, incumbent, asked.record.number) for asked in facts.attempts
        ]
        earlier = (*earlier_keys(small.comments), *attempts)
        return runs.of_key(FINETUNE, facts.name, key, earlier)


def read_policy(text: str | None) -> Policy | None:
    """Return the policy, or None where it is missing or broken."""
    try:
        return documents.parse(Policy, text or "", POLICY_FILE)
    except UserError:
        return None
