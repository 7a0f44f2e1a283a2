"""What may happen to a governed repository, in any order, and what must hold after each of it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.errors import StopTest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot import messages
from forge.http import ApiError as ForgeError
from forge.records import Issue, Pull
from tests.bot import builders as a
from tests.bot import stateful_history as history
from tests.bot.stateful_evidence import PROPOSALS
from tests.bot.stateful_town import PEOPLE, POINTER, Town
from tests.policy.builders import POLICY

MORE = """override: {roles: [ml-lead], gates: [measurement, quarantine]}
stop: {hold: [ml-lead, operations], freeze: [operations]}
"""
LEADS, OPERATORS = "ml-lead: {users: [grace]}", "operations: {users: [omar]}"
PLAIN = POLICY + MORE
SHARED = PLAIN.replace(LEADS, "ml-lead: {users: [grace, ken]}").replace(
    OPERATORS, "operations: {users: [omar, ken]}"
)
POLICIES = (
    PLAIN,
    SHARED,
    SHARED.replace("sign_off:\n", "sign_off:\n  keep_on_same_tree: true\n", 1),
    SHARED.replace("promote: {ml-lead: 1, operations: 1}", "promote: {ml-lead: 2}"),
    PLAIN.replace("merge: bot", "merge: person"),
    SHARED.replace(
        "  rollback:", "  data: {operations: 2}\n  policy: {operations: 1}\n  rollback:", 1
    ),
)
COMMANDS = (
    *("hold", "unhold", "unhold", "freeze", "unfreeze", "unfreeze"),
    *("override measurement", "override measurement", "override quarantine"),
    *("train", "explain", "cancel", "quote"),
)
OWNERS = (a.CODEOWNERS, "* @grace @omar @ken\n", "* @ken\n/models/*/pointer.json @omar @grace\n")

Files = dict[str, str | None]
people = st.sampled_from(PEOPLE)
pick = st.integers(0, 7)
heard = st.sampled_from((True, True, False))
moments: st.SearchStrategy[Literal["before", "after"]] = st.sampled_from(("before", "after"))
totals: Counter[str] = Counter()
"""What all examples of this process reached, together."""


def _some_open(machine: Promotions) -> bool:
    return bool(machine.here.pulls(state="open"))


def _few_open(machine: Promotions) -> bool:
    return len(machine.here.pulls(state="open")) < 4


def _some_merged(machine: Promotions) -> bool:
    return _few_open(machine) and any(p.base == "main" for _, _, p in machine.here.merged())


class Promotions(RuleBasedStateMachine):
    """Anything but an administrator's bypass and a push to main: those are noticed, not stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-"))
        self.town: Town | None = None
        self.trail: list[str] = []
        self.branches = 0

    @initialize(
        policy=st.integers(0, len(POLICIES) - 1),
        owners=pick,
        hasty=st.booleans(),
        live=st.integers(0, 2),
    )
    def begin(self, policy: int, owners: int, hasty: bool, live: int) -> None:
        self.town = Town(self.folder, POLICIES[policy], OWNERS[owners % len(OWNERS)])
        self.town.__enter__()
        self.hasty = hasty
        self.seen = self.town.main()
        self.signed: dict[str, str] = {}
        self.held: set[int] = set()
        for version in range(1, live + 1):
            self._ship(version)

    def _ship(self, version: int) -> None:
        """The plain course of one version, as far as the rules of the day let it come."""
        if self.here.may_push("ada"):
            self._open(self.here.propose_files(version), f"Data {version}", hear=True)
            self.look()
            self._approve(0, hear=True)

    def _open(
        self, files: Files, title: str, hear: bool, author: str = "ada", draft: bool = False
    ) -> None:
        self.branches += 1
        branch = f"b{self.branches}"
        if self.here.commit(branch, files, author, title):
            opened = {"title": title, "head": branch, "base": "main", "draft": draft}
            self.here.ask("ada", "POST", "/pulls", opened)
            self.done(f"propose {title} by {author} on {branch}, draft {draft}", hear)

    def _approve(self, i: int, hear: bool) -> None:
        found = self.one(i)
        if found is not None:
            for who in ("grace", "omar", "ken"):
                body = {"event": "APPROVE", "commit_id": found[2].head_sha}
                self.here.ask(who, "POST", f"/pulls/{found[0]}/reviews", body)
            self.done(f"everybody approves #{found[0]}", hear)

    @property
    def here(self) -> Town:
        assert self.town is not None
        return self.town

    def done(self, what: str, hear: bool = False) -> None:
        """Count one step that did something, and perhaps let the bot hear of it."""
        self.trail.append(what)
        totals["steps"] += 1
        totals[what.partition(" ")[0]] += 1
        if not self.hasty:
            self.here.ahead += 2
        if hear:
            self.here.hear()

    def one(self, index: int, state: str = "open") -> tuple[int, Issue, Pull] | None:
        found = self.here.pulls(state=state)
        return found[-1 - index % min(len(found), 4)] if found else None

    # Proposals and their branches

    @precondition(_few_open)
    @rule(k=st.sampled_from(PROPOSALS), author=people, draft=st.integers(0, 5), hear=heard)
    def propose(self, k: int, author: str, draft: int, hear: bool) -> None:
        if self.here.may_push("ada"):
            by = author if author != "mallory" else "ada"
            files = self.here.propose_files(k)
            self._open(files, f"Data {k}", hear, by, draft=draft == 0)

    @precondition(_few_open)
    @rule(k=st.sampled_from(PROPOSALS))
    def ship(self, k: int) -> None:
        self._ship(k)

    @precondition(_few_open)
    @rule(policy=pick, owners=pick, both=st.booleans(), hear=heard)
    def propose_rules(self, policy: int, owners: int, both: bool, hear: bool) -> None:
        files: Files = {"policy/policy.yml": POLICIES[policy % len(POLICIES)]}
        if both:
            files[".github/CODEOWNERS"] = OWNERS[owners % len(OWNERS)]
        if self.here.may_push("ada"):
            self._open(files, f"Rules {policy % len(POLICIES)}", hear)

    @precondition(_some_open)
    @rule(i=pick, k=st.sampled_from(PROPOSALS), author=people, coauthor=people, hear=heard)
    def push_more(self, i: int, k: int, author: str, coauthor: str, hear: bool) -> None:
        found = self.one(i)
        if found is None or not self.here.may_push("ada"):
            return
        message = f"Now {k}"
        if coauthor != "mallory":
            message += f"\n\nCo-authored-by: X <{coauthor}@users.noreply.github.com>"
        if self.here.commit(found[2].head, self.here.propose_files(k), author, message):
            self.done(f"push {k} to #{found[0]} by {author} with {coauthor}", hear)

    @precondition(_some_open)
    @rule(i=pick, hear=heard)
    def push_by_hand(self, i: int, hear: bool) -> None:
        """Somebody writes a pointer that was live before into a branch."""
        found, old = self.one(i), sorted(self.here.history())
        if found is None or not old or not self.here.may_push("ada"):
            return
        files: Files = {POINTER: old[i % len(old)]}
        if self.here.commit(found[2].head, files, "ada", "A pointer by hand"):
            self.done(f"pointer by hand in #{found[0]}", hear)

    @precondition(_some_open)
    @rule(i=pick, hear=heard)
    def force_same_tree(self, i: int, hear: bool) -> None:
        found = self.one(i)
        if found is None or not self.here.may_push("ada"):
            return
        if self.here.same_tree_again(found[2].head):
            self.done(f"same tree again in #{found[0]}", hear)

    @precondition(_some_open)
    @rule(i=pick, hear=heard)
    def bring_main(self, i: int, hear: bool) -> None:
        found = self.one(i)
        if found is None or not self.here.may_push("ada"):
            return
        if self.here.bring_main(found[2].head):
            self.done(f"main into #{found[0]}", hear)

    @precondition(_some_open)
    @rule(i=pick, hear=heard)
    def twin(self, i: int, hear: bool) -> None:
        """The same head once more, as another pull request of somebody else."""
        found = self.one(i)
        if found is None or not _few_open(self):
            return
        self.branches += 1
        self.here.store.move(f"refs/heads/b{self.branches}", found[2].head_sha)
        opened = {"title": "Twin", "head": f"b{self.branches}", "base": "main"}
        if self.here.ask("ken", "POST", "/pulls", opened):
            self.done(f"twin of #{found[0]}", hear)

    @precondition(_some_open)
    @rule(i=pick, who=people, hear=heard)
    def retarget(self, i: int, who: str, hear: bool) -> None:
        found = self.one(i)
        if found is not None:
            base = "side" if found[2].base == "main" else "main"
            if self.here.ask(who, "PATCH", f"/pulls/{found[0]}", {"base": base}):
                self.done(f"retarget #{found[0]} to {base} by {who}", hear)

    @rule(i=pick, who=people, hear=heard)
    def close_or_reopen(self, i: int, who: str, hear: bool) -> None:
        found = self.one(i, "")
        if found is not None and found[2].merged_at is None:
            state = "closed" if found[1].state == "open" else "open"
            if self.here.ask(who, "PATCH", f"/pulls/{found[0]}", {"state": state}):
                self.done(f"{state} #{found[0]} by {who}", hear)

    @precondition(_some_open)
    @rule(i=pick, draft=st.booleans(), hear=heard)
    def draft(self, i: int, draft: bool, hear: bool) -> None:
        found = self.one(i)
        if found is not None and found[2].draft != draft:
            self.here.undraft(found[1], found[2], draft)
            self.done(f"draft #{found[0]} {draft}", hear)

    @precondition(_some_merged)
    @rule(
        i=pick,
        who=st.sampled_from(("ada", "omar")),
        signed=st.booleans(),
        hear=heard,
    )
    def revert(self, i: int, who: str, signed: bool, hear: bool) -> None:
        found = [item for item in self.here.merged() if item[2].base == "main"]
        number = found[-1 - i % min(len(found), 3)][0]
        try:
            back = self.here.revert(number, who)
        except ForgeError:
            return
        self.here.unheard = True
        self.done(f"revert #{number} as #{back} by {who}", hear or signed)
        if signed:
            self.look()
            self._approve(0, hear)

    # Reviews, comments, checks

    @precondition(_some_open)
    @rule(i=pick, hear=heard)
    def everybody_approves(self, i: int, hear: bool) -> None:
        self._approve(i, hear)

    @precondition(_some_open)
    @rule(
        i=pick,
        who=people,
        word=st.sampled_from(("APPROVE", "APPROVE", "REQUEST_CHANGES", "COMMENT")),
        old=st.integers(0, 3),
        hear=heard,
    )
    def review(self, i: int, who: str, word: str, old: int, hear: bool) -> None:
        found = self.one(i)
        if found is None:
            return
        commit = found[2].head_sha
        if old == 0:
            commit = self.here.store.text("rev-parse", f"{commit}~1")
        body = {"event": word, "commit_id": commit, "body": "Hm."}
        if self.here.ask(who, "POST", f"/pulls/{found[0]}/reviews", body):
            self.done(f"review #{found[0]}: {word} by {who} at {commit[:7]}", hear)

    @precondition(_some_open)
    @rule(i=pick, which=pick, who=people, hear=heard)
    def dismiss(self, i: int, which: int, who: str, hear: bool) -> None:
        found = self.one(i)
        if found is not None and found[2].reviews:
            review = found[2].reviews[-1 - which % len(found[2].reviews)]
            url = f"/pulls/{found[0]}/reviews/{review.id}/dismissals"
            if self.here.ask(who, "PUT", url, {"message": "Stale"}):
                self.done(f"dismiss {review.author.login}'s in #{found[0]} by {who}", hear)

    @precondition(_some_open)
    @rule(
        i=pick,
        who=people,
        word=st.sampled_from(COMMANDS),
        hear=heard,
    )
    def comment(self, i: int, who: str, word: str, hear: bool) -> None:
        found = self.one(i)
        if found is None:
            return
        number, pull = found[0], found[2]
        text = f"/{word}"
        if word.startswith("override"):
            text += f" {self.here.evidence_for(pull.head_sha)} The customer accepts this."
        elif word == "freeze":
            text += " The registry moves."
        elif word == "train":
            text += f" {pull.head_sha}"
        elif word == "quote":
            text = "> /unhold\n\n    /unfreeze\n"
        if self.here.ask(who, "POST", f"/issues/{number}/comments", {"body": text}):
            self.done(f"comment /{word} on #{number} by {who}")
            self._note_hold(found[1], word, hear)

    def _note_hold(self, thread: Issue, word: str, hear: bool) -> None:
        """Let the bot hear, and remember a hold that it shows and that nobody has ended."""
        if word == "unhold":
            self.held.discard(thread.number)
        if hear:
            self.here.hear()
        if word == "hold" and messages.HOLD_LABEL in thread.labels:
            self.held.add(thread.number)

    @precondition(_some_open)
    @rule(i=pick, which=pick, who=people, gone=st.booleans(), hear=heard)
    def meddle(self, i: int, which: int, who: str, gone: bool, hear: bool) -> None:
        """Edit or delete a comment, perhaps somebody else's or the bot's."""
        found = self.one(i)
        if found is None or not found[1].comments:
            return
        comments = list(found[1].comments.values())
        comment = comments[-1 - which % len(comments)]
        url = f"/issues/comments/{comment.id}"
        body = None if gone else {"body": comment.body + "\n\n/unhold"}
        if self.here.ask(who, "DELETE" if gone else "PATCH", url, body):
            word = "delete" if gone else "edit"
            self.done(f"{word} {comment.author.login}'s comment in #{found[0]} by {who}", hear)

    @precondition(_some_open)
    @rule(i=pick, who=people)
    def forge_a_check(self, i: int, who: str) -> None:
        found = self.one(i)
        if found is not None:
            head = found[2].head_sha
            made = {"name": "countersign", "head_sha": head, "status": "completed"}
            made |= {"conclusion": "success"}
            assert not self.here.ask(who, "POST", "/check-runs", made)
            status = {"state": "success", "context": "countersign"}
            self.here.ask(who, "POST", f"/statuses/{head}", status)
            self.done(f"forged check on #{found[0]} by {who}")

    @precondition(_some_open)
    @rule(i=pick, who=people, squash=st.booleans(), hear=heard)
    def merge(self, i: int, who: str, squash: bool, hear: bool) -> None:
        found = self.one(i)
        if found is not None:
            body = {"merge_method": "squash" if squash else "merge"}
            if self.here.ask(who, "PUT", f"/pulls/{found[0]}/merge", body):
                self.done(f"merge of #{found[0]} by {who}")
                self.look()
                if hear:
                    self.here.hear()

    @rule(who=people, role=st.sampled_from(("read", "write", "write", "maintain")))
    def permit(self, who: str, role: str) -> None:
        self.here.permit(who, role)
        self.done(f"permit {who} {role}")

    # What befalls the bot

    @precondition(lambda self: self.here.unheard)
    @rule()
    def settle(self) -> None:
        self.done("settle", hear=True)

    @precondition(lambda self: not self.here.silent)
    @rule()
    def be_silent(self) -> None:
        self.here.be_silent()
        self.done("silence")

    @precondition(lambda self: self.here.silent)
    @rule(how=st.sampled_from(("as sent", "reversed", "doubled", "every other", "none")))
    def speak(self, how: str) -> None:
        orders = {
            "reversed": lambda held: list(reversed(held)),
            "doubled": lambda held: [d for d in held for _ in range(2)],
            "every other": lambda held: list(held)[::2],
            "none": lambda held: [],
        }
        lost = how in ("every other", "none")
        self.here.speak(orders.get(how))
        self.done(f"speak {how}", hear=not lost)

    @precondition(lambda self: self.here.lucky)
    @rule(writes=st.integers(1, 5), moment=moments)
    def fault(self, writes: int, moment: Literal["before", "after"]) -> None:
        self.here.break_api(writes, moment)
        self.done(f"fault {moment} {writes}")

    @precondition(lambda self: self.here.lucky)
    @rule(writes=st.integers(1, 5), moment=moments)
    def kill(self, writes: int, moment: Literal["before", "after"]) -> None:
        self.here.doom(writes, moment)
        self.done(f"kill {moment} {writes}")

    @rule()
    def sweep(self) -> None:
        self.here.sweep()
        self.done("sweep")

    # What must hold

    @invariant()
    def look(self) -> None:
        if self.town is None:
            return
        town = self.here
        for number, thread, pull in town.pulls():
            if pull.merged_at is None and pull.base == "main":
                self._look_at_check(number, thread, pull, town.main())
        if town.main() == self.seen:
            return
        for landing in history.landings(town, self.seen):
            self._look_at(landing)
        self.seen = town.main()

    def _look_at_check(self, number: int, thread: Issue, pull: Pull, parent: str) -> None:
        """A check that has just turned green did so on enough signatures."""
        check = history.green(self.here, pull.head_sha)
        if check is None:
            return
        mark = f"{check.id} {check.completed} {check.external_id}"
        if self.signed.get(pull.head_sha) != mark:
            twins = [(t, p) for _, t, p in self.here.pulls() if p.head_sha == pull.head_sha]
            reasons = [history.why_not(self.here, t, p, parent) for t, p in twins]
            assert "" in reasons, f"#{number} is green although {reasons}"
            self.signed[pull.head_sha] = mark

    def _look_at(self, landing: history.Landing) -> None:
        town, pull, kind = self.here, landing.pull, self._kind(landing)
        assert history.green(town, pull.head_sha) is not None, "merged without a green check"
        history.judge_content(town, landing)
        twins = [(t, p) for _, t, p in town.pulls() if p.head_sha == pull.head_sha]
        reasons = [history.why_not(town, t, p, landing.parent) for t, p in twins]
        if "" not in reasons:
            # A person merged on a check of which the bot had no time to hear that it is stale.
            assert not landing.by_bot, f"the bot merged #{landing.thread.number}: {reasons}"
            assert town.unheard, f"#{landing.thread.number} merged although {reasons}"
            assert pull.head_sha in self.signed, "a check that nobody saw turn green"
            totals["stale"] += 1
        assert landing.thread.number not in self.held, "merged while it was held"
        if landing.by_bot and kind == "promotions":
            self._look_at_freezes(landing)
        totals[kind] += 1
        totals[f"{kind} by {'the bot' if landing.by_bot else 'a person'}"] += 1
        event(kind)

    def _kind(self, landing: history.Landing) -> str:
        if landing.before == landing.after:
            return "rules"
        back = history.is_back(self.here, landing.parent, landing.after)
        return "rollbacks" if back else "promotions"

    def _look_at_freezes(self, landing: history.Landing) -> None:
        for thread in self.here.record.issues.values():
            if messages.FREEZE_LABEL in thread.labels and thread.state == "open":
                assert thread.created > (landing.pull.merged_at or 0), "merged while frozen"

    def tell(self) -> None:
        print("\n".join(["what happened:", *self.trail]), file=sys.stderr)

    def teardown(self) -> None:
        if self.town is None:
            return
        kind = sys.exc_info()[0]
        failed = kind is not None
        try:
            if not failed:
                failed = True
                self._rest()
                failed = False
        finally:
            if failed and kind is not StopTest:
                self.tell()
            for name in ("refused", "granted", "killed", "502", "forced"):
                totals[name] += self.town.counts[name]
            totals["examples"] += 1
            self.town.__exit__()
            shutil.rmtree(self.folder)

    def _rest(self) -> None:
        """Whatever happened, a sweep is enough, and the next one writes nothing."""
        town = self.here
        town.speak(None)
        town.calm()
        town.ahead += 2
        town.sweep()
        town.ahead += 2
        town.sweep()
        self.look()
        before = len(town.forge.writes)
        town.sweep()
        again = [w for w in town.forge.writes[before:] if w.actor == a.BOT]
        heads = Counter(pull.head_sha for _, _, pull in town.pulls(state="open"))
        if max(heads.values(), default=1) > 1:
            return  # a check is of a commit: two pull requests of one head both write it
        assert not again, f"a sweep at rest writes {again}"
