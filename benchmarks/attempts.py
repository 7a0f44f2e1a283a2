"""What repeated attempts do to the gate: three at one proposal whose true change is known.

    python -m benchmarks.attempts [--proposals 2000]

The attempts share the incumbent's answers. The candidate's differ by chance, independently, which
leaves more to luck than a seeded training does. Three rules judge them: until one passes, the first
only, and all of them. The table (Markdown) is written to benchmarks/results/attempts.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.calibration import (
    EFFECTS,
    INCUMBENT,
    RESULTS,
    SEED,
    SIZES,
    Setting,
    judged,
    percent,
)

ATTEMPTS = 3


@dataclass(frozen=True)
class LetThrough:
    """How often a proposal passes, by rule, as shares of all."""

    setting: Setting
    until_one_passes: float
    first_only: float
    all_of_them: float


def simulate_attempts(setting: Setting, times: int, attempts: int = ATTEMPTS) -> LetThrough:
    """Judge simulated proposals, each measured in several attempts on the same rows."""
    rng = np.random.default_rng([SEED, setting.n, round(-1000 * setting.effect), attempts])
    won = setting.discordance / 2
    lost = won - setting.effect
    right = rng.binomial(setting.n, INCUMBENT, size=times)
    passed = np.empty((times, attempts), dtype=bool)
    for proposal in range(times):
        wrong = setting.n - int(right[proposal])
        for attempt in range(attempts):
            fell = int(rng.binomial(int(right[proposal]), lost / INCUMBENT))
            rose = int(rng.binomial(wrong, won / (1 - INCUMBENT)))
            table = (int(right[proposal]) - fell, fell, rose, wrong - rose)
            passed[proposal, attempt] = judged(table).lets_through
    return LetThrough(
        setting,
        float(passed.any(axis=1).mean()),
        float(passed[:, 0].mean()),
        float(passed.all(axis=1).mean()),
    )


def table(times: int) -> Iterator[str]:
    yield "| rows | true change | until one of 3 passes | the first only | all 3 (this gate) |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for n in SIZES:
        for effect in EFFECTS:
            found = simulate_attempts(Setting(n, effect), times)
            cells = (found.until_one_passes, found.first_only, found.all_of_them)
            change = f"{100 * effect:+.0f}" if effect else "0"
            yield f"| {n:,} | {change} | {' | '.join(map(percent, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate three attempts at one proposal.")
    parser.add_argument("--proposals", type=int, default=2000)
    times = parser.parse_args().proposals
    head = (
        "# Three attempts at one proposal\n\nHow often it passes, in per cent, of "
        f"{times:,} proposals per line; the margin is 5 points. Made by "
        "`python -m benchmarks.attempts`.\n"
    )
    text = "\n".join([head, *table(times)]) + "\n"
    (RESULTS / "attempts.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
