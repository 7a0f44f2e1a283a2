"""Laws of deciding by evidence: worse figures and more defects never help."""

from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st

from bot.deciding.decide import decide
from bot.facts.actions import CommitRelease, Merge
from policy.facts.evidence import Evidence
from policy.people.sign_off import Review
from tests.bot import builders as a
from tests.bot.builders import of_kind, snapshot
from tests.bot.law_snapshots import green, reviews, unhurried
from tests.policy import builders as measured


def compared(both: int, lost: int, won: int, neither: int, count: int = 0) -> Evidence:
    """Evidence of version 2 that differs from version 1's answers on exactly these rows."""
    n = both + lost + won + neither
    figures = {
        ("base", measured.BASE): 0,
        ("incumbent", a.ARTIFACTS[1]): both + lost,
        ("candidate", a.ARTIFACTS[2]): both + won,
    }
    shown = measured.facing(both, lost, won, neither)
    return a.evidence(
        2,
        measurements=tuple(
            measured.measurement(subject, model, right / n, n)
            for (subject, model), right in figures.items()
        ),
        comparisons=shown.comparisons,
        data=measured.data(n, leakage=count),
        parity=shown.parity,
    )


def ships(shown: Evidence) -> bool:
    return green(snapshot(reviews=[a.approval("grace"), a.approval("omar", order=1)], shown=shown))


@unhurried
@given(
    st.integers(100, 160),
    st.integers(0, 25),
    st.integers(0, 30),
    st.integers(100, 140),
    st.integers(1, 20),
)
def test_one_answer_less_never_turns_red_to_green(
    both: int, lost: int, won: int, neither: int, less: int
) -> None:
    """Rows that the candidate alone got right, or that both did, become rows that it got wrong."""
    fewer, rest = max(won - less, 0), max(less - won, 0)
    better = ships(compared(both, lost, won, neither))
    worse = ships(compared(both - rest, lost + rest, fewer, neither + won - fewer))
    event(f"{better} to {worse}")
    assert better or not worse


@unhurried
@given(st.integers(0, 3), st.integers(1, 3), st.integers(0, 3))
def test_one_more_defect_of_the_data_never_turns_red_to_green(
    count: int, more: int, limit: int
) -> None:
    text = measured.POLICY.replace(
        "gates:\n", f"gates:\n  data: {{max_findings: {{leakage: {limit}}}}}\n"
    )
    signed = [a.approval("grace"), a.approval("omar", order=1)]

    def passes(defects: int) -> bool:
        shown = a.evidence(2, data=measured.data(leakage=defects))
        return green(snapshot(reviews=signed, shown=shown, policy=text))

    assert passes(count) is (count <= limit)
    assert passes(count) or not passes(count + more)


@unhurried
@given(reviews)
def test_failed_evidence_is_never_green_whoever_signs(given_: list[Review]) -> None:
    decision = decide(snapshot(reviews=given_, shown=a.failing()))
    assert not of_kind(decision, Merge)
    assert not of_kind(decision, CommitRelease)
