"""Judge evidence by policy: pure functions from frozen facts to findings.

Fail closed: an absent fact is `missing`, a figure that is not a number is `failed`, and a
difference that the sample cannot show is `inconclusive`. Facts that contradict each other are
`failed`, each by name. All of these block a proposal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from policy.facts.evidence import (
    SHIPPED,
    DataFacts,
    Evidence,
    GateFacts,
    Measurement,
    ParityFacts,
    TrainingFacts,
)
from policy.facts.pointer import Pointer
from policy.files.rules import OF_TEST_ROWS, DataGate, Policy
from policy.gates.consistency import contradictions, of_measurements
from policy.gates.difference import ROUNDING
from policy.gates.drift_gate import judge_drift
from policy.gates.metric_gates import judge_metrics
from policy.gates.win_rate_gate import judge_win_rate
from policy.policy_sentences import (
    counted,
    figure,
    not_compared,
    percent,
    short,
    size,
    too_few_rows,
)
from policy.verdict import Finding, Outcome, check, gather

DATA_GATES: tuple[DataGate, ...] = get_args(DataGate)
STAGES = ("validate", "train", "export", "evaluate", "publish", "attest")
"""The stages of a fine-tune's run; evidence that lacks one is incomplete."""
RECOVERY_STAGES = ("verify", "benchmark", "publish")


def judge(
    policy: Policy,
    evidence: Evidence,
    *,
    proposal_digest: str,
    incumbent: str | None,
    attempt: int = 1,
    other_rows: bool = False,
) -> Finding:
    """Return the verdict on a fine-tune's evidence under `policy`.

    The caller computes `proposal_digest`, `incumbent` (the artifact that the base branch points
    to, or None) and `attempt` itself; evidence about anything else fails the binding. Only the
    first attempt is released. `other_rows` says that git shows a change of the held-out rows.
    """
    binding = judge_binding(evidence, proposal_digest, incumbent, attempt)
    parts = [binding, judge_stages(evidence, STAGES)]
    parts.append(judge_data(policy, evidence.data))
    if parts[-1].outcome.lets_through:
        parts.append(judge_training(policy, evidence.training))
        parts.append(gather("measurement", judge_metrics(policy, evidence, other_rows=other_rows)))
        parts.extend(judge_drift(policy, evidence))
        parts.extend(judge_win_rate(policy, evidence))
        parts.append(judge_export(policy, evidence))
    parts.extend(_contradicted(contradictions(evidence)))
    return gather("evidence", parts)


def _contradicted(sentences: Iterable[str]) -> list[Finding]:
    """Return one finding over all contradictions; none if the facts agree."""
    parts = [Finding("contradiction", Outcome.FAILED, sentence) for sentence in sentences]
    return [gather("consistency", parts)] if parts else []


def judge_binding(
    evidence: Evidence, proposal_digest: str, incumbent: str | None, attempt: int = 1
) -> Finding:
    """Return whether the evidence is about this proposal and this incumbent."""
    parts = [
        check(
            "kind",
            evidence.kind == "finetune",
            "the evidence describes a fine-tune",
            "the evidence does not describe a fine-tune",
        ),
        check(
            "proposal",
            evidence.proposal.digest == proposal_digest,
            f"the evidence is about this proposal ({short(proposal_digest)})",
            f"the evidence is about proposal {short(evidence.proposal.digest)}, "
            f"not {short(proposal_digest)}",
        ),
        _judge_incumbent(evidence, incumbent),
        check(
            "base model",
            evidence.proposal.base_revision != "unpinned" or _base_is_an_input(evidence),
            "the base model is pinned",
            "the base model is a local folder outside the proposal without base_model_revision; "
            "pin it",
        ),
    ]
    if evidence.attempt != attempt:
        sentence = f"the evidence is of attempt {evidence.attempt}, not of attempt {attempt}"
        parts.append(Finding("attempt", Outcome.FAILED, sentence))
    return gather("binding", parts)


def _judge_incumbent(evidence: Evidence, incumbent: str | None) -> Finding:
    measured = evidence.incumbent.artifact if evidence.incumbent else None
    same = f"it was compared with the live version ({short(incumbent)})"
    if incumbent is None:
        same = "no version is live yet, and none was compared with"
    other = f"it was compared with {short(measured)}, but {short(incumbent)} is live"
    return check("incumbent", measured == incumbent, same, other)


