"""What people and fate may do in a `Town`, each deed by the luck of one draw."""

from __future__ import annotations

import random
from collections.abc import Callable

from countersign_ml.forge.request.answers import ApiError as ForgeError
from countersign_ml.forge.state.thread_records import Issue, Pull
from tests.bot import builders as a
from tests.bot.stateful_evidence import PROPOSALS, WEAK
from tests.bot.stateful_town import PEOPLE, POINTER, Town
from tests.policy.builders import POLICY

Files = dict[str, str | None]
PLAIN = POLICY + (
    "override: {roles: [ml-lead], gates: [measurement, quarantine]}\n"
    "stop: {hold: [ml-lead, operations], freeze: [operations]}\n"
)
SHARED = PLAIN.replace("ml-lead: {users: [grace]}", "ml-lead: {users: [grace, ken]}").replace(
    "operations: {users: [omar]}", "operations: {users: [omar, ken]}"
)
MORE = "  data: {operations: 2}\n  policy: {operations: 1}\n  rollback:"
POLICIES = (
    PLAIN,
    SHARED,
    SHARED.replace("sign_off:\n", "sign_off:\n  keep_on_same_tree: true\n", 1),
    SHARED.replace("promote: {ml-lead: 1, operations: 1}", "promote: {ml-lead: 2}"),
    PLAIN.replace("merge: bot", "merge: person"),
    SHARED.replace("  rollback:", MORE, 1),
)
OWNERS = (a.CODEOWNERS, "* @grace @omar @ken\n", "* @ken\n/models/*/pointer.json @omar @grace\n")
COMMANDS = (
    *("hold", "unhold", "unhold", "freeze", "unfreeze", "unfreeze"),
    *("override measurement", "override measurement", "override quarantine"),
    *("train", "explain", "cancel", "quote"),
)
MOST_OPEN = 4


