"""Two subjects row by row: the statistics of every metric, in total and by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policy.facts.evidence import Comparison, Group, PairedCounts, Slice, Subject
from policy.files.contract import Contract
from runner.measure.corpus import corpus_difference, corpus_names
from runner.measure.resampling import paired_means
from runner.measure.scoring import Scored
from runner.measure.slicing import NO_CUTS, Cuts, Members, clusters, members
from runner.measure.subject_metrics import TIMES, shared_scores

PAIRS: tuple[tuple[Subject, Subject], ...] = (
    ("incumbent", "candidate"),
    ("base", "candidate"),
    ("merged", "candidate"),
)
SLICED = PAIRS[0]
"""The pair that is also compared by slice; more would make the evidence too long to read."""
Paired = Sequence[tuple[Scored, Scored]]


def compare(
    subjects: Mapping[Subject, Sequence[Scored]],
    contract: Contract,
    apart: frozenset[Subject] = frozenset(),
    cuts: Cuts = NO_CUTS,
) -> tuple[Comparison, ...]:
    """Compare every metric of every pair of subjects that were both measured.

    The times of subjects measured `apart`, in another run, are not compared. Times have no slices:
    they do not show whom a model serves worse.
    """
    found = []
    for first, second in PAIRS:
        if first not in subjects or second not in subjects:
            continue
        rows = list(zip(subjects[first], subjects[second], strict=True))
        fields = cuts.slices if (first, second) == SLICED else ()
        cut = [members([one.row for one, _ in rows], field, contract) for field in fields]
        timeless = not apart.isdisjoint((first, second))
        names = [*shared_scores(subjects[first], subjects[second]), *corpus_names(contract)]
        for name in names:
            if timeless and name in TIMES:
                continue
            whole = _group("", name, rows, contract, cuts)
            found.append(
                Comparison(
                    metric=name,
                    first=first,
                    second=second,
                    counts=whole.counts,
                    means=whole.means,
                    slices=tuple(
                        _slice(each, name, rows, contract, cuts)
                        for each in (cut if name not in TIMES else ())
                    ),
                )
            )
    return tuple(found)


def _slice(each: Members, name: str, rows: Paired, contract: Contract, cuts: Cuts) -> Slice:
    def group(value: str, places: Sequence[int]) -> Group:
        return _group(value, name, [rows[place] for place in places], contract, cuts)

    rest = f"{each.rest_values} other values"
    return Slice(
        field=each.field,
        groups=tuple(group(value, places) for value, places in each.groups),
        rest=group(rest, each.rest) if each.rest else None,
        rest_values=each.rest_values,
    )


def _group(value: str, name: str, rows: Paired, contract: Contract, cuts: Cuts) -> Group:
    """Return the sufficient statistics of one metric on some rows."""
    if name in corpus_names(contract):
        one, other = [first for first, _ in rows], [second for _, second in rows]
        return Group(value=value, means=corpus_difference(name, one, other, contract))
    scores = [(first.scores[name], second.scores[name]) for first, second in rows]
    if isinstance(scores[0][0], bool):
        return Group(value=value, counts=_counts([(bool(a), bool(b)) for a, b in scores]))
    groups = clusters([first.row for first, _ in rows], cuts.clusters)
    return Group(value=value, means=paired_means([float(b) - float(a) for a, b in scores], groups))


def _counts(paired: Sequence[tuple[bool, bool]]) -> PairedCounts:
    return PairedCounts(
        both=paired.count((True, True)),
        only_first=paired.count((True, False)),
        only_second=paired.count((False, True)),
        neither=paired.count((False, False)),
    )
