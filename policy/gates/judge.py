"""Judge evidence by policy: pure functions from frozen facts to findings.

Fail closed: a fact that is not there is `missing`, a figure that is not a number is `failed`, and a
difference that the sample cannot show is `inconclusive`. Facts that contradict each other are
`failed`, each by name. None of these lets a proposal through.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import get_args

from policy.facts.evidence import SHIPPED, DataFacts, Evidence, ParityFacts, TrainingFacts
from policy.facts.pointer import Pointer
from policy.files.rules import OF_TEST_ROWS, DataGate, Policy
from policy.gates import messages
from policy.gates.consistency import contradictions, of_measurements
from policy.gates.difference import ROUNDING
from policy.gates.drift_gate import judge_drift
from policy.gates.metric_gates import judge_metrics
from policy.gates.win_rate_gate import judge_win_rate
from policy.verdict import Finding, Outcome, gather

DATA_GATES: tuple[DataGate, ...] = get_args(DataGate)
STAGES = ("validate", "train", "export", "evaluate", "publish", "attest")
"""What a fine-tune's run consists of; evidence that leaves one out is not whole."""
RECOVERY_STAGES = ("verify", "benchmark", "publish")


def judge(
    policy: Policy,
    evidence: Evidence,
    *,
    proposal_digest: str,
    incumbent: str | None,
    attempt: int = 1,
) -> Finding:
    """Return what the evidence of a fine-tune comes to under `policy`.

    `proposal_digest`, `incumbent` (the artifact that the base branch points to, or None) and
    `attempt` are what the caller computed itself; evidence about anything else is not evidence
    here. Only the first attempt is released.
    """
    binding = judge_binding(evidence, proposal_digest, incumbent, attempt)
    parts = [binding, judge_stages(evidence, STAGES)]
    parts.append(judge_data(policy, evidence.data))
    if parts[-1].outcome.lets_through:
        parts.append(judge_training(policy, evidence.training))
        parts.append(gather("measurement", judge_metrics(policy, evidence)))
        parts.extend(judge_drift(policy, evidence))
        parts.extend(judge_win_rate(policy, evidence))
        parts.append(judge_export(policy, evidence))
    parts.extend(_contradicted(contradictions(evidence)))
    return gather("evidence", parts)


def _contradicted(sentences: Iterable[str]) -> list[Finding]:
    """Return a finding that holds every contradiction; none where the facts agree."""
    parts = [Finding("contradiction", Outcome.FAILED, sentence) for sentence in sentences]
    return [gather("consistency", parts)] if parts else []


def judge_binding(
    evidence: Evidence, proposal_digest: str, incumbent: str | None, attempt: int = 1
) -> Finding:
    """Return whether the evidence is about this proposal and this incumbent."""
    measured_against = evidence.incumbent.artifact if evidence.incumbent else None
    pinned = evidence.proposal.base_revision != "unpinned" or _base_is_an_input(evidence)
    parts = (
        _check("kind", evidence.kind == "finetune", messages.KIND_OK, messages.KIND_WRONG),
        _check(
            "proposal",
            evidence.proposal.digest == proposal_digest,
            messages.proposal_matches(proposal_digest),
            messages.proposal_differs(proposal_digest, evidence.proposal.digest),
        ),
        _check(
            "incumbent",
            measured_against == incumbent,
            messages.incumbent_matches(incumbent),
            messages.incumbent_differs(incumbent, measured_against),
        ),
        _check("base model", pinned, messages.BASE_PINNED, messages.BASE_UNPINNED),
    )
    if evidence.attempt != attempt:
        sentence = messages.another_attempt(attempt, evidence.attempt)
        return gather("binding", (*parts, Finding("attempt", Outcome.FAILED, sentence)))
    return gather("binding", parts)


def _base_is_an_input(evidence: Evidence) -> bool:
    """Return whether the base is built from files that the proposal digest covers."""
    inside = evidence.proposal.base_model.partition(f"models/{evidence.model}/")
    return inside[0] in ("", "./") and any(
        entry.path == f"{inside[2].rstrip('/')}/base.yml" for entry in evidence.proposal.inputs
    )


def judge_stages(evidence: Evidence, needed: Sequence[str]) -> Finding:
    """Return whether every needed stage was run, and every stage that was run came to its end.

    What follows a stage that stopped is not missing: nobody expects it.
    """
    parts = []
    for stage in evidence.stages:
        outcome = {
            "done": Outcome.PASSED,
            "stopped": Outcome.FAILED,
            "errored": Outcome.ERRORED,
        }[stage.outcome]
        parts.append(Finding(stage.stage, outcome, messages.stage(stage)))
    if all(part.outcome is Outcome.PASSED for part in parts):
        run = {stage.stage for stage in evidence.stages}
        parts.extend(
            Finding(stage, Outcome.MISSING, messages.stage_not_run(stage))
            for stage in needed
            if stage not in run
        )
    return gather("stages", parts)


