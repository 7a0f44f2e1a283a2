"""How often the gate is wrong: simulated proposals whose true effect is known.

    python -m benchmarks.calibration [--proposals 2000]

Each proposal is a paired table of held-out rows, drawn with a known true change. Three gates judge
the same draws: this project's, one that blocks if the mean dropped, and one that blocks below a
fixed bar. A table (Markdown) and a plot (SVG) are written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.calibration_plot import plot
from policy.facts.evidence import PairedCounts
from policy.gates.difference import outcome_of
from policy.gates.paired_statistics import ALPHA, compare_shares, holm
from policy.verdict import Outcome

RESULTS = Path(__file__).parent / "results"
SEED = 20_260_101
MARGIN = 0.05
INCUMBENT = 0.85
"""The incumbent's true share; the fixed bar is this share minus the margin."""
SIZES = (100, 300, 1000)
EFFECTS = (0.0, -0.02, -0.05, -0.10)
DISCORDANCE = 0.10
"""Share of rows on which two versions differ by chance alone; a drop is added to it."""


@dataclass(frozen=True)
class Setting:
    """The number of rows, the true change, and the share of rows that differ by chance alone."""

    n: int
    effect: float
    discordance: float = DISCORDANCE

    def draw(self, rng: np.random.Generator, times: int) -> list[tuple[int, int, int, int]]:
        """Return paired tables: both, only the incumbent, only the candidate, neither."""
        won = self.discordance / 2
        lost = won - self.effect
        shares = [INCUMBENT - lost, lost, won, 1 - INCUMBENT - won]
        return [
            (int(a), int(b), int(c), int(d))
            for a, b, c, d in rng.multinomial(self.n, shares, size=times)
        ]


@dataclass(frozen=True)
class Rates:
    """The outcomes of the proposals of one setting, as shares of all."""

    setting: Setting
    outcomes: dict[Outcome, float]
    mean_dropped: float
    below_bar: float

    @property
    def let_through(self) -> float:
        return sum(share for outcome, share in self.outcomes.items() if outcome.lets_through)


@cache
def judged(table: tuple[int, int, int, int]) -> Outcome:
    """Return the outcome of this project's gate for one table."""
    both, lost, won, neither = table
    counts = PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)
    return outcome_of(compare_shares(counts), MARGIN)


def simulate(setting: Setting, times: int) -> Rates:
    """Judge proposals of a setting by all three gates, on the same draws."""
    seed = [SEED, setting.n, round(-1000 * setting.effect), round(1000 * setting.discordance)]
    tables = setting.draw(np.random.default_rng(seed), times)
    found = Counter(judged(table) for table in tables)
    bar = INCUMBENT - MARGIN
    return Rates(
        setting,
        {outcome: found[outcome] / times for outcome in Outcome if found[outcome]},
        sum(won < lost for _, lost, won, _ in tables) / times,
        sum((both + won) / setting.n < bar for both, _, won, _ in tables) / times,
    )


def simulate_family(n: int, slices: int, times: int) -> tuple[float, float]:
    """Return how often any of several equal slices is blocked for no reason, without and with Holm.

    A drop of nothing at all is asked for (margin 0), so that only significance blocks.
    """
    rng = np.random.default_rng([SEED, n, slices])
    plain = adjusted = 0
    for _ in range(times):
        differences = [
            compare_shares(
                PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)
            )
            for both, lost, won, neither in Setting(n, 0.0).draw(rng, slices)
        ]
        values = [each.p for each in differences]
        fell = [each.value < 0 for each in differences]
        plain += any(p < ALPHA and down for p, down in zip(values, fell, strict=True))
        adjusted += any(p < ALPHA and down for p, down in zip(holm(values), fell, strict=True))
    return plain / times, adjusted / times


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def main_table(found: Sequence[Rates]) -> Iterator[str]:
    names = "passed | warned | inconclusive | failed | mean dropped | below bar"
    yield f"| rows | true change | {names} |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for rates in found:
        shares = [
            rates.outcomes.get(outcome, 0.0)
            for outcome in (
                Outcome.PASSED,
                Outcome.WARNED,
                Outcome.INCONCLUSIVE,
                Outcome.FAILED,
            )
        ]
        cells = [*shares, rates.mean_dropped, rates.below_bar]
        change = f"{100 * rates.setting.effect:+.0f}" if rates.setting.effect else "0"
        yield f"| {rates.setting.n:,} | {change} | {' | '.join(map(percent, cells))} |"


