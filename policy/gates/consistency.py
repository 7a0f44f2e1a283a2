"""Check that the facts of one run agree with each other.

The gates read shares, paired counts and row counts from different places of the evidence. Facts
that cannot all be true say nothing about the model, so each contradiction becomes a sentence and
blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from policy.facts.class_facts import MAX_LABEL, ClassFacts
from policy.facts.evidence import (
    Comparison,
    DataFacts,
    Evidence,
    FormerRows,
    Measurement,
    Metric,
    PairedCounts,
    PairedMeans,
    ParityFacts,
    Rival,
    Slice,
    TrainingFacts,
)
from policy.facts.proposal import propose
from policy.policy_sentences import short

TOLERANCE = 1e-6
"""How far two computations of one figure may differ; relative to the figure if above 1."""


def contradictions(evidence: Evidence) -> tuple[str, ...]:
    """Return a sentence for every contradiction between facts of a fine-tune's evidence."""
    return tuple(_of_evidence(evidence))


def _of_evidence(evidence: Evidence) -> Iterator[str]:
    yield from _of_names(evidence)
    if evidence.data is not None:
        yield from _of_data(evidence.data)
    if evidence.training is not None:
        yield from _of_training(evidence.training, evidence.data)
    yield from of_measurements(evidence)
    yield from _of_subjects(evidence)
    for comparison in evidence.comparisons:
        if evidence.incumbent is None and "incumbent" in (comparison.first, comparison.second):
            continue  # it is never read
        yield from _of_comparison(evidence, comparison)
    if evidence.former is not None:
        yield from _of_former(evidence, evidence.former, "on the former rows")
    for rival in evidence.rivals:
        candidate = evidence.measurement("candidate")
        if rival.rows != (candidate.rows if candidate is not None else None):
            yield f"{rival.model} was compared with on other rows than the candidate's"
        yield from _of_former(evidence, rival, f"against {rival.model}")
    for name in _doubled(rival.model for rival in evidence.rivals):
        yield _twice("rival", name)
    candidate = evidence.measurement("candidate")
    for drift in evidence.drift:
        answers = sum(each.second for each in drift.bins)
        rows = max((metric.n for metric in candidate.metrics), default=0) if candidate else 0
        if drift.of != "vocabulary" and answers != rows:
            yield (
                f"{drift.of} against {drift.against} counts {answers} answers, "
                f"but {rows} rows were measured"
            )
    for subject, classes in evidence.classes.items():
        yield from _of_classes(subject, classes, evidence.measurement(subject))
    if evidence.parity is not None:
        yield from _of_parity(evidence.parity, evidence.measurement("candidate"))


def _of_names(evidence: Evidence) -> Iterator[str]:
    proposal = evidence.proposal
    if proposal.model != evidence.model:
        yield (f"the evidence is about {evidence.model!r}, its proposal about {proposal.model!r}")
    again = propose(
        proposal.model,
        [(entry.path, entry.blob) for entry in proposal.inputs],
        proposal.base_model,
        proposal.base_revision,
        proposal.runner_version,
    )
    if again.digest != proposal.digest:
        yield (
            f"the listed inputs have the digest {short(again.digest)}, not {short(proposal.digest)}"
        )
    for name in _doubled(artifact.name for artifact in evidence.artifacts):
        yield _twice("artifact", name)
    for name in _doubled(f"{each.of} against {each.against}" for each in evidence.drift):
        yield _twice("drift of", name)
    named = ((c.metric, c.first, c.second) for c in evidence.comparisons)
    for name in _doubled(" ".join(parts) for parts in named):
        yield _twice("comparison", name)


def _of_data(data: DataFacts) -> Iterator[str]:
    for name in _doubled(part.split for part in data.splits):
        yield _twice("split", name)
    for name in _doubled(gate.gate for gate in data.gates):
        yield _twice("data gate", name)
    for gate in data.gates:
        if len(gate.findings) > gate.count:
            yield _more(f"findings of the {gate.gate} gate", len(gate.findings), gate.count)


def _of_training(training: TrainingFacts, data: DataFacts | None) -> Iterator[str]:
    given = data.rows("train") if data is not None else training.rows
    for what, part, whole in (
        ("rows trained on", training.rows, given),
        ("truncated rows", training.rows_truncated, training.rows),
        ("rows without trained tokens", training.rows_without_trained_tokens, training.rows),
        ("trained tokens", training.trained_tokens, training.total_tokens),
        ("trainable parameters", training.trainable_parameters, training.total_parameters),
    ):
        if part > whole:
            yield _more(what, part, whole)


