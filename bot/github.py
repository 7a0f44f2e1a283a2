"""From GitHub to a frozen Snapshot: every fact that one decision needs, read afresh.

A pull request that changes nothing governed costs three reads. What ids name is kept, so that most
evaluations of a governed one read the pull request, its files, commits, reviews, comments, checks
and runs, and little else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bot import comment_commands, messages, read_people
from bot.actions import FINETUNE, ROLLBACK
from bot.api import Api, ApiError, path
from bot.forward import head_proposal
from bot.own_comment import earlier_keys, keys_in
from bot.read_runs import Runs
from bot.read_trees import Files, Tree
from bot.rollback import is_rollback
from bot.runs import rollback_key
from bot.snapshot import (
    MAX_COMMITS,
    MAX_FILES,
    ChangedFile,
    Comment,
    Incident,
    ModelFacts,
    PostedCheck,
    PullFacts,
    Run,
    Snapshot,
)
from policy import codeowners, documents
from policy.errors import UserError
from policy.governed import CARDS, MODELS, POLICY_FILE, is_model_name, models_of, pointer_path
from policy.pointers import read_pointer
from policy.proposal import run_key
from policy.rules import Policy
from policy.signoff import Review

REVIEW_STATES = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"})


class Reader:
    """Reads one repository as one installation sees it."""

    def __init__(self, api: Api, repository: str, bot: str, app_id: int, web: str) -> None:
        self._api = api
        self._repository = repository
        self._bot = bot
        self._app_id = app_id
        self._web = web
        self._base = path("repos", *repository.split("/"))
        self._files = Files(api, repository)

    def snapshot(self, number: int) -> Snapshot | None:
        """Return everything about one pull request; None where there is none of that number."""
        item = self._api.find(f"{self._base}/pulls/{number}")
        if item is None:
            return None
        branch = str(item["base"]["repo"]["default_branch"])
        files = self._changed_files(number)
        known: dict[str, Any] = {
            "repository": str(item["base"]["repo"]["full_name"]),
            "default_branch": branch,
            "bot": self._bot,
            "web": self._web,
            "files": files[:MAX_FILES],
            "files_truncated": len(files) >= MAX_FILES
            or int(item.get("changed_files") or 0) > len(files),
        }
        small = Snapshot(pull=self._pull(item, can_write=False), **known)
        known["checks"] = self._checks(small.pull.head_sha)
        if item.get("comments"):
            known["comments"] = self._comments(number)
            small = replace(small, comments=known["comments"])
        closed = small.pull.state == "closed" and not small.pull.merged
        names = models_of(small.paths)
        if closed or not names or small.pull.base_ref != branch:
            return Snapshot(pull=small.pull, **known)
        return self._governed(item, number, names, known, small)

    def _governed(
        self,
        item: dict[str, Any],
        number: int,
        names: tuple[str, ...],
        known: dict[str, Any],
        small: Snapshot,
    ) -> Snapshot:
        pull, branch = small.pull, small.default_branch
        commits = list(self._api.pages(f"{self._base}/pulls/{number}/commits", most=3))
        reviews = self._reviews(number)
        base_head = self.branch_head(branch)
        head, base = self._files.tree(pull.head_sha), self._files.tree(base_head)
        fork = base if pull.merged else self._files.tree(self._fork(base_head, pull.head_sha))
        policy_text = self._files.text(base.blobs.get(POLICY_FILE))
        owners_path = next((p for p in codeowners.LOCATIONS if p in base.blobs), None)
        owners = self._files.text(base.blobs[owners_path]) if owners_path else None
        teams, roles = self._teams(policy_text, owners, small.paths)
        asked = {r.user for r in reviews if r.state == "APPROVED"} | {pull.author}
        asked |= comment_commands.commanders(known.get("comments", ()))
        people = (login for login in asked if not login.endswith("[bot]"))
        writers = read_people.writers_among(self._api, self._repository, people)
        return Snapshot(
            pull=self._pull(item, can_write=pull.author in writers),
            commits=tuple(read_people.commit_facts(commit, self._bot) for commit in commits),
            commits_truncated=len(commits) >= MAX_COMMITS or item["commits"] > len(commits),
            reviews=reviews,
            writers=writers,
            roles=roles,
            teams=teams,
            policy=policy_text,
            codeowners=owners,
            codeowners_path=owners_path or codeowners.LOCATIONS[0],
            models=tuple(
                self._model(name, small, head, base, fork, base_head)
                for name in names
                if is_model_name(name)
            ),
            **known,
        )

    def branch_head(self, branch: str) -> str:
        """Return the commit that a branch points to now."""
        answer = self._api.get(f"{self._base}/git/ref/heads/{branch}")
        return str(answer["object"]["sha"])

    def _fork(self, base: str, head: str) -> str:
        """Return the commit where the pull request left the base branch."""
        answer = self._api.fixed(f"{self._base}/compare/{base}...{head}", {"per_page": 1})
        if answer is None:
            return base
        return str(answer["merge_base_commit"]["sha"])

    def _pull(self, item: dict[str, Any], *, can_write: bool) -> PullFacts:
        head, base = item["head"], item["base"]
        merged = bool(item.get("merged"))
        return PullFacts(
            number=int(item["number"]),
            title=str(item["title"]),
            author=str(item["user"]["login"]) if item.get("user") else "ghost",
            author_can_write=can_write,
            head_sha=str(head["sha"]),
            head_ref=str(head["ref"]),
            head_repository=str(head["repo"]["full_name"]) if head.get("repo") else None,
            base_ref=str(base["ref"]),
            base_sha=str(base["sha"]),
            state="open" if item["state"] == "open" else "closed",
            draft=bool(item.get("draft")),
            merged=merged,
            merge_sha=item.get("merge_commit_sha") if merged else None,
            merged_by=str(item["merged_by"]["login"]) if item.get("merged_by") else "",
            mergeable=item.get("mergeable"),
            squash_only=base["repo"].get("allow_merge_commit") is False,
        )

    def _changed_files(self, number: int) -> tuple[ChangedFile, ...]:
        items = self._api.pages(f"{self._base}/pulls/{number}/files")
        return tuple(
            ChangedFile(str(item["filename"]), item.get("previous_filename")) for item in items
        )

    def _checks(self, head: str) -> tuple[PostedCheck, ...]:
        asked = {"check_name": messages.CHECK_NAME, "app_id": self._app_id, "filter": "all"}
        items = self._api.pages(
            f"{self._base}/commits/{head}/check-runs", asked, inside="check_runs", most=3
        )
        ours = [item for item in items if item["app"] and int(item["app"]["id"]) == self._app_id]
        return tuple(
            PostedCheck(
                id=int(item["id"]),
                status=str(item["status"]),
                conclusion=item.get("conclusion"),
                fingerprint=str(item.get("external_id") or ""),
                annotations=int((item.get("output") or {}).get("annotations_count") or 0),
            )
            for item in sorted(ours, key=lambda item: int(item["id"]))
        )

    def _comments(self, number: int) -> tuple[Comment, ...]:
        items = self._api.pages(f"{self._base}/issues/{number}/comments")
        return tuple(
            Comment(
                id=int(item["id"]),
                author=str(item["user"]["login"]) if item.get("user") else "ghost",
                by_bot=bool(item.get("user")) and item["user"]["login"] == self._bot,
                body=str(item.get("body") or ""),
                created=str(item["created_at"]),
            )
            for item in items
        )

    def _reviews(self, number: int) -> tuple[Review, ...]:
        items = self._api.pages(f"{self._base}/pulls/{number}/reviews")
        return tuple(
            Review(str(item["user"]["login"]), item["state"], str(item["commit_id"]), order)
            for order, item in enumerate(items)
            if item.get("user") and item["state"] in REVIEW_STATES
        )

    def _teams(
        self, policy_text: str | None, owners: str | None, paths: Iterable[str]
    ) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
        """Return the members of each team that matters, and the holders of each role."""
        try:
            policy = documents.parse(Policy, policy_text or "", POLICY_FILE)
        except UserError:
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
        )
        if small.pull.merged:
            return facts
        history: tuple[str | None, ...] = ()
        if facts.base_pointer is not None or pointer in small.paths:
            history = self._files.history(base_head, pointer)
        return replace(
            facts,
            history=history,
            runs=self._runs(small, replace(facts, history=history)),
        )

    def _runs(self, small: Snapshot, facts: ModelFacts) -> tuple[Run, ...]:
        """Return the runs of the key that this model waits for, and of those before it."""
        live, head = read_pointer(facts.base_pointer), read_pointer(facts.head_pointer)
        runs = Runs(self._api, self._repository, small.default_branch)
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
        return runs.of_key(FINETUNE, facts.name, key, earlier_keys(small.comments))

    def incident(self, model: str, version: str) -> Incident | None:
        """Return the issue that this App opened about a version, by marker and author."""
        marker = messages.incident_marker(model, version)
        asked = {"labels": messages.INCIDENT_LABEL, "state": "all"}
        for item in self._api.pages(f"{self._base}/issues", asked):
            ours = bool(item.get("user")) and item["user"]["login"] == self._bot
            if ours and str(item.get("body") or "").startswith(marker):
                return Incident(int(item["number"]), model, version, str(item["html_url"]))
        return None

    def open_pulls(self) -> tuple[int, ...]:
        """Return the number of every open pull request."""
        items = self._api.pages(f"{self._base}/pulls", {"state": "open"})
        return tuple(int(item["number"]) for item in items)

    def pulls_of_key(self, key: str) -> tuple[int, ...]:
        """Return the pull requests whose comment of ours names a run key, by recent comments."""
        asked = {"sort": "updated", "direction": "desc"}
        found = []
        try:
            recent = list(self._api.pages(f"{self._base}/issues/comments", asked, most=3))
        except ApiError as error:
            if error.status != 404:
                raise
            return ()
        for item in recent:
            body = str(item.get("body") or "")
            ours = bool(item.get("user")) and item["user"]["login"] == self._bot
            if ours and body.startswith(messages.COMMENT_MARKER) and key in keys_in(body):
                found.append(int(str(item["issue_url"]).rpartition("/")[2]))
        return tuple(found)
