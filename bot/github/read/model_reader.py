"""One model of a pull request: its files in three trees, its runs, and this bot's records of it."""

from __future__ import annotations

from dataclasses import replace

from bot.facts.actions import FINETUNE, ROLLBACK
from bot.facts.model_facts import AskedAttempt, ModelFacts
from bot.facts.own_comment import earlier_keys
from bot.facts.proposed import Proposed
from bot.facts.snapshot import Snapshot
from bot.github.api import Api
from bot.github.read.attempt_tags import AttemptReader
from bot.github.read.look_tags import LookReader
from bot.github.read.measured_tags import MeasuredReader
from bot.github.read.pointer_line import MOST_COMMITS, HistoryTooLongError, PointerLine
from bot.github.read.run_reader import Runs
from bot.github.read.tree_reader import Files, Tree
from policy.facts.pointer_history import read_pointer
from policy.governed import CARDS, MODELS, pointer_path


class ModelReader:
    """Reads the models of one repository."""

    def __init__(
        self,
        api: Api,
        repository: str,
        files: Files,
        attempts: AttemptReader,
        measured: MeasuredReader,
        looks: LookReader,
        login: str,
    ) -> None:
        self._api = api
        self._repository = repository
        self._files = files
        self._line = PointerLine(api, repository)
        self._login = login
        self._attempts = attempts
        self._measured = measured
        self._looks = looks

    def in_trees(self, name: str, head: Tree, base: Tree, fork: Tree) -> ModelFacts:
        """Return one model as head, base branch and the fork of both have it."""
        folder, cards, pointer = f"{MODELS}/{name}", f"{CARDS}/{name}", pointer_path(name)
        text = self._files.text
        head_pointer = text(head.blobs.get(pointer))
        base_pointer = text(base.blobs.get(pointer))
        return ModelFacts(
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
            base_pointer=base_pointer,
            fork_pointer=text(fork.blobs.get(pointer)),
            head_evidence=self._evidence(name, head_pointer, head),
            recorded=self._evidence(name, head_pointer, base),
            live_record=self._evidence(name, base_pointer, base),
            head_sizes=tuple(
                (path.removeprefix(folder + "/"), size)
                for path, size in sorted(head.sizes.items())
                if path.startswith(folder + "/")
            ),
        )

    def _evidence(self, name: str, pointer: str | None, tree: Tree) -> str | None:
        """Return the evidence file that a pointer names, if it is below the model's own cards."""
        named = read_pointer(pointer)
        if named is None or not named.evidence.path.startswith(f"{CARDS}/{name}/"):
            return None
        return self._files.text(tree.blobs.get(named.evidence.path))

    def with_history(self, facts: ModelFacts, base_head: str) -> ModelFacts:
        """Return the facts with every content that the pointer had on the base branch."""
        try:
            past = self._line.moments(base_head, pointer_path(facts.name))
        except HistoryTooLongError:
            return replace(facts, history_limit=MOST_COMMITS)
        return replace(
            facts,
            history=tuple(self._files.text(moment.content) for moment in past),
            history_dates=tuple(moment.at for moment in past),
        )

    def with_runs(self, snapshot: Snapshot, facts: ModelFacts) -> ModelFacts:
        """Return the facts with the runs of what is proposed, and what this bot recorded about it.

        A rollback has no attempts.
        """
        proposed = snapshot.proposals[facts.name]
        branch = snapshot.default_branch
        runs = Runs(self._api, self._repository, branch, self._login)
        if proposed.kind == "rollback":
            found = runs.of_key(ROLLBACK, facts.name, proposed.key) if proposed.key else ()
            return replace(facts, runs=found)
        if proposed.proposal is None:
            return facts  # deciding says what is wrong with the recipe
        facts = self._with_attempts(facts, proposed)
        pull = snapshot.pull
        own = {proposed.key: (pull.number, pull.author)}
        for asked in facts.attempts:
            own[proposed.key_of(asked.record.number)] = (pull.number, asked.record.user)
        looks = self._looks.of(facts.name, own)
        others = [*own, *earlier_keys(snapshot.comments)]
        found = runs.of_key(FINETUNE, facts.name, proposed.key, others, looks.keys)
        measured, foreign = self._measured.first(facts.name, proposed.key)
        trusted = (run for run in found if run.evidence is not None)
        unrecorded = self._looks.unrecorded(facts.name, trusted, looks, own)
        return replace(
            facts,
            runs=found,
            measured=measured,
            measured_foreign=foreign,
            looks=looks,
            unrecorded=() if pull.merged else unrecorded,
        )

    def _with_attempts(self, facts: ModelFacts, proposed: Proposed) -> ModelFacts:
        """Return the facts with every attempt of the present proposal."""
        records, foreign = self._attempts.of(facts.name, proposed.digest)
        return replace(
            facts,
            attempts=tuple(
                AskedAttempt(
                    record, *self._measured.first(facts.name, proposed.key_of(record.number))
                )
                for record in records
            ),
            attempts_foreign=foreign,
        )