def judge_data(policy: Policy, data: DataFacts | None) -> Finding:
    """Return what the data gates' counts come to; a gate that was not run is missing."""
    if data is None:
        return Finding("data", Outcome.MISSING, messages.NO_DATA_FACTS)
    rules = policy.gates.data
    counted = {facts.gate: facts for facts in data.gates}
    parts: list[Finding] = []
    for gate in DATA_GATES:
        facts = counted.get(gate)
        everything = sum(part.rows for part in data.splits)
        looked_at = data.rows("test") if gate in OF_TEST_ROWS else everything
        limit = rules.allowed(gate, looked_at)
        if facts is None:
            parts.append(Finding(gate, Outcome.MISSING, messages.gate_not_run(gate)))
        elif facts.not_run:
            parts.append(Finding(gate, Outcome.ERRORED, messages.gate_errored(facts.not_run)))
        else:
            outcome = Outcome.PASSED if facts.count <= limit else Outcome.FAILED
            parts.append(Finding(gate, outcome, messages.data_gate(gate, facts.count, limit)))
    for other in data.gates:
        if other.gate not in DATA_GATES and other.count:
            sentence = messages.unknown_gate(other.gate, other.count)
            parts.append(Finding(other.gate, Outcome.FAILED, sentence))
    for split, least in (("train", rules.min_train_rows), ("test", rules.min_test_rows)):
        rows = data.rows(split)
        parts.append(
            _check(
                f"{split} rows",
                rows >= least,
                messages.rows_enough(split, rows, least),
                messages.rows_too_few(split, rows, least),
            )
        )
    return gather("data", parts)


def judge_training(policy: Policy, training: TrainingFacts | None) -> Finding:
    """Return whether training learned what it was given: the silent failures, each by name."""
    if training is None:
        return Finding("training", Outcome.MISSING, messages.NO_TRAINING_FACTS)
    share = training.rows_truncated / training.rows if training.rows else 1.0
    limit = policy.gates.training.max_truncated_share
    finite = math.isfinite(training.final_loss) and training.steps > 0
    parts = (
        _check(
            "trained tokens",
            training.trained_tokens > 0 and training.rows_without_trained_tokens == 0,
            messages.tokens_trained(training),
            messages.rows_without_tokens(training),
        ),
        _check(
            "stop token",
            training.stop_token_trained,
            messages.STOP_TRAINED,
            messages.STOP_UNTRAINED,
        ),
        _check(
            "truncation",
            share <= limit,
            messages.truncated(training.rows_truncated, training.rows, limit),
            messages.truncated(training.rows_truncated, training.rows, limit),
        ),
        _check("loss", finite, messages.loss(training), messages.loss_not_finite(training)),
    )
    least = policy.gates.data.min_train_rows
    if training.rows < least:  # rows with findings that are let through are not trained on
        sentence = messages.rows_too_few("trained", training.rows, least)
        return gather("training", (Finding("rows", Outcome.FAILED, sentence), *parts))
    return gather("training", parts)


def judge_export(policy: Policy, evidence: Evidence) -> Finding:
    """Return whether the file that ships is the model that was measured, and answers like it."""
    artifact = evidence.artifact(SHIPPED)
    candidate = evidence.measurement("candidate")
    same = artifact is not None and candidate is not None and artifact.digest == candidate.model
    parts = (
        _judge_parity(policy, evidence.parity),
        _check("artifact", same, messages.ARTIFACT_MEASURED, messages.ARTIFACT_NOT_MEASURED),
    )
    return gather("export", parts)


def _judge_parity(policy: Policy, parity: ParityFacts | None) -> Finding:
    if parity is None or parity.answers == 0 or parity.prompts == 0:
        return Finding("parity", Outcome.MISSING, messages.NO_PARITY)
    least = policy.gates.export.min_equal_answers
    holds = (
        parity.prompts_with_equal_tokens == parity.prompts
        and parity.equal_answers / parity.answers >= least
    )
    sentence = messages.parity(parity, least)
    return Finding("parity", Outcome.PASSED if holds else Outcome.FAILED, sentence)


def judge_recovery(
    policy: Policy, recorded: Evidence | None, recovery: Evidence, *, target: Pointer
) -> Finding:
    """Return whether a rolled-back artifact is whole and repeats its recorded benchmark."""
    measured = recovery.measurement("candidate")
    parts = [
        _check("kind", recovery.kind == "recovery", messages.RECOVERY_OK, messages.RECOVERY_WRONG),
        judge_stages(recovery, RECOVERY_STAGES),
        _check(
            "artifact",
            measured is not None and measured.model == target.artifact.digest,
            messages.artifact_verified(target.artifact.digest),
            messages.artifact_not_verified(target.artifact.digest),
        ),
    ]
    parts.extend(_contradicted(of_measurements(recovery)))
    before = recorded.measurement("candidate") if recorded else None
    if before is None or measured is None:
        parts.append(Finding("benchmark", Outcome.MISSING, messages.NO_RECORDED_BENCHMARK))
        return gather("recovery", parts)
    if before.model != target.artifact.digest:
        parts.append(Finding("record", Outcome.FAILED, messages.RECORD_OF_ANOTHER))
    if before.rows != measured.rows:
        parts.append(Finding("rows", Outcome.FAILED, messages.OTHER_ROWS))
    tolerance = policy.gates.recovery.tolerance
    for gate in policy.gates.metrics:
        old, new = before.metric(gate.metric), measured.metric(gate.metric)
        if old is None or new is None:
            parts.append(Finding(gate.metric, Outcome.MISSING, messages.no_comparison(gate.metric)))
            continue
        if not new.higher_is_better:
            continue  # times depend on the machine of the day; answers must not
        loss = old.value - new.value
        holds = loss <= tolerance + ROUNDING
        parts.append(_bar(gate.metric, holds, messages.repeated(old, new, tolerance)))
    return gather("recovery", parts)


def _check(name: str, holds: bool, passed: str, failed: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, passed if holds else failed)


def _bar(name: str, holds: bool, sentence: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, sentence)
