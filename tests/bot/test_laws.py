"""Laws of deciding, whatever the facts are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.actions import CommitRelease, Merge, PostCheck
from bot.comment_commands import lines
from bot.decide import decide
from bot.markdown import LIMIT, code, cut_middle, plain
from bot.snapshot import ChangedFile, Commit, Review
from policy.pointers import quarantined
from policy.signoff import ReviewState
from tests.bot import builders as a
from tests.bot.builders import approval, of_kind, snapshot

unhurried = settings(deadline=None)
"""A busy machine is no counterexample."""
PEOPLE = ("ada", "grace", "omar", "ken", "mallory")
STATES: tuple[ReviewState, ...] = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED")
reviews = st.lists(
    st.builds(
        Review,
        st.sampled_from(PEOPLE),
        st.sampled_from(STATES),
        st.sampled_from((a.HEAD, "c" * 40)),
        st.integers(0, 30),
    ),
    max_size=8,
    unique_by=lambda review: review.order,
)
shown = st.sampled_from((a.evidence(), a.failing()))


def green(pull: object) -> bool:
    (check,) = of_kind(decide(pull), PostCheck)  # type: ignore[arg-type]
    return bool(check.conclusion == "success")


@unhurried
@given(reviews, shown, st.booleans())
def test_deciding_twice_agrees(given_: list[Review], found: object, released: bool) -> None:
    pull = snapshot(reviews=given_, shown=found, released=released)  # type: ignore[arg-type]
    assert decide(pull) == decide(pull)


@unhurried
@given(reviews, st.randoms(use_true_random=False))
def test_the_order_in_which_reviews_are_listed_changes_nothing(
    given_: list[Review], random: object
) -> None:
    mixed = list(given_)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert decide(snapshot(reviews=given_)) == decide(snapshot(reviews=mixed))


@unhurried
@given(reviews, st.integers(0, 7))
def test_removing_an_approval_never_turns_red_to_green(given_: list[Review], index: int) -> None:
    """Another review by the same person may lie below, so the person's reviews all go."""
    approvals = [review.user for review in given_ if review.state == "APPROVED"]
    if not approvals:
        return
    gone = approvals[index % len(approvals)]
    objects = {r.user for r in given_ if r.state == "CHANGES_REQUESTED"}
    fewer = [review for review in given_ if review.user != gone]
    if gone not in objects and not green(snapshot(reviews=given_)):
        assert not green(snapshot(reviews=fewer))


@unhurried
@given(reviews, st.sampled_from(PEOPLE))
def test_one_more_objection_never_turns_red_to_green(given_: list[Review], who: str) -> None:
    if not green(snapshot(reviews=given_)):
        assert not green(snapshot(reviews=[*given_, Review(who, "CHANGES_REQUESTED", a.HEAD, 99)]))


@unhurried
@given(reviews)
def test_failed_evidence_is_never_green_whoever_signs(given_: list[Review]) -> None:
    decision = decide(snapshot(reviews=given_, shown=a.failing()))
    assert not of_kind(decision, Merge)
    assert not of_kind(decision, CommitRelease)


@unhurried
@given(reviews, st.sampled_from(PEOPLE))
def test_one_more_contributor_never_turns_red_to_green(given_: list[Review], who: str) -> None:
    pull = snapshot(reviews=given_)
    more = replace(pull, commits=(*pull.commits, Commit("e" * 40, (who,))))
    assert green(pull) or not green(more)


@unhurried
@given(reviews)
def test_a_merge_is_only_ever_asked_for_beside_a_green_check(given_: list[Review]) -> None:
    decision = decide(snapshot(reviews=given_))
    assert bool(of_kind(decision, Merge)) == green(snapshot(reviews=given_))


@unhurried
@given(st.sets(st.sampled_from(PEOPLE)))
def test_the_order_of_changed_files_changes_nothing(people: set[str]) -> None:
    pull = snapshot(reviews=[approval(who, order=n) for n, who in enumerate(sorted(people))])
    turned = replace(pull, files=tuple(reversed(pull.files)))
    assert decide(pull).verdict.outcome is decide(turned).verdict.outcome


@unhurried
@given(st.text(max_size=400))
def test_data_text_is_shown_letter_by_letter(text: str) -> None:
    """Markdown makes one paragraph of plain text of it: no tag, link, image, code or heading."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(plain(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    inside = [child.type for token in tokens for child in token.children or []]
    assert set(inside) <= {"text", "text_special", "softbreak"}


@unhurried
@given(st.text(max_size=200))
def test_code_spans_cannot_be_left(text: str) -> None:
    shown = code(text)
    if shown:
        (_, inline, _) = MarkdownIt("commonmark").parse(shown)
        assert [child.type for child in inline.children or []] == ["code_inline"]


@unhurried
@given(st.text(alphabet="ab\n<details></details>", max_size=3000), st.integers(200, 2000))
def test_cutting_keeps_within_the_limit_for_plain_lines(text: str, limit: int) -> None:
    assert len(cut_middle(text.replace("<", "("), "(cut)", limit)) <= limit


@unhurried
@given(st.text(max_size=300))
def test_commands_can_be_looked_for_in_any_text(text: str) -> None:
    assert all(isinstance(line, str) for line in lines(text))


@unhurried
@given(st.lists(st.sampled_from((None, "A", "B", "C")), max_size=8))
def test_what_is_live_is_never_quarantined_and_what_was_left_for_older_is(
    history: list[str | None],
) -> None:
    found = quarantined(history)
    if history:
        assert history[-1] not in found
    assert quarantined(["A", "B", "A"]) == {"B"}
    assert quarantined(["A", None]) == {"A"}
    assert quarantined(["A", "B"]) == frozenset()
    assert quarantined(["A", "B", "A", "B"]) == frozenset() or "A" in quarantined(
        ["A", "B", "A", "B"]
    )


def test_a_comment_stays_within_githubs_limit_and_keeps_verdict_and_tail() -> None:
    text = "## Blocked\n" + "row\n" * 50_000 + "the tail\n"
    cut = cut_middle(text, "(cut)")
    assert len(cut) <= LIMIT
    assert cut.startswith("## Blocked")
    assert cut.endswith("the tail\n")


def test_mentions_and_links_in_data_notify_and_lead_nobody() -> None:
    shown = plain("@omar see https://evil.example/x www.evil.example <img src=x> ![](y) #7")
    assert "@omar" not in shown
    assert "https\\:" not in shown
    assert "<img" not in shown
    assert ChangedFile("a").previous is None