def of_measurements(evidence: Evidence | FormerRows) -> Iterator[str]:
    """Yield what is impossible within the measurements: duplicate names, shares of other counts."""
    for name in _doubled(measured.subject for measured in evidence.measurements):
        yield _twice("measurement", name)
    for measured in evidence.measurements:
        for name in _doubled(metric.name for metric in measured.metrics):
            yield _twice(f"metric of {measured.subject}", name)
        for metric in measured.metrics:
            if not _is_share(metric):
                yield (
                    f"{metric.name} of {measured.subject} is given as {metric.value:.6g}, "
                    f"with {metric.successes} of {metric.n} rows right"
                )


def _is_share(metric: Metric) -> bool:
    """Return whether a share is its successes over its rows; other kinds have no successes."""
    if metric.kind != "share" or metric.n == 0:
        return True
    successes = metric.successes
    return (
        successes is not None
        and successes <= metric.n
        and _equal(metric.value, successes / metric.n)
    )


def _of_subjects(evidence: Evidence) -> Iterator[str]:
    """Yield the subjects that are another model than named, or that answered other rows."""
    candidate = evidence.measurement("candidate")
    base, incumbent = evidence.measurement("base"), evidence.measurement("incumbent")
    training = evidence.training
    if base is not None and training is not None and base.model != training.base_weights:
        yield _another_model("base", base.model, training.base_weights)
    live = evidence.incumbent
    if incumbent is not None and live is not None and incumbent.model != live.artifact:
        yield _another_model("incumbent", incumbent.model, live.artifact)
    if candidate is None:
        return
    for other in evidence.measurements:
        if other.rows != candidate.rows:
            yield f"{other.subject} was measured on other rows than the candidate"
        for metric in other.metrics:
            mine = candidate.metric(metric.name)
            if mine is not None and _unlike(mine, metric):
                yield (
                    f"{metric.name} of {other.subject} differs from the candidate's in kind, "
                    "row count or direction"
                )
    rows = evidence.data.rows("test") if evidence.data is not None else None
    for metric in candidate.metrics:
        if rows is not None and metric.n > rows:
            yield _more(f"rows of {metric.name}", metric.n, rows)


def _unlike(one: Metric, other: Metric) -> bool:
    return (one.kind, one.n, one.higher_is_better) != (other.kind, other.n, other.higher_is_better)


def _of_former(evidence: Evidence, former: FormerRows, where: str) -> Iterator[str]:
    """Yield how further figures contradict each other, or name other models."""
    for sentence in of_measurements(former):
        yield f"{where}: {sentence}"
    for measured in former.measurements:
        now = evidence.measurement(measured.subject)
        if isinstance(former, Rival) and measured.subject == "incumbent":
            now = measured  # the gate compares it with the other model's live version
        if measured.rows != former.rows:
            yield f"{where}: {measured.subject} was measured on other rows"
        if now is None or now.model != measured.model:
            yield f"{where}: {measured.subject} is not the model that was measured on the new rows"
    if former.measurements:
        subjects = {measured.subject for measured in former.measurements}
        if subjects != {"incumbent", "candidate"}:
            yield f"{where}: incumbent and candidate must both be measured, and nothing else"
    for name in _doubled(f"{c.metric} {c.first} {c.second}" for c in former.comparisons):
        yield f"{where}: {_twice('comparison', name)}"
    for comparison in former.comparisons:
        for sentence in _of_comparison(former, comparison):
            yield f"{where}: {sentence}"


def _of_comparison(evidence: Evidence | FormerRows, comparison: Comparison) -> Iterator[str]:
    """Yield how a comparison contradicts the measured figures."""
    name = f"{comparison.metric} of {comparison.first} and {comparison.second}"
    if (comparison.counts is None) == (comparison.means is None):
        yield f"the comparison of {name} must have either counts or means"
        return
    found = [evidence.measurement(each) for each in (comparison.first, comparison.second)]
    first, second = (each.metric(comparison.metric) if each else None for each in found)
    if first is None or second is None:
        yield f"{name} were compared, but not both were measured"
        return
    counts, means = comparison.counts, comparison.means
    if (counts is not None and not _counts_are_of(counts, first, second)) or (
        means is not None and not _means_are_of(means, first, second)
    ):
        yield f"the comparison of {name} does not match the measured figures"
    if means is not None and not _can_be_resampled(means):
        yield _no_interval(name)
    yield from _of_slices(comparison, name)