class Deeds:
    """The deeds; `done` is called after each that came about."""

    def __init__(self, town: Town, done: Callable[[str], None], look: Callable[[], None]) -> None:
        self.town = town
        self._done = done
        self._look = look
        self._branches = 0

    def one(self, draw: random.Random, state: str = "open") -> tuple[int, Issue, Pull] | None:
        """One of the youngest pull requests of a state."""
        found = self.town.pulls(state=state)
        return draw.choice(found[-4:]) if found else None

    def newest(self) -> tuple[int, Issue, Pull] | None:
        found = self.town.pulls(state="open")
        return found[-1] if found else None

    def _branch(self) -> str:
        self._branches += 1
        return f"b{self._branches}"

    def _room(self) -> bool:
        return len(self.town.pulls(state="open")) < MOST_OPEN

    def _open(self, files: Files, title: str, author: str = "ada", draft: bool = False) -> None:
        branch = self._branch()
        if self.town.may_push("ada") and self.town.commit(branch, files, author, title):
            opened = {"title": title, "head": branch, "base": "main", "draft": draft}
            self.town.ask("ada", "POST", "/pulls", opened)
            self._done(f"propose {title} by {author} on {branch}, draft {draft}")

    def _sign(self, number: int, head: str) -> None:
        for who in ("grace", "omar", "ken"):
            body = {"event": "APPROVE", "commit_id": head}
            self.town.ask(who, "POST", f"/pulls/{number}/reviews", body)
        self._done(f"everybody approves #{number}")

    # Every day

    def ship(self, draw: random.Random, version: int = 0) -> None:
        """The plain course of one version, as far as the rules of the day let it come."""
        if self._room():
            number = version or draw.choice(PROPOSALS)
            author = "ada" if version else draw.choice(("ada", "ada", "grace", "omar"))
            self._open(self.town.propose_files(number), f"Data {number}", author)
            self.town.hear()
            self._look()
            self.approve(draw, newest=True)
            self.town.hear()
            self._look()
            self.merge(draw, newest=True)

    def force(self, draw: random.Random) -> None:
        """A weak candidate, and grace who lets it through by name."""
        if not self._room():
            return
        self._open(self.town.propose_files(WEAK), "Weak")
        self.town.hear()
        found = self.newest()
        if found is not None:
            digest = self.town.evidence_for(found[2].head_sha)
            said = {"body": f"/override measurement {digest} The customer accepts this."}
            self.town.ask("grace", "POST", f"/issues/{found[0]}/comments", said)
            self._done(f"override in #{found[0]}")
            self.town.hear()
            self.approve(draw, newest=True)

    def approve(self, draw: random.Random, newest: bool = False) -> None:
        found = self.newest() if newest else self.one(draw)
        if found is not None:
            self._sign(found[0], found[2].head_sha)

    def settle(self, draw: random.Random) -> None:
        if self.town.unheard:
            self.town.hear()
            self._done("settle")

    def revert(self, draw: random.Random) -> None:
        merged = [item for item in self.town.merged() if item[2].base == "main"]
        if not merged or not self._room():
            return
        # What lies below a later version conflicts with it: mostly the last merge is taken back.
        number = draw.choice((*merged[-1:], *merged[-1:], *merged[-3:]))[0]
        try:
            back = self.town.revert(number, draw.choice(("ada", "omar")))
        except ForgeError:
            return  # it conflicts with later changes, or changes nothing any more
        self.town.unheard = True
        self._done(f"revert #{number} as #{back}")
        if draw.random() < 0.8:
            self.town.hear()
            self._look()
            self.approve(draw, newest=True)
            self.town.hear()
            self._look()
            self.merge(draw, newest=True)

    # Proposals and their branches

    def propose(self, draw: random.Random) -> None:
        if self._room():
            number = draw.choice(PROPOSALS)
            author = draw.choice(("ada", "ada", "grace", "omar", "ken"))
            draft = draw.random() < 0.15
            self._open(self.town.propose_files(number), f"Data {number}", author, draft)

    def propose_rules(self, draw: random.Random) -> None:
        if self._room():
            which = draw.randrange(len(POLICIES))
            files: Files = {"policy/policy.yml": POLICIES[which]}
            if draw.random() < 0.5:
                files[".github/CODEOWNERS"] = draw.choice(OWNERS)
            self._open(files, f"Rules {which}")

    def push_more(self, draw: random.Random) -> None:
        found, number = self.one(draw), draw.choice(PROPOSALS)
        if found is None or not self.town.may_push("ada"):
            return
        author, other = draw.choice(PEOPLE), draw.choice((*PEOPLE, "", ""))
        message = f"Now {number}"
        if other:
            message += f"\n\nCo-authored-by: X <{other}@users.noreply.github.com>"
        if self.town.commit(found[2].head, self.town.propose_files(number), author, message):
            self._done(f"push {number} to #{found[0]} by {author} with {other or 'nobody'}")

    def push_by_hand(self, draw: random.Random) -> None:
        """Somebody writes a pointer that was live before into a branch."""
        found, old = self.one(draw), sorted(self.town.history())
        if found is None or not old or not self.town.may_push("ada"):
            return
        if self.town.commit(found[2].head, {POINTER: draw.choice(old)}, "ada", "By hand"):
            self._done(f"pointer by hand in #{found[0]}")

    def force_same_tree(self, draw: random.Random) -> None:
        found = self.one(draw)
        if found is None or not self.town.may_push("ada"):
            return
        if self.town.same_tree_again(found[2].head):
            self._done(f"same tree again in #{found[0]}")

    def bring_main(self, draw: random.Random) -> None:
        found = self.one(draw)
        if found is None or not self.town.may_push("ada"):
            return
        if self.town.bring_main(found[2].head):
            self._done(f"main into #{found[0]}")

    def twin(self, draw: random.Random) -> None:
        """The same head once more, as another pull request of somebody else."""
        found = self.one(draw)
        if found is None or not self._room():
            return
        branch = self._branch()
        self.town.store.move(f"refs/heads/{branch}", found[2].head_sha)
        opened = {"title": "Twin", "head": branch, "base": "main"}
        if self.town.ask("ken", "POST", "/pulls", opened):
            self._done(f"twin of #{found[0]} on {branch}")

    def retarget(self, draw: random.Random) -> None:
        found, who = self.one(draw), draw.choice(PEOPLE)
        if found is None:
            return
        base = "side" if found[2].base == "main" else "main"
        if self.town.ask(who, "PATCH", f"/pulls/{found[0]}", {"base": base}):
            self._done(f"retarget #{found[0]} to {base} by {who}")

    def detour(self, draw: random.Random) -> None:
        """Signatures are collected, and the pull request goes to another branch and back."""
        if self._room():
            self._open(self.town.propose_files(draw.choice(PROPOSALS)), "Detour")
            self.town.hear()
        found = self.newest()
        if found is None or found[2].base != "main":
            return
        self._sign(found[0], found[2].head_sha)
        for base in ("side", "main"):
            self.town.ask("ada", "PATCH", f"/pulls/{found[0]}", {"base": base})
        self._done(f"detour of #{found[0]}")

    def close_or_reopen(self, draw: random.Random) -> None:
        found, who = self.one(draw, ""), draw.choice(PEOPLE)
        if found is None or found[2].merged_at is not None:
            return
        state = "closed" if found[1].state == "open" else "open"
        if self.town.ask(who, "PATCH", f"/pulls/{found[0]}", {"state": state}):
            self._done(f"{state} #{found[0]} by {who}")

    def draft(self, draw: random.Random) -> None:
        found = self.one(draw)
        if found is not None:
            self.town.undraft(found[1], found[2], not found[2].draft)
            self._done(f"draft #{found[0]}: {found[2].draft}")

    # Words

    def review(self, draw: random.Random) -> None:
        found, who = self.one(draw), draw.choice(PEOPLE)
        if found is None:
            return
        word = draw.choice(("APPROVE", "APPROVE", "APPROVE", "REQUEST_CHANGES", "COMMENT"))
        commit = found[2].head_sha
        if draw.random() < 0.25:
            commit = self.town.store.text("rev-parse", f"{commit}~1")
        body = {"event": word, "commit_id": commit, "body": "Hm."}
        if self.town.ask(who, "POST", f"/pulls/{found[0]}/reviews", body):
            self._done(f"review #{found[0]}: {word} by {who} at {commit[:7]}")

    def dismiss(self, draw: random.Random) -> None:
        found, who = self.one(draw), draw.choice(PEOPLE)
        if found is None or not found[2].reviews:
            return
        review = draw.choice(found[2].reviews)
        url = f"/pulls/{found[0]}/reviews/{review.id}/dismissals"
        if self.town.ask(who, "PUT", url, {"message": "Stale"}):
            self._done(f"dismiss {review.author.login}'s in #{found[0]} by {who}")

    def comment(self, draw: random.Random) -> None:
        found, who, word = self.one(draw), draw.choice(PEOPLE), draw.choice(COMMANDS)
        if found is None:
            return
        number, head = found[0], found[2].head_sha
        text = f"/{word}"
        if word.startswith("override"):
            text += f" {self.town.evidence_for(head)} The customer accepts this."
        elif word == "freeze":
            text += " The registry moves."
        elif word == "train":
            text += f" {head}"
        elif word == "quote":
            text = "> /unhold\n\n    /unfreeze\n"
        if self.town.ask(who, "POST", f"/issues/{number}/comments", {"body": text}):
            self._done(f"comment on #{number} by {who}: /{word}")

    def meddle(self, draw: random.Random) -> None:
        """Edit or delete a comment, perhaps somebody else's or the bot's."""
        found, who = self.one(draw), draw.choice(PEOPLE)
        if found is None or not found[1].comments:
            return
        comment = draw.choice(list(found[1].comments.values()))
        url, gone = f"/issues/comments/{comment.id}", draw.random() < 0.5
        body = None if gone else {"body": comment.body + "\n\n/unhold"}
        if self.town.ask(who, "DELETE" if gone else "PATCH", url, body):
            word = "delete" if gone else "edit"
            self._done(f"{word} {comment.author.login}'s comment in #{found[0]} by {who}")

    def forge_a_check(self, draw: random.Random) -> None:
        found, who = self.one(draw), draw.choice(PEOPLE)
        if found is None:
            return
        head = found[2].head_sha
        made = {"name": "countersign", "head_sha": head, "status": "completed"}
        granted = self.town.ask(who, "POST", "/check-runs", {**made, "conclusion": "success"})
        assert not granted, "a person posted a check run"
        status = {"state": "success", "context": "countersign"}
        self.town.ask(who, "POST", f"/statuses/{head}", status)
        self._done(f"forged check on #{found[0]} by {who}")

    def merge(self, draw: random.Random, newest: bool = False) -> None:
        """A person presses the button; where the bot merges, it was faster than that."""
        found, who = self.newest() if newest else self.one(draw), draw.choice(PEOPLE)
        if found is None:
            return
        body = {"merge_method": draw.choice(("merge", "merge", "squash"))}
        if self.town.ask(who, "PUT", f"/pulls/{found[0]}/merge", body):
            self._done(f"merge of #{found[0]} by {who}")
            self._look()

    def permit(self, draw: random.Random) -> None:
        who, role = draw.choice(PEOPLE), draw.choice(("read", "write", "write", "maintain"))
        self.town.permit(who, role)
        self._done(f"permit {who} {role}")

    # Fate

    def race(self, draw: random.Random) -> None:
        """Somebody does something between two of the bot's next calls."""
        deeds = ("objects", "closes", "retargets", "merges", "loses rights", "moves the policy")
        what, number = draw.choice(deeds), draw.randrange(2**32)
        self.town.race(draw.randint(1, 40), lambda: self._race(what, random.Random(number)))
        self._done(f"race: somebody {what} soon")

    def _race(self, what: str, draw: random.Random) -> None:
        found, who = self.newest(), draw.choice(PEOPLE)
        self.town.unheard = True
        if what == "moves the policy":
            self.town.push_main({"policy/policy.yml": draw.choice(POLICIES)})
        elif what == "loses rights":
            self.town.permit(draw.choice(("grace", "omar", "ken")), "read")
        elif found is not None:
            pull = f"/pulls/{found[0]}"
            verb, url, body = {
                "objects": ("POST", f"{pull}/reviews", {"event": "REQUEST_CHANGES", "body": "No."}),
                "closes": ("PATCH", pull, {"state": "closed"}),
                "retargets": ("PATCH", pull, {"base": "side"}),
                "merges": ("PUT", f"{pull}/merge", {}),
            }[what]
            self.town.ask(who, verb, url, body)
        self._done(f"now {who} {what}")

    def cross(self, draw: random.Random) -> None:
        """A pull request with two merge bases, whose merge does more than it shows."""
        tips = self.town.store.text("rev-list", "--first-parent", "main").split()
        if len(tips) < 2 or not self._room():
            return
        branch, early = self._branch(), draw.choice(tips[1:6])
        self.town.crossed(branch, early)
        opened = {"title": "A page", "head": branch, "base": "main"}
        self.town.ask("ken", "POST", "/pulls", opened)
        self._done(f"criss-cross of {early[:7]} on {branch}")
        if draw.random() < 0.7:
            self.town.hear()
            self._look()
            self.merge(draw, newest=True)

    def reopen_and_merge(self, draw: random.Random) -> None:
        """Closed and heard of; reopened and merged before the bot hears of that."""
        found, who = self.newest(), draw.choice(PEOPLE)
        if found is None:
            return
        for state in ("closed", "open"):
            self.town.ask("ada", "PATCH", f"/pulls/{found[0]}", {"state": state})
            if state == "closed":
                self.town.hear()
                self._look()
        self.town.ask(who, "PUT", f"/pulls/{found[0]}/merge", {})
        self._done(f"reopened #{found[0]}, merge by {who}")
        self._look()

    def silence(self, draw: random.Random) -> None:
        """Deliveries stop; or they come late, out of order, doubled, or not at all."""
        if not self.town.silent:
            self.town.be_silent()
            self._done("silence")
            return
        how = draw.choice(("as sent", "reversed", "doubled", "every other", "none"))
        self.town.speak(
            {
                "reversed": lambda held: list(reversed(held)),
                "doubled": lambda held: [d for d in held for _ in range(2)],
                "every other": lambda held: list(held)[::2],
                "none": lambda held: [],
            }.get(how)
        )
        self.town.settle()  # what was lost stays unheard
        self._done(f"deliveries {how}")

    def fault(self, draw: random.Random) -> None:
        writes = draw.randint(1, 5)
        moment = "before" if draw.random() < 0.5 else "after"
        self.town.break_api(writes, "before" if moment == "before" else "after")
        self._done(f"fault {moment} write {writes}")

    def kill(self, draw: random.Random) -> None:
        writes, moment = draw.randint(1, 5), draw.choice(("before", "after"))
        self.town.doom(writes, moment)
        self._done(f"kill {moment} write {writes}")

    def sweep(self, draw: random.Random) -> None:
        self.town.sweep()
        self._done("sweep")


EVERY_DAY = (
    *("ship", "ship", "force", "approve", "approve"),
    *("revert", "revert", "revert", "settle"),
)
CHANGES = (
    *("propose", "propose", "propose_rules", "push_more", "push_by_hand", "force_same_tree"),
    *("bring_main", "twin", "retarget", "detour", "close_or_reopen", "draft"),
    *("cross", "reopen_and_merge"),
)
WORDS = (
    *("review", "review", "approve", "dismiss", "comment", "comment", "meddle"),
    *("forge_a_check", "merge", "merge"),
)
FATE = ("silence", "fault", "kill", "sweep", "permit", "race", "race")
