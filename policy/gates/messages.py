"""Every sentence that a finding of the policy says to a person."""

from __future__ import annotations

from collections.abc import Sequence

from policy.facts.evidence import Drift, Measurement, Metric, ParityFacts, StageFacts, TrainingFacts
from policy.gates.paired_statistics import Difference
from policy.verdict import Finding

KIND_OK = "the evidence is of a fine-tune"
KIND_WRONG = "the evidence is not of a fine-tune"
BASE_PINNED = "the base model is pinned"
BASE_UNPINNED = (
    "the base model is a local folder outside the proposal without base_model_revision; pin it"
)
NO_DATA_FACTS = "the data gates were not run"
NO_TRAINING_FACTS = "nothing was trained"
STOP_TRAINED = "the stop token is trained in every row"
STOP_UNTRAINED = "the stop token is never trained: the model would not know when to stop"
NO_PARITY = "the exported file was not compared with the trained model"
ARTIFACT_MEASURED = "the file that ships is the file that was measured"
ARTIFACT_NOT_MEASURED = "the file that would ship is not the file that was measured"
SIDES = ("first", "second")
THE_INCUMBENT = "the incumbent"
THE_MERGED_MODEL = "the model before it was quantised"
SMALLER_DROP = "a real drop, though a smaller one"
NO_INCUMBENT = "there is no incumbent yet to fall behind"
RECOVERY_OK = "the evidence is of a rollback"
RECOVERY_WRONG = "the evidence is not of a rollback"
NO_RECORDED_BENCHMARK = (
    "the version's recorded evidence is not in the repository, or its benchmark was not repeated"
)
RECORD_OF_ANOTHER = "the recorded evidence is of another artifact"
OTHER_ROWS = "the benchmark was repeated on other rows than those recorded"


SECONDS = frozenset({"latency", "latency_p50", "latency_p95", "first_token"})
"""The metrics in seconds: times of an answer, and of its first token."""


def short(digest: str | None) -> str:
    """Return a digest's first twelve hex digits, or `none`."""
    return digest.removeprefix("sha256:")[:12] if digest else "none"


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def figure(metric: Metric) -> str:
    """Return a metric's value as people read it: shares in per cent, times in milliseconds."""
    if metric.name in SECONDS:
        return f"{1000 * metric.value:.1f} ms"
    return percent(metric.value) if metric.kind == "share" else f"{metric.value:.4g}"


def proposal_matches(digest: str) -> str:
    return f"the evidence is about this proposal ({short(digest)})"


def proposal_differs(expected: str, found: str) -> str:
    return f"the evidence is about proposal {short(found)}, not {short(expected)}"


def incumbent_matches(digest: str | None) -> str:
    if digest is None:
        return "no version is live yet, and none was compared with"
    return f"it was compared with the live version ({short(digest)})"


def incumbent_differs(expected: str | None, found: str | None) -> str:
    return f"it was compared with {short(found)}, but {short(expected)} is live"


def another_attempt(wanted: int, found: int) -> str:
    return f"the evidence is of attempt {found}, and attempt {wanted} is judged here"


def stage(facts: StageFacts) -> str:
    text = f"{facts.stage} {facts.outcome} after {facts.seconds:.1f} s"
    return f"{text}: {facts.message}" if facts.message else text


def stage_not_run(name: str) -> str:
    return f"{name} was not run"


def gate_not_run(gate: str) -> str:
    return f"the {gate} gate was not run"


def gate_errored(why: str) -> str:
    return f"could not be run to its end: {why}"


def unknown_gate(gate: str, count: int) -> str:
    return f"{count} of the {gate} gate, which this policy does not know"


def data_gate(gate: str, count: int, limit: int) -> str:
    noun = "finding" if count == 1 else "findings"
    return f"{count} {noun}" if limit == 0 else f"{count} {noun}, {limit} allowed"


def rows_enough(split: str, rows: int, least: int) -> str:
    return f"{rows} {split} rows, at least {least} wanted"


def rows_too_few(split: str, rows: int, least: int) -> str:
    return f"only {rows} {split} rows, at least {least} wanted"


def tokens_trained(facts: TrainingFacts) -> str:
    return f"{facts.trained_tokens} of {facts.total_tokens} tokens a pass are trained on"


def rows_without_tokens(facts: TrainingFacts) -> str:
    return f"{facts.rows_without_trained_tokens} of {facts.rows} rows have no token to train on"


def truncated(rows: int, total: int, limit: float) -> str:
    return f"{rows} of {total} rows are cut off by max_length, {percent(limit)} allowed"


def loss(facts: TrainingFacts) -> str:
    return f"loss {facts.first_loss:.3f} to {facts.final_loss:.3f} in {facts.steps} steps"


def loss_not_finite(facts: TrainingFacts) -> str:
    return f"the loss is {facts.final_loss} after {facts.steps} steps"


def parity(facts: ParityFacts, least: float) -> str:
    text = (
        f"{facts.prompts_with_equal_tokens} of {facts.prompts} prompts read alike, "
        f"{facts.equal_answers} of {facts.answers} answers equal "
        f"(at least {percent(least)} wanted)"
    )
    return f"{text}; first difference: {facts.first_difference}" if facts.first_difference else text


def no_measurement(metric: str) -> str:
    return f"{metric} was not measured on the file that would ship"