def _can_be_resampled(means: PairedMeans) -> bool:
    """Return whether resampling can give this interval and p."""
    found = means.resampled
    return found is None or (
        -math.inf < found.low <= found.high < math.inf
        and 0 < found.p <= 1
        and found.resamples > 0
        and (found.clusters is None or found.clusters <= means.n)
    )


def _of_slices(comparison: Comparison, name: str) -> Iterator[str]:
    """Yield where the groups of a field are not exactly the rows of the comparison."""
    for field in _doubled(each.field for each in comparison.slices):
        yield _twice(f"slice of {name}", field)
    for each in comparison.slices:
        by = f"{name} by {each.field}"
        for value in _doubled(group.value for group in each.groups):
            yield _twice(f"group of {by}", value)
        if (each.rest is None) != (each.rest_values == 0):
            yield (
                f"{by} counts {each.rest_values} values in the rest, "
                f"but has {'no' if each.rest is None else 'a'} group for it"
            )
        if not _groups_are_of(each, comparison):
            yield f"the groups of {by} do not add up to the compared rows"
        means = [group.means for group in each.parts if group.means is not None]
        if not all(_can_be_resampled(one) for one in means):
            yield _no_interval(by)


def _groups_are_of(each: Slice, whole: Comparison) -> bool:
    """Return whether the groups add up to the whole; for means only the rows can add up."""
    if whole.counts is not None:
        counted = [group.counts for group in each.parts]
        return all(
            sum(getattr(one, name) if one else -1 for one in counted) == getattr(whole.counts, name)
            for name in ("both", "only_first", "only_second", "neither")
        )
    means = [group.means for group in each.parts]
    return (
        whole.means is not None
        and all(one is not None and one.sd_difference >= 0 for one in means)
        and sum(one.n for one in means if one is not None) == whole.means.n
    )


def _counts_are_of(counts: PairedCounts, first: Metric, second: Metric) -> bool:
    return (
        first.kind == second.kind == "share"
        and first.n == second.n == counts.n
        and first.successes == counts.both + counts.only_first
        and second.successes == counts.both + counts.only_second
    )


def _means_are_of(means: PairedMeans, first: Metric, second: Metric) -> bool:
    return (
        first.kind == second.kind != "share"
        and first.n == second.n == means.n
        and math.isfinite(means.sd_difference)
        and means.sd_difference >= 0
        and _equal(means.mean_difference, second.value - first.value, first.value)
    )


def _of_parity(parity: ParityFacts, candidate: Measurement | None) -> Iterator[str]:
    if parity.prompts_with_equal_tokens > parity.prompts:
        yield _more("prompts with equal tokens", parity.prompts_with_equal_tokens, parity.prompts)
    if parity.equal_answers > parity.answers:
        yield _more("equal answers", parity.equal_answers, parity.answers)
    rows = max((metric.n for metric in candidate.metrics), default=0) if candidate else 0
    if parity.answers < rows:
        yield (
            f"only {parity.answers} answers were compared after the export, "
            f"but {rows} rows were measured"
        )


def _of_classes(subject: str, classes: ClassFacts, measured: Measurement | None) -> Iterator[str]:
    """Yield where the classes are not exactly those of the measured rows."""
    for label in _doubled(each.label for each in classes.classes if len(each.label) < MAX_LABEL):
        yield _twice(f"class of {subject}", label)
    accuracy = measured.metric("accuracy") if measured else None
    if accuracy is None or (accuracy.n, accuracy.successes) != (classes.rows, classes.right):
        yield f"the classes of {subject} do not match the rows that its accuracy counts"
    listed = sum(each.support for each in classes.classes)
    right = sum(each.right for each in classes.classes)
    whole = classes.classes_left_out == 0
    wrong = sum(each.count for each in classes.confusions) + classes.confusions_left_out
    if (
        listed > classes.rows
        or right > classes.right
        or (whole and (listed, right) != (classes.rows, classes.right))
        or classes.right + wrong != classes.rows
    ):
        yield f"the classes and confusions of {subject} do not add up to its rows"


def _equal(one: float, other: float, scale: float = 1.0) -> bool:
    """Return whether two figures are equal except for rounding; NaN never is."""
    return abs(one - other) <= TOLERANCE * max(1.0, abs(other), abs(scale))


def _doubled(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})


def _twice(kind: str, name: str) -> str:
    return f"the {kind} {name!r} is listed twice"


def _more(what: str, part: int, whole: int) -> str:
    return f"{what}: {part}, but there are only {whole}"


def _another_model(subject: str, measured: str, named: str) -> str:
    return f"the measured {subject} is {short(measured)}, not {short(named)}"


def _no_interval(name: str) -> str:
    return f"resampling cannot give the interval and p of {name}"