def _base_is_an_input(evidence: Evidence) -> bool:
    """Return whether the base is built from files that the proposal digest covers."""
    inside = evidence.proposal.base_model.partition(f"models/{evidence.model}/")
    return inside[0] in ("", "./") and any(
        entry.path == f"{inside[2].rstrip('/')}/base.yml" for entry in evidence.proposal.inputs
    )


def judge_stages(evidence: Evidence, needed: Sequence[str]) -> Finding:
    """Return whether every needed stage ran, and every stage that ran finished.

    The stages after one that stopped are not missing, because nobody expects them.
    """
    parts = []
    for stage in evidence.stages:
        outcome = {
            "done": Outcome.PASSED,
            "stopped": Outcome.FAILED,
            "errored": Outcome.ERRORED,
        }[stage.outcome]
        sentence = f"{stage.stage} {stage.outcome} after {stage.seconds:.1f} s"
        sentence += f": {stage.message}" if stage.message else ""
        parts.append(Finding(stage.stage, outcome, sentence))
    if all(part.outcome is Outcome.PASSED for part in parts):
        run = {stage.stage for stage in evidence.stages}
        parts.extend(
            Finding(stage, Outcome.MISSING, f"{stage} was not run")
            for stage in needed
            if stage not in run
        )
    return gather("stages", parts)


def judge_data(policy: Policy, data: DataFacts | None) -> Finding:
    """Return whether the data gates' counts are within their limits; a gate must have run."""
    if data is None:
        return Finding("data", Outcome.MISSING, "the data gates were not run")
    rules = policy.gates.data
    counts = {facts.gate: facts for facts in data.gates}
    everything = sum(part.rows for part in data.splits)
    parts: list[Finding] = []
    for gate in DATA_GATES:
        facts = counts.get(gate)
        rows = data.rows("test") if gate in OF_TEST_ROWS else everything
        parts.append(_judge_data_gate(gate, facts, rules.allowed(gate, rows)))
    for other in data.gates:
        if other.gate not in DATA_GATES and other.count:
            found = counted(other.count, "finding")
            sentence = f"{found} of the {other.gate} gate, which this policy does not know"
            parts.append(Finding(other.gate, Outcome.FAILED, sentence))
    for split, least in (("train", rules.min_train_rows), ("test", rules.min_test_rows)):
        rows = data.rows(split)
        enough = f"{rows} {split} rows, at least {least} required"
        parts.append(
            check(f"{split} rows", rows >= least, enough, too_few_rows(split, rows, least))
        )
    return gather("data", parts)


def _judge_data_gate(gate: DataGate, facts: GateFacts | None, limit: int) -> Finding:
    if facts is None:
        return Finding(gate, Outcome.MISSING, f"the {gate} gate was not run")
    if facts.not_run:
        return Finding(gate, Outcome.ERRORED, f"the gate did not finish: {facts.not_run}")
    sentence = counted(facts.count, "finding") + (f", {limit} allowed" if limit else "")
    return check(gate, facts.count <= limit, sentence)


def judge_training(policy: Policy, training: TrainingFacts | None) -> Finding:
    """Return whether training learned what it was given: the silent failures, each by name."""
    if training is None:
        return Finding("training", Outcome.MISSING, "nothing was trained")
    truncated, rows = training.rows_truncated, training.rows
    limit = policy.gates.training.max_truncated_share
    untrained = training.rows_without_trained_tokens
    parts = (
        check(
            "trained tokens",
            training.trained_tokens > 0 and untrained == 0,
            f"{training.trained_tokens} of {training.total_tokens} tokens a pass are trained on",
            f"{untrained} of {rows} rows have no token to train on",
        ),
        check(
            "stop token",
            training.stop_token_trained,
            "the stop token is trained in every row",
            "the stop token is never trained, so the model would not know when to stop",
        ),
        check(
            "truncation",
            (truncated / rows if rows else 1.0) <= limit,
            f"max_length truncates {truncated} of {rows} rows, {percent(limit)} allowed",
        ),
        check(
            "loss",
            math.isfinite(training.final_loss) and training.steps > 0,
            f"loss {training.first_loss:.3f} to {training.final_loss:.3f} "
            f"in {training.steps} steps",
            f"the loss is {training.final_loss} after {training.steps} steps",
        ),
    )
    least = policy.gates.data.min_train_rows
    if rows < least:  # rows with allowed findings are not trained on
        sentence = too_few_rows("trained", rows, least)
        return gather("training", (Finding("rows", Outcome.FAILED, sentence), *parts))
    return gather("training", parts)