def no_metric(name: str, measurement: Measurement) -> str:
    known = ", ".join(metric.name for metric in measurement.metrics)
    return f"{name} was not measured; measured were: {known or 'none'}"


def not_a_number(metric: str) -> str:
    return f"{metric} is not a number"


def at_least(metric: Metric, least: float) -> str:
    return f"{_beside(metric, least)}, at least {_bar(metric, least)} wanted"


def at_most(metric: Metric, most: float) -> str:
    return f"{_beside(metric, most)}, at most {_bar(metric, most)} allowed"


def _beside(metric: Metric, bar: float) -> str:
    """Return the figure with as many digits as it takes to tell it from the bar."""
    if metric.value == bar or figure(metric) != _bar(metric, bar):
        return figure(metric)
    return f"{100 * metric.value:.8g} %" if metric.kind == "share" else f"{metric.value:.8g}"


def _bar(metric: Metric, value: float) -> str:
    return percent(value) if metric.kind == "share" else f"{value:.4g}"


def no_base(metric: str) -> str:
    return f"{metric} of the base model was not measured"


def no_comparison(metric: str) -> str:
    return f"{metric} was not compared row by row"


def gain(metric: Metric, value: float, least: float) -> str:
    seen, bar = moved(metric, value), moved(metric, least)
    if seen == bar and value != least:  # as many digits as it takes to tell them apart
        seen = f"{_bare(metric, value, '+.8g', '+.8g')}{_unit(metric)}"
    return f"{seen} over the base, at least {bar} wanted"


def moved(metric: Metric, value: float) -> str:
    """Return a difference of two values of a metric, in its unit: points are of per cent."""
    return f"{_bare(metric, value, '+.1f', '+.4g')}{_unit(metric)}"


def _bare(metric: Metric, value: float, in_unit: str, as_number: str) -> str:
    if metric.name in SECONDS:
        return format(1000 * value, in_unit)
    return format(100 * value, in_unit) if metric.kind == "share" else format(value, as_number)


def _unit(metric: Metric) -> str:
    if metric.name in SECONDS:
        return " ms"
    return " points" if metric.kind == "share" else ""


def drop(
    metric: Metric, difference: Difference, margin: float, against: str, p: float, tests: int
) -> str:
    """Return what was seen; `p` is the one that counts, adjusted for so many tests."""
    among = f" for {tests} tests together" if tests > 1 else ""
    return (
        f"{moved(metric, difference.value)} against {against} "
        f"({_bare(metric, difference.low, '+.1f', '+.4g')} to {moved(metric, difference.high)}, "
        f"p = {p:.2g}{among}, n = {difference.n}); "
        f"a drop of {_bare(metric, margin, 'g', 'g')}{_unit(metric)} fails"
    )


def inconclusive(metric: Metric, difference: Difference, rows: int | None) -> str:
    known = f"about {rows:,} rows would settle it" if rows else "no number of rows would settle it"
    seen = _bare(metric, difference.detectable, ".1f", ".3g")
    return f"{difference.n} rows can only show {seen}{_unit(metric)}, so this is not known; {known}"


def group_too_small(rows: int, least: int) -> str:
    return f"{rows} rows, and groups of fewer than {least} are not judged"


def no_slices(metric: str, field: str) -> str:
    return f"{metric} was not compared for each {field}; run again, the answers are kept"


def slices(groups: int, blocked: Sequence[Finding], warned: int) -> str:
    """Return what the groups of a field come to, the first that do not hold by name."""
    text = f"{groups - len(blocked)} of {groups} groups hold"
    if warned:
        text += f", {warned} with a warning"
    if not blocked:
        return text
    named = ", ".join(group.name for group in blocked[:3])
    return f"{text}; not: {named}{', ...' if len(blocked) > 3 else ''}"


def no_drift(of: str, against: str) -> str:
    return f"the {of} of the answers was not compared with the {against}"


def nothing_to_compare(of: str, against: str) -> str:
    return f"the answers or the {against} hold nothing that gives a {of}, so this is not known"


def drift(facts: Drift, measure: str, found: float, luck: float) -> str:
    """Return a distance beside what luck gives, and the bin that moved most."""
    name = "PSI" if measure == "psi" else "Jensen-Shannon divergence"
    totals = [max(1, sum(getattr(each, side) for each in facts.bins)) for side in SIDES]
    moved = max(facts.bins, key=lambda each: abs(each.second / totals[1] - each.first / totals[0]))
    return (
        f"{name} {found:.3f}, luck alone gives up to {luck:.3f}; most moved: {moved.name}, "
        f"{percent(moved.first / totals[0])} to {percent(moved.second / totals[1])}"
    )


def drifted(sentence: str, bar: float) -> str:
    return f"{sentence}; the band begins at {bar:g}"


def metric(value: Metric, parts: Sequence[Finding]) -> str:
    """Return the metric's figure, or what stands against it."""
    blocked = [part.sentence for part in parts if not part.outcome.lets_through]
    return "; ".join(blocked) if blocked else figure(value)


def artifact_verified(digest: str) -> str:
    return f"the artifact {short(digest)} is in the registry, whole, and loads"


def artifact_not_verified(digest: str) -> str:
    return f"the artifact {short(digest)} was not verified"


def repeated(old: Metric, new: Metric, tolerance: float) -> str:
    lost = f"{_bare(old, tolerance, 'g', 'g')}{_unit(old)}"
    return f"{figure(new)} now, {figure(old)} recorded; {lost} may be lost"
