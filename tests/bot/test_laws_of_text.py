"""Laws of text: what data and people write is shown, cut and read as what it is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.facts.comment_commands import lines
from bot.facts.snapshot import ChangedFile
from countersign_ml.markdown import LIMIT, code, cut_middle, plain
from policy.facts.pointer_history import quarantined

unhurried = settings(deadline=None)
"""A busy machine is no counterexample."""


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