def judge_export(policy: Policy, evidence: Evidence) -> Finding:
    """Return whether the file that ships is the measured model, and answers like it."""
    artifact = evidence.artifact(SHIPPED)
    candidate = evidence.measurement("candidate")
    same = artifact is not None and candidate is not None and artifact.digest == candidate.model
    parts = (
        _judge_parity(policy, evidence.parity),
        check(
            "artifact",
            same,
            "the file that ships is the file that was measured",
            "the file that would ship is not the file that was measured",
        ),
    )
    return gather("export", parts)


def _judge_parity(policy: Policy, parity: ParityFacts | None) -> Finding:
    if parity is None or parity.answers == 0 or parity.prompts == 0:
        sentence = "the exported file was not compared with the trained model"
        return Finding("parity", Outcome.MISSING, sentence)
    least = policy.gates.export.min_equal_answers
    equal = (
        parity.prompts_with_equal_tokens == parity.prompts
        and parity.equal_answers / parity.answers >= least
    )
    sentence = (
        f"{parity.prompts_with_equal_tokens} of {parity.prompts} prompts have equal tokens, "
        f"{parity.equal_answers} of {parity.answers} answers are equal "
        f"(at least {percent(least)} required)"
    )
    if parity.first_difference:
        sentence += f"; first difference: {parity.first_difference}"
    return check("parity", equal, sentence)


def judge_recovery(
    policy: Policy, recorded: Evidence | None, recovery: Evidence, *, target: Pointer
) -> Finding:
    """Return whether a rolled-back artifact is complete and repeats its recorded benchmark."""
    measured = recovery.measurement("candidate")
    digest = target.artifact.digest
    parts = [
        check(
            "kind",
            recovery.kind == "recovery",
            "the evidence describes a rollback",
            "the evidence does not describe a rollback",
        ),
        judge_stages(recovery, RECOVERY_STAGES),
        check(
            "artifact",
            measured is not None and measured.model == digest,
            f"the artifact {short(digest)} is in the registry, complete, and loads",
            f"the artifact {short(digest)} was not verified",
        ),
    ]
    parts.extend(_contradicted(of_measurements(recovery)))
    before = recorded.measurement("candidate") if recorded else None
    if before is None or measured is None:
        sentence = (
            "the version's recorded evidence is not in the repository, "
            "or its benchmark was not repeated"
        )
        parts.append(Finding("benchmark", Outcome.MISSING, sentence))
        return gather("recovery", parts)
    if before.model != digest:
        sentence = "the recorded evidence is about another artifact"
        parts.append(Finding("record", Outcome.FAILED, sentence))
    if before.rows != measured.rows:
        sentence = "the benchmark was repeated on rows other than the recorded ones"
        parts.append(Finding("rows", Outcome.FAILED, sentence))
    parts.extend(_judge_repeated(policy, before, measured))
    return gather("recovery", parts)


def _judge_repeated(policy: Policy, before: Measurement, now: Measurement) -> Iterator[Finding]:
    """Yield for each gated metric whether it repeats its recorded figure within the tolerance."""
    tolerance = policy.gates.recovery.tolerance
    for gate in policy.gates.metrics:
        old, new = before.metric(gate.metric), now.metric(gate.metric)
        if old is None or new is None:
            yield Finding(gate.metric, Outcome.MISSING, not_compared(gate.metric))
        elif new.higher_is_better:  # times depend on the machine of the day; answers must not
            sentence = (
                f"now {figure(new)}, recorded {figure(old)}, tolerance {size(old, tolerance)}"
            )
            yield check(gate.metric, old.value - new.value <= tolerance + ROUNDING, sentence)