def errors_table(found: Sequence[Rates]) -> Iterator[str]:
    """Yield the errors of each gate: wrongly blocked, wrongly passed."""
    yield "| rows | error | this gate | mean dropped | below bar |"
    yield "| ---: | --- | ---: | ---: | ---: |"
    for rates in found:
        effect = rates.setting.effect
        ours = rates.outcomes.get(Outcome.FAILED, 0.0)
        cells = (ours, rates.mean_dropped, rates.below_bar)
        if effect == 0:
            error = "failed, no drop"
        elif -effect < MARGIN:
            error = f"failed, a drop of {-100 * effect:.0f} points within the margin"
        else:
            error = f"passed, a drop of {-100 * effect:.0f} points"
            cells = (rates.let_through, 1 - rates.mean_dropped, 1 - rates.below_bar)
        yield f"| {rates.setting.n:,} | {error} | {' | '.join(map(percent, cells))} |"


def discordance_table(found: Sequence[Rates]) -> Iterator[str]:
    yield "| differing by chance | rows | true change | failed | inconclusive | passed or warned |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for rates in found:
        setting = rates.setting
        change = f"{100 * setting.effect:+.0f}" if setting.effect else "0"
        cells = [
            rates.outcomes.get(Outcome.FAILED, 0.0),
            rates.outcomes.get(Outcome.INCONCLUSIVE, 0.0),
            rates.let_through,
        ]
        share = f"{100 * setting.discordance:.0f} %"
        yield f"| {share} | {setting.n:,} | {change} | {' | '.join(map(percent, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proposals", type=int, default=2000, help="of each setting")
    times = parser.parse_args().proposals
    found = [simulate(Setting(n, effect), times) for n in SIZES for effect in EFFECTS]
    other = [
        simulate(Setting(n, effect, share), times)
        for share in (0.05, 0.20)
        for n in SIZES
        for effect in EFFECTS
    ]
    families = [(count, *simulate_family(300, count, times)) for count in (1, 5, 20)]
    text = "\n".join(
        [
            "# Calibration of the gate",
            "",
            f"{times:,} simulated proposals per setting, margin {100 * MARGIN:.0f} points, "
            f"the incumbent right on {100 * INCUMBENT:.0f} % of rows, {100 * DISCORDANCE:.0f} % of "
            "rows differing by chance, plus the drop. All figures in per cent. "
            "`mean dropped` blocks if the candidate's mean is lower, `below bar` if it is "
            f"below {100 * (INCUMBENT - MARGIN):.0f} %; both on the same draws.",
            "",
            *main_table(found),
            "",
            "## Errors",
            "",
            *errors_table(found),
            "",
            "## Other shares of rows that differ",
            "",
            *discordance_table(other),
            "",
            "## Many slices at once",
            "",
            "How often at least one of several slices of 300 rows is significantly worse although "
            "none of them fell.",
            "",
            "| slices | each alone | adjusted by Holm |",
            "| ---: | ---: | ---: |",
            *(
                f"| {count} | {percent(plain)} | {percent(holds)} |"
                for count, plain, holds in families
            ),
            "",
        ]
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "calibration.md").write_text(text)
    panels = [
        (
            f"{n:,} rows",
            [
                (
                    f"{100 * rates.setting.effect:+.0f}" if rates.setting.effect else "0",
                    {outcome.value: share for outcome, share in rates.outcomes.items()},
                    rates.mean_dropped,
                    rates.below_bar,
                )
                for rates in found
                if rates.setting.n == n
            ],
        )
        for n in SIZES
    ]
    (RESULTS / "calibration.svg").write_text(plot(panels, times))
    print(text)


if __name__ == "__main__":
    main()
