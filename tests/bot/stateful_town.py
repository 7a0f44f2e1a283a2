"""The world of one example: its own clock, a bot that can be struck down, people who do anything.

Nothing here judges. What a person may not do, the forge refuses, and the refusal is counted.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import requests
from huey.signals import SIGNAL_ERROR

from bot.github.api import Api, ApiError, Connection
from bot.github.read.snapshot_reader import Reader
from bot.github.write.apply import Writer
from countersign_ml.forge.deeds.ref_moves import announce, moved
from countersign_ml.forge.git.bare_repository import Person
from countersign_ml.forge.state.thread_records import Issue, Pull
from countersign_ml.forge.webhooks import Delivery
from tests.bot import builders as a
from tests.bot import stateful_evidence as runs
from tests.bot.world import World, git, inputs_of, write

PEOPLE = ("ada", "grace", "omar", "ken", "mallory")
ROWS = f"models/{a.MODEL}/data/train.jsonl"
POINTER = f"models/{a.MODEL}/pointer.json"
WRITING = ("write", "maintain", "admin")


class KilledError(BaseException):
    """The bot's process is gone; nothing of it is caught on the way."""


class MortalApi(Api):
    """The bot's own client, which dies before or after a write when its time has come."""

    def __init__(self, living: Api, strike: Callable[[str], None]) -> None:
        self.__dict__.update(living.__dict__)
        self._strike = strike

    def write(self, verb: str, url: str, body: dict[str, Any]) -> Any:
        self._strike("before")
        answer = super().write(verb, url, body)
        self._strike("after")
        return answer


