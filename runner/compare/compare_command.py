"""`countersign compare`: judge two files of scored rows by the rule of the gates; no torch."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from policy.errors import one_line
from policy.facts.evidence import PairedCounts
from policy.gates.difference import outcome_of, rows_needed
from policy.gates.paired_statistics import ALPHA, Difference, compare_means, compare_shares, holm
from policy.verdict import Outcome
from runner.compare.scored_rows import Pairs, Wanted, read_pairs
from runner.measure.resampling import paired_means

MARGIN = 0.05
PASSED, BLOCKED, WRONG_USE = 0, 1, 2


def compare(argv: list[str]) -> int:
    """Test whether B is worse than A on the same rows, and how certain that is."""
    words = _parser().parse_args(argv)
    wanted = Wanted(words.score, words.slice, words.cluster)
    pairs = read_pairs(words.a, words.b, wanted)
    margin = _margin(pairs) if words.margin is None else words.margin
    found = compared(pairs, margin, higher_is_better=not words.lower_is_better)
    if words.json:
        print(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print(found)
    outcomes = [found["outcome"], *(each["outcome"] for each in found.get("slices", {}).values())]
    blocked = found["outcome"] == Outcome.INCONCLUSIVE or Outcome.FAILED in outcomes
    return BLOCKED if blocked else PASSED


def compared(pairs: Pairs, margin: float, *, higher_is_better: bool = True) -> dict[str, Any]:
    """Return the comparison of two files as plain JSON values; differences are B minus A."""
    everything = range(len(pairs.ids))
    found = _found(pairs, everything, _difference(pairs, everything), margin, higher_is_better)
    found |= {"margin": margin, "score": pairs.score}
    if pairs.groups is None:
        return found
    members: dict[str, list[int]] = {}
    for number, group in enumerate(pairs.groups):
        members.setdefault(group, []).append(number)
    alpha = ALPHA / len(members)  # Holm's level for the first; the others have a weaker one
    differences = {group: _difference(pairs, rows, alpha) for group, rows in members.items()}
    adjusted = holm([each.p for each in differences.values()])
    found["slices"] = {
        group: _found(pairs, members[group], difference, margin, higher_is_better, p)
        for (group, difference), p in zip(differences.items(), adjusted, strict=True)
    }
    return found


def _difference(pairs: Pairs, rows: Sequence[int], alpha: float = ALPHA) -> Difference:
    """Return the paired difference on some rows; clustered true and false are resampled too."""
    if pairs.shares and pairs.clusters is None:
        counts = [0, 0, 0, 0]
        for row in rows:
            counts[2 * (not pairs.first[row]) + (not pairs.second[row])] += 1
        both, lost, won, neither = counts
        table = PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)
        return compare_shares(table, alpha)
    clusters = None if pairs.clusters is None else [pairs.clusters[row] for row in rows]
    means = paired_means([pairs.second[row] - pairs.first[row] for row in rows], clusters)
    return compare_means(means, alpha)


def _found(
    pairs: Pairs,
    rows: Sequence[int],
    difference: Difference,
    margin: float,
    higher_is_better: bool,
    p_adjusted: float | None = None,
) -> dict[str, Any]:
    outcome = outcome_of(
        difference, margin, p_adjusted=p_adjusted, higher_is_better=higher_is_better
    )
    found: dict[str, Any] = {
        "n": len(rows),
        "mean_a": math.fsum(pairs.first[row] for row in rows) / len(rows),
        "mean_b": math.fsum(pairs.second[row] for row in rows) / len(rows),
        "difference": difference.value,
        "interval": [_finite(difference.low), _finite(difference.high)],
        "p": difference.p,
        "detectable": _finite(difference.detectable),
        "outcome": outcome.value,
    }
    if p_adjusted is not None:
        found["p_adjusted"] = p_adjusted
    if outcome is Outcome.INCONCLUSIVE:
        found["rows_needed"] = rows_needed(difference, margin, higher_is_better=higher_is_better)
    return found


def _finite(value: float) -> float | None:
    """Return a figure for JSON; None if it is not finite, as with one row."""
    return value if math.isfinite(value) else None


def _margin(pairs: Pairs) -> float:
    """Return 5 points of scores between 0 and 1, else 5 % of the span of the scores."""
    low, high = min(*pairs.first, *pairs.second), max(*pairs.first, *pairs.second)
    return MARGIN if low >= 0 and high <= 1 else MARGIN * (high - low)


def _print(found: dict[str, Any]) -> None:
    print(_line(found))
    for group, each in found.get("slices", {}).items():
        print(f"  {one_line(group)}: {_line(each)}")
    print(_meaning(Outcome(found["outcome"]), found["margin"], found.get("rows_needed")))


def _line(found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    adjusted = f" (adjusted {found['p_adjusted']:.3g})" if "p_adjusted" in found else ""
    detectable = "nothing" if found["detectable"] is None else f"{found['detectable']:.4f}"
    return (
        f"n {found['n']}, {found['mean_a']:.4g} to {found['mean_b']:.4g}, "
        f"difference {found['difference']:+.4f} ({_edge(low)} to {_edge(high)}), "
        f"p {found['p']:.3g}{adjusted}, detectable {detectable}: {found['outcome']}"
    )


def _edge(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.4f}"


def _meaning(outcome: Outcome, margin: float, rows: int | None) -> str:
    """Return what an outcome means, in one sentence."""
    if outcome is Outcome.FAILED:
        return f"B is worse, by at least the margin of {margin:g}."
    if outcome is Outcome.WARNED:
        return f"B is worse, but by less than the margin of {margin:g}."
    if outcome is Outcome.PASSED:
        return f"No drop of the margin of {margin:g}; these rows would have shown one."
    enough = "no number of rows shows it" if rows is None else f"about {rows:,} rows would show it"
    return f"Whether B drops by the margin of {margin:g} is unknown; {enough}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign compare",
        description=compare.__doc__,
        epilog="Exit codes: 0 passed or warned, 1 failed or inconclusive, or a slice failed, "
        "2 wrong use.",
    )
    parser.add_argument("a", type=Path, metavar="A.jsonl", help="rows with an id and a score")
    parser.add_argument("b", type=Path, metavar="B.jsonl", help="the same rows, scored again")
    parser.add_argument(
        "--score",
        metavar="FIELD",
        help="a boolean or a number; default: score, or the only such field; a.b reaches into a",
    )
    parser.add_argument(
        "--margin",
        type=_margin_of,
        metavar="M",
        help="the drop that fails; default: 0.05, or 5 %% of the span of scores beyond 0 to 1",
    )
    parser.add_argument("--slice", metavar="FIELD", help="judge each value of this field as well")
    parser.add_argument(
        "--cluster",
        metavar="FIELD",
        help="rows with equal values belong together, as in one chat",
    )
    parser.add_argument("--lower-is-better", action="store_true", help="a rise counts as a drop")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _margin_of(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("must be a number of 0 or more")
    return value
