"""What may happen to a governed repository, in any order, and what must hold after each of it."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.errors import StopTest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.facts.markers import FREEZE_LABEL, HOLD_LABEL
from countersign_ml.audit.audit_command import read
from countersign_ml.audit.judging.audit_judge import judge_history
from countersign_ml.forge.state.thread_records import Issue, Pull
from policy.verdict import Outcome
from tests.bot import builders as a
from tests.bot import stateful_history as history
from tests.bot.stateful_deeds import CHANGES, EVERY_DAY, FATE, OWNERS, POLICIES, WORDS, Deeds
from tests.bot.stateful_town import Town

luck = st.integers(0, 2**32 - 1)
"""What a deed leaves to chance: whom, which, when. Drawn evenly, because nothing here is shrunk."""
heard = st.sampled_from((True, True, False))
totals: Counter[str] = Counter()
"""What all examples of this process reached, together."""
failures: list[str] = []
"""What went wrong, and what had happened until then. Hypothesis plays a failed course again; the
clock and the threads are real, so the second course may differ, and its complaint about that would
hide the first."""


@dataclass(frozen=True)
class Judged:
    """A merge as it was seen: why it was not allowed, or nothing; and how many rights had moved."""

    number: int
    why: str
    permits: int
    mark: str | None = None


class Promotions(RuleBasedStateMachine):
    """Anything but an administrator's bypass: that is noticed, not stopped.

    An administrator pushes no pointer to main, but a policy, and a page that is merged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="countersign-"))
        self.town: Town | None = None
        self.trail: list[str] = []

    @initialize(
        policy=st.sampled_from(POLICIES),
        owners=st.sampled_from(OWNERS),
        hasty=st.booleans(),
        live=st.integers(0, 2),
    )
    def begin(self, policy: str, owners: str, hasty: bool, live: int) -> None:
        """A repository under some rules, with so many versions live; `hasty`: within a second."""
        self.town = Town(self.folder, policy, owners)
        self.hasty = hasty
        self.signed: dict[str, str] = {}
        self.held: set[int] = set()
        self.judged: dict[str, Judged] = {}
        """Merges of which it is not yet known how the bot judged them."""
        self.known: dict[str, Judged] = {}
        """All others, by commit."""
        self.forced: set[int] = set()
        self.raced = 0
        self.town.__enter__()
        self.seen = self.town.main()
        self.deeds = Deeds(self.town, self.done, self.look)
        for version in range(1, live + 1):
            self.deeds.ship(random.Random(0), version)

    @property
    def here(self) -> Town:
        assert self.town is not None
        return self.town

    def done(self, what: str) -> None:
        """Count one step that did something."""
        self.trail.append(what)
        totals["steps"] += 1
        totals[what.partition(" ")[0]] += 1
        if not self.hasty:
            self.here.ahead += 2

    def _do(self, names: tuple[str, ...], seed: int, hear: bool) -> None:
        before = len(self.trail)
        draw = random.Random(seed + before)  # the same seed is another deed at another time
        getattr(self.deeds, draw.choice(names))(draw)
        if len(self.trail) == before:  # it could not be done; something is
            self.deeds.ship(draw)
        if hear:
            self.here.hear()
        self._mark_holds()

    @rule(seed=luck, hear=heard)
    def every_day(self, seed: int, hear: bool) -> None:
        self._do(EVERY_DAY, seed, hear)

    @rule(seed=luck, hear=heard)
    def change(self, seed: int, hear: bool) -> None:
        self._do(CHANGES, seed, hear)

    @rule(seed=luck, hear=heard)
    def say(self, seed: int, hear: bool) -> None:
        self._do(WORDS, seed, hear)

    @rule(seed=luck)
    def suffer(self, seed: int) -> None:
        self._do(FATE, seed, hear=False)

    def _mark_holds(self) -> None:
        """Remember what the bot shows as held, until somebody says that it is not any more."""
        for number, thread, _ in self.here.pulls(state="open"):
            if any(comment.body == "/unhold" for comment in thread.comments.values()):
                self.held.discard(number)
            elif HOLD_LABEL in thread.labels:
                self.held.add(number)

    # What must hold

    @invariant()
    def look(self) -> None:
        if self.town is None:
            return
        town = self.here
        for number, thread, pull in town.pulls():
            if pull.merged_at is None and pull.base == "main":
                self._look_at_check(number, thread, pull, town.main())
        self._look_at_marks()
        if town.main() == self.seen:
            return
        for landing in history.landings(town, self.seen):
            self._look_at(landing)
        self.seen, self.raced = town.main(), town.counts["races"]

    def _look_at_check(self, number: int, thread: Issue, pull: Pull, parent: str) -> None:
        """A check that has just turned green did so on enough signatures."""
        check = history.green(self.here, pull.head_sha)
        if check is None:
            return
        mark = f"{check.id} {check.completed} {check.external_id}"
        if self.signed.get(pull.head_sha) != mark:
            twins = [(t, p) for _, t, p in self.here.pulls() if p.head_sha == pull.head_sha]
            made = history.result(self.here, parent, pull.head_sha)
            reasons = [history.why_not(self.here, t, p, parent, made) for t, p in twins]
            if self.here.counts["races"] == self.raced and not self.here.silent:
                assert "" in reasons, f"#{number} is green although {reasons}"
            self.signed[pull.head_sha] = mark

    def _look_at(self, landing: history.Landing) -> None:
        town, pull, kind = self.here, landing.pull, self._kind(landing)
        forced = landing.thread.number in self.forced
        if not forced:
            green = history.green(town, pull.head_sha) is not None
            assert green or history.squashed(town, pull.head_sha), "merged without a green check"
            history.judge_content(town, landing)
        twins = [(t, p) for _, t, p in town.pulls() if p.head_sha == pull.head_sha]
        reasons = [history.why_not(town, t, p, landing.parent, landing.commit) for t, p in twins]
        raced = town.counts["races"] > self.raced
        if "" not in reasons and not forced:
            # Something happened between the last look and the button: see `_look_at_marks`.
            assert raced or not landing.by_bot, (
                f"the bot merged #{landing.thread.number}: {reasons}"
            )
            assert raced or town.unheard, f"#{landing.thread.number} merged although {reasons}"
            assert raced or pull.head_sha in self.signed, "a check that nobody saw turn green"
            totals["stale"] += 1
        if history.asked(town, landing.parent, landing.commit):
            why = "" if "" in reasons else str(reasons)
            self.judged[landing.commit] = Judged(landing.thread.number, why, town.counts["permits"])
        assert forced or landing.thread.number not in self.held, "merged while it was held"
        if landing.by_bot and kind == "promotions":
            self._look_at_freezes(landing)
        totals[kind] += 1
        totals[f"{kind} by {'the bot' if landing.by_bot else 'a person'}"] += 1
        event(kind)

    def _look_at_marks(self) -> None:
        """The bot judged every merge again, and noticed each that was not allowed."""
        town = self.here
        if town.unheard or town.silent:
            return
        told = history.incidents(town)
        for commit, judged in self.judged.items():
            if town.counts["permits"] != judged.permits:
                continue  # GitHub keeps no history of rights
            mark = history.mark(town, commit)
            assert mark is not None, f"#{judged.number} was not judged again"
            if judged.why:
                assert mark == "failure", f"#{judged.number} stands although {judged.why}"
                assert judged.number in told, f"no incident about #{judged.number}"
                totals["noticed"] += 1
            elif mark == "failure":
                totals["alarms"] += 1
            self.known[commit] = replace(judged, mark=mark)
        self.judged = {}

    def _kind(self, landing: history.Landing) -> str:
        if landing.before == landing.after:
            return "rules"
        back = history.is_back(self.here, landing.parent, landing.after)
        return "rollbacks" if back else "promotions"

    def _look_at_freezes(self, landing: history.Landing) -> None:
        for thread in self.here.record.issues.values():
            if FREEZE_LABEL in thread.labels and thread.state == "open":
                assert thread.created > (landing.pull.merged_at or 0), "merged while frozen"

    def tell(self) -> str:
        return "\n".join(["what happened:", *self.trail, traceback.format_exc()])

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
                failures.append(self.tell())
                print(failures[-1], file=sys.stderr, flush=True)
            elif "COUNTERSIGN_TELL" in os.environ:
                print(self.tell(), file=sys.stderr, flush=True)
            for name in ("refused", "granted", "killed", "502", "forced", "races"):
                totals[name] += self.town.counts[name]
            totals["examples"] += 1
            print(dict(totals.most_common()), flush=True)
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
        if max(heads.values(), default=1) == 1:  # a check is of a commit: both would write it
            assert not again, f"a sweep at rest writes {again}"
        self._force()
        self._look_at_audit()

    def _force(self) -> None:
        """An administrator presses every button that the rules keep from everybody else."""
        town, draw = self.here, random.Random(len(self.trail))
        for deed in (self.deeds.propose, self.deeds.propose_rules, self.deeds.review):
            deed(draw)
            town.hear()
        town.record.collaborators["omar"] = "admin"
        town.counts["permits"] += 1
        for number, _, pull in town.pulls(state="open"):
            if pull.base == "main" and not pull.draft:
                self.forced.add(number)
                if town.ask("omar", "PUT", f"/pulls/{number}/merge", {}):
                    totals["forced by an administrator"] += 1
                    self.look()
                    town.ahead += 2
        town.sweep()
        town.hear()
        self.look()

    def _look_at_audit(self) -> None:
        """The audit disproves every merge that was not allowed, from git alone."""
        town = self.here
        audit = judge_history(read(town.store.path, "refs/heads/main"), [])
        proven = {rule.commit.id: rule.proven for rule in audit.rules}
        for change in audit.changes:
            before = proven.get(change.commit.id, True)
            proven[change.commit.id] = before and change.finding.outcome is Outcome.PASSED
        for commit, judged in self.known.items():
            if commit not in proven:
                continue  # the rules that it asked for are not of a kind that the audit judges
            if judged.why:
                assert not proven[commit], f"the audit proves #{judged.number}: {judged.why}"
                totals["disproved"] += 1
            elif judged.mark == "success":
                totals["proven" if proven[commit] else "not proven"] += 1
        totals["audits"] += 1