class Town(World):
    """A `World` in which time is told, faults are planned and people work on one repository."""

    def __init__(self, root: Path, policy: str, owners: str) -> None:
        super().__init__(root, {"policy/policy.yml": policy, ".github/CODEOWNERS": owners})
        self.record = self.forge.repository(a.REPOSITORY)
        self.store = self.record.store
        self.ahead = 0.0
        self.forge.world.clock = lambda: time.time() + self.ahead
        self.counts: Counter[str] = Counter()
        self.crashes: list[BaseException] = []
        self.unheard = False
        """Whether something happened that the bot has not looked at since."""
        self._fault: tuple[int, Literal["before", "after"]] | None = None
        self._doom: tuple[int, str] | None = None
        self._race: tuple[int, Callable[[], None]] | None = None
        self.pushed: set[str] = set()
        """Commits that an administrator pushed to main: noticed, not stopped."""
        self._ready: tuple[str | None, tuple[int, ...]] | None = None
        self.silent = False
        self.evaluator._writer = self._mortal  # type: ignore[method-assign]
        self.queue.huey.signal(SIGNAL_ERROR)(self._crashed)

    def __enter__(self) -> Town:
        super().__enter__()
        self.record.collaborators["omar"] = "maintain"  # nobody passes by the required check
        self.store.move("refs/heads/side", self.main())
        return self

    # The bot's misfortunes

    def _mortal(self, installation: int, repository: str, reader: Reader, branch: str) -> Writer:
        api = MortalApi(self.evaluator.connection.api(installation), self._strike)
        return Writer(api, repository, reader, branch, self.settings.signing_key)

    def _strike(self, moment: str) -> None:
        if self._doom is None or self._doom[1] != moment:
            return
        left = self._doom[0] - 1
        self._doom = (left, moment) if left else None
        if not left:
            self.counts["killed"] += 1
            raise KilledError

    def doom(self, writes: int, moment: str) -> None:
        """Kill the bot at one of its next writes."""
        self._doom = (writes, moment)

    def break_api(self, writes: int, moment: Literal["before", "after"]) -> None:
        """Answer one of the bot's next writes with 502, undone or done."""
        self._fault = (writes, moment)

    def race(self, calls: int, act: Callable[[], None]) -> None:
        """Have somebody act right before one of the bot's next calls, reads included."""
        self._race = (calls, act)

    def calm(self) -> None:
        """Plan no more misfortunes."""
        self._fault = self._doom = self._race = None

    def _run_race(self) -> None:
        """Count a call of the bot, and let the person act whose time has come."""
        if self._race is None:
            return
        left, act = self._race
        self._race = (left - 1, act) if left > 1 else None
        if left == 1:
            self.counts["races"] += 1
            act()

    def _faulty(self, verb: str, path: str) -> int | tuple[Literal["after"], int] | None:
        if "access_tokens" not in path:
            self._run_race()
        if self._fault is None or verb == "GET" or "access_tokens" in path:
            return None
        left, moment = self._fault
        self._fault = (left - 1, moment) if left > 1 else None
        if left > 1:
            return None
        self.counts["502"] += 1
        return 502 if moment == "before" else ("after", 502)

    def _crashed(self, _signal: Any, _task: Any, error: BaseException | None = None) -> None:
        if error is not None and not isinstance(error, ApiError):
            self.crashes.append(error)

    def settle(self, timeout: float = 120) -> None:
        """Let the bot hear and do everything; deliveries that are held stay unheard."""
        deadline = time.monotonic() + timeout
        self.forge.faults = self._faulty
        try:
            while time.monotonic() < deadline:
                self.forge.idle(timeout)
                if not self._work():
                    self.forge.idle(timeout)
                    if self.queue.size() == 0:
                        break
            else:
                raise TimeoutError("the bot does not come to rest")
        finally:
            self.forge.faults = None
        assert not self.crashes, f"the bot broke: {self.crashes[0]!r}"

    def _work(self) -> bool:
        worked = False
        while (task := self.queue.huey.dequeue()) is not None:
            worked = True
            self._prepare()
            try:
                self.queue.huey.execute(task)
            except KilledError:
                self.evaluator.connection = Connection(self.settings)
                self.queue.huey.flush()
                self.queue.forget()
                self.unheard = True
        return worked

    def hear(self) -> None:
        """Settle, and know whether the bot has heard of everything that happened."""
        before = self.counts["killed"] + self.counts["502"]
        self.settle()
        if not self.silent and before == self.counts["killed"] + self.counts["502"]:
            self.unheard = False

    def sweep(self) -> None:
        self.queue.forget()
        self.queue.sweep()
        self.settle()

    def _prepare(self) -> None:
        """Lay out what runs will measure, against what is live now."""
        live = self.live()
        pulls = tuple(number for number, _, _ in self.pulls())
        if self._ready == (live, pulls):
            return
        self._ready = (live, pulls)
        texts = runs.forward_runs(live)
        if live is not None:
            texts |= runs.rollback_runs(self.history(), live, list(pulls))
        for key, text in texts.items():
            self.prepare(key, text)

    # What is there

    def main(self) -> str:
        found = self.store.ref("refs/heads/main")
        assert found is not None
        return found

    def pointer(self, commit: str) -> str | None:
        content = self.store.file(commit, POINTER)
        return content.decode() if content is not None else None

    def history(self) -> set[str]:
        """Every pointer that the default branch ever held."""
        listed = self.store.text("rev-list", "--first-parent", "main", "--", POINTER).split()
        return {text for commit in listed if (text := self.pointer(commit)) is not None}

    def pulls(self, *, state: str = "") -> list[tuple[int, Issue, Pull]]:
        return [(t.number, t, p) for t, p in self.record.pulls() if state in ("", t.state)]

    def merged(self) -> list[tuple[int, Issue, Pull]]:
        return [found for found in self.pulls() if found[2].merged_at is not None]

    def may_push(self, login: str) -> bool:
        return self.record.collaborators.get(login) in WRITING

    # What people do

    def ask(self, login: str, verb: str, url: str, body: dict[str, Any] | None = None) -> bool:
        """One request by a person; whether it was granted."""
        token = self.forge.world.accounts[login].token
        answer = requests.request(
            verb,
            f"{self.forge.api_url}/repos/{a.REPOSITORY}{url}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status_code < 500, answer.text
        granted = answer.status_code < 400
        self.counts["granted" if granted else "refused"] += 1
        self.unheard = True
        return granted

    def commit(self, branch: str, files: dict[str, str | None], author: str, message: str) -> bool:
        """Commit on a branch, which starts at main; whether that changed anything."""
        git(self.clone, "fetch", "--quiet", "--prune", "origin")
        known = self.store.ref(f"refs/heads/{branch}")
        start = f"origin/{branch}" if known else "origin/main"
        git(self.clone, "checkout", "--quiet", "--force", "-B", branch, start)
        write(self.clone, files)
        git(self.clone, "add", "--all")
        if not git(self.clone, "status", "--porcelain"):
            return False
        who = f"--author={author.title()} <{author}@example.com>"
        git(self.clone, "commit", "--quiet", who, "-m", message)
        git(self.clone, "push", "--quiet", "origin", branch)
        self.unheard = True
        return True

    def propose_files(self, number: int) -> dict[str, str | None]:
        return dict(inputs_of(number))

    def same_tree_again(self, branch: str) -> bool:
        """Force-push a commit of ada's with the very tree of the branch's head."""
        head = self.store.ref(f"refs/heads/{branch}")
        fork = self.store.text("merge-base", "main", head) if head else ""
        if not head or fork == head:
            return False
        git(self.clone, "fetch", "--quiet", "--prune", "origin")
        made = git(self.clone, "commit-tree", f"{head}^{{tree}}", "-p", fork, "-m", "Again")
        git(self.clone, "push", "--quiet", "--force", "origin", f"{made}:refs/heads/{branch}")
        self.unheard = True
        return True

    def bring_main(self, branch: str) -> bool:
        """Merge main into a branch; the pointer is then main's, the rows are the branch's."""
        git(self.clone, "fetch", "--quiet", "--prune", "origin")
        git(self.clone, "checkout", "--quiet", "--force", "-B", branch, f"origin/{branch}")
        rows = (self.clone / ROWS).read_text() if (self.clone / ROWS).exists() else None
        done = _try_git(
            self.clone, "merge", "--quiet", "--no-ff", "-X", "theirs", "--no-commit", "origin/main"
        )
        if not done or not (self.clone / ".git/MERGE_HEAD").exists():
            _try_git(self.clone, "merge", "--abort")
            return False
        pointer = self.pointer(self.main())
        if pointer is not None:
            write(self.clone, {POINTER: pointer})
        elif (self.clone / POINTER).exists():
            write(self.clone, {POINTER: None})
        if rows is not None:
            write(self.clone, {ROWS: rows})
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "-m", "Merge main")
        git(self.clone, "push", "--quiet", "origin", branch)
        self.unheard = True
        return True

    def push_main(self, files: Mapping[str, str]) -> None:
        """Put a commit of an administrator on main, also while a request is under way."""
        old = self.main()
        changes = [(path, "100644", self.store.write_blob(t.encode())) for path, t in files.items()]
        tree = self.store.write_tree(self.store.commit(old).tree, changes)
        self._administrator(old, self._made(tree, [old]))

    def _made(self, tree: str, parents: Sequence[str]) -> str:
        omar = Person("Omar", "omar@example.com", int(self.forge.world.clock()))
        return self.store.write_commit(tree, list(parents), "An administrator's\n", omar, omar)

    def _administrator(self, old: str, commit: str) -> None:
        self.store.move("refs/heads/main", commit, old)
        self.pushed.add(commit)
        actor = self.forge.actor("omar").account
        moved(self.forge.world, self.record, "refs/heads/main", old, commit, actor)
        self.unheard = True

    def crossed(self, branch: str, early: str) -> None:
        """Make a branch with two merge bases, which takes back what main got since `early`.

        A page that left main at `early` is merged into main; the branch merges main's tip of before
        into that page the other way round, and keeps nothing of it.
        """
        late = self.main()
        page = [("docs/page.md", "100644", self.store.write_blob(branch.encode()))]
        paged = self.store.write_tree(self.store.commit(early).tree, page)
        document = self._made(paged, [early])
        both = self.store.write_tree(self.store.commit(late).tree, page)
        self._administrator(late, self._made(both, [late, document]))
        self.store.move(f"refs/heads/{branch}", self._made(paged, [document, late]))

    def undraft(self, thread: Issue, pull: Pull, draft: bool) -> None:
        """Mark a pull request ready, or a draft: the web page's buttons."""
        with self.forge.world.lock:
            if pull.draft == draft:
                return
            pull.draft = draft
            action = "converted_to_draft" if draft else "ready_for_review"
            announce(self.forge.world, self.record, thread, pull, action, thread.author)
        self.unheard = True

    def permit(self, login: str, role: str) -> None:
        with self.forge.world.lock:
            self.record.collaborators[login] = role
        self.counts["permits"] += 1
        self.unheard = True

    def be_silent(self) -> None:
        self.silent = True
        self.forge.hold_deliveries()

    def speak(self, order: Callable[[Sequence[Delivery]], Sequence[Delivery]] | None) -> None:
        self.silent = False
        self.forge.release(order)

    def evidence_for(self, commit: str) -> str:
        """The digest of the evidence that a run about a commit's rows finds now."""
        rows = self.store.file(commit, ROWS)
        if rows is None:
            return "sha256:" + "0" * 64
        return runs.measured(runs.proposal_of(rows.decode()), self.live()).digest()


def _try_git(folder: Path, *words: str) -> bool:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ada@example.com" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, check=False
    )
    return done.returncode == 0
