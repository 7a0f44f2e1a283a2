"""What somebody else wrote is shown letter by letter, and GitHub makes nothing of it.

markdown-it-py is the referee for Markdown. What GitHub looks for after rendering (mentions,
references, links, emoji) it does not know, so that is a list of patterns here.
"""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from countersign_ml.markdown import (
    LIMIT,
    as_read,
    code,
    cut_middle,
    fold,
    plain,
    table,
    visible,
)

unhurried = settings(deadline=None)
"""A busy machine is no counterexample."""
GFM = MarkdownIt("gfm-like", {"linkify": False, "html": True})
WORDS = """
www. http:// HTTPS://a.example ftp://x ssh://x @ada @acme/leads a@b.example mailto:a@b.example
xmpp:a@b.example #1 acme/models#1 GH-1 gh-22 CVE-2026-1 GHSA-xxxx :tada: ::x:: :+1: abcdef1234567
ABCDEF1 $x$ $$ $` ` `` ``` ~ ~~~ ** * _ __ [ ] ![ ]( ) <b> </p> <!-- --> &lt; &#64; &commat; &amp;
& | |- :- :-: - -- + 1. 12) ( # ## = == --- *** [^1] [x]: > { } {{ ; ! // : example.com a b é 9
"""
HIDDEN = "\u202e\u2066\u200b\u2060\ufeff\u00ad\ufe0f\u3164\U000e0041\x1b\n\t \\"
TRICKS = (*WORDS.split(), *HIDDEN, "    ")
ANY_TEXT = st.one_of(
    st.text(max_size=300), st.lists(st.sampled_from(TRICKS), max_size=25).map("".join)
)
AFTER_RENDERING = {
    "a mention": r"@[A-Za-z0-9]",
    "an issue": r"#\d",
    "an issue by GH-": r"(?i)\bGH-\d",
    "an advisory": r"(?i)\b(?:CVE|GHSA)-\w",
    "a commit": r"(?i)(?<![0-9a-z])[0-9a-f]{7,64}(?![0-9a-z])",
    "a scheme": r"(?i)\w://",
    "an address": r"(?i)\bwww\.",
    "an e-mail address": r"[\w.+-]@[\w-]",
    "an emoji": r":(?!\d\d:)[\w+-]+:",
}
"""At least what GitHub's filters look for in the text of the page."""


def read(markdown: str) -> tuple[set[str], str]:
    """Return the kinds of tokens, and the text that a reader sees."""
    tokens = GFM.parse(markdown)
    inner = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in (*tokens, *inner)}
    return kinds, "".join(child.content for child in inner)


@unhurried
@given(ANY_TEXT)
def test_any_text_is_one_paragraph_of_exactly_what_is_visible(text: str) -> None:
    kinds, seen = read(plain(text))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    assert seen.replace("\u200b", "") == visible(text)
    assert as_read(plain(text)) == visible(text)


@unhurried
@given(ANY_TEXT)
def test_github_finds_nothing_in_the_text_after_rendering(text: str) -> None:
    _, seen = read(plain(text))
    for what, pattern in AFTER_RENDERING.items():
        assert not re.search(pattern, seen), what


@unhurried
@given(ANY_TEXT)
def test_a_summary_in_html_shows_the_same(text: str) -> None:
    """GitHub reads no Markdown in a summary: a backslash would be seen, an entity is not."""
    shown = plain(text)
    assert "<" not in shown
    assert html.unescape(shown).replace("\u200b", "") == visible(text)


@unhurried
@given(ANY_TEXT)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("first line\n", ""),
        ("- ", ""),
        ("1. ", ""),
        ("> ", ""),
        ("## ", ""),
        ("**", "**:"),
        ("[ours]", ""),
        ("", "[ours](https://ours.example)"),
        ("[", "](https://ours.example)"),
        ("| a |\n|---|\n| ", " |"),
    ],
)
def test_nothing_of_ours_around_it_changes(before: str, after: str, text: str) -> None:
    """In a list, a heading, a cell or next to a link, any text makes the tokens that a word makes.

    Empty text is left out: an empty heading or item has other tokens than one with a word.
    """
    if not visible(text):
        return
    usual = [token.type for token in GFM.parse(f"{before}word{after}")]
    found = GFM.parse(f"{before}{plain(text)}{after}")
    assert [token.type for token in found] == usual
    inner = {child.type for token in found for child in token.children or ()}
    ours = {"softbreak", "strong_open", "strong_close", "link_open", "link_close"}
    assert inner <= {"text", "text_special", *ours}
    links = [c for token in found for c in token.children or () if c.type == "link_open"]
    assert all(link.attrs["href"] == "https://ours.example" for link in links)


@unhurried
@given(ANY_TEXT)
def test_what_is_visible_is_one_line_without_anything_hidden(text: str) -> None:
    shown = visible(text, 100)
    assert len(shown) <= 100
    assert shown == " ".join(shown.split())
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl") for c in shown)
    assert visible(shown, 100) == shown


@unhurried
@given(ANY_TEXT)
def test_code_is_one_code_span_that_cannot_be_left(text: str) -> None:
    inner = MarkdownIt().parseInline(f"a {code(text)} b")[0].children or []
    assert [child.type for child in inner] == ["text", "code_inline", "text"]
    assert inner[1].content == visible(text).replace("|", "¦") or not visible(text)
    cells = [token.type for token in GFM.parse(table(("a", "b"), [(code(text), code(text))]))]
    assert cells.count("td_open") == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@omar", "@&#8203;omar"),
        ("@acme/leads", "@&#8203;acme/leads"),
        ("ada@example.org", "ada@&#8203;example.org"),
        ("#7", "&#35;&#8203;7"),
        ("acme/models#7", "acme/models&#35;&#8203;7"),
        ("GH-7", "GH-&#8203;7"),
        ("ada@60a4736", "ada@&#8203;60a473&#8203;6"),
        ("60a4736", "60a473&#8203;6"),
        ("CVE-2026-1", "CVE-&#8203;2026-1"),
        ("https://e.example", "https:&#8203;//e.example"),
        ("www.e.example", "www&#8203;.e.example"),
        ("x :tada:", "x :&#8203;tada:"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("![x](y)", "!&#91;x&#93;(y)"),
        ("$x$", "&#36;x&#36;"),
        ("a | b", "a &#124; b"),
        ("[^1]", "&#91;^1&#93;"),
        ("# one", "&#35; one"),
        ("1. one", "1&#46; one"),
        ("- one", "&#45; one"),
        ("-:", "&#45;:"),
        ("-1.5 points", "-1.5 points"),
        ("one!", "one&#33;"),
        ("&lt;", "&amp;lt;"),
        ("near_duplicates at 10:00:00 (3 of 12)", "near_duplicates at 10:00:00 (3 of 12)"),
        ("a\u202eb\u200bc\x1bd\ufe0fe\u3164f", "abc def"),
    ],
)
def test_what_github_would_make_more_of(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_text_is_cut_and_only_its_beginning_is_read() -> None:
    assert visible("x" * 400) == "x" * 299 + "…"
    assert visible("\u200b" * 20_000 + "x") == ""


def test_text_without_anything_visible_is_said_to_be_empty() -> None:
    assert code("\u200b\n") == "`(empty)`"
    assert plain("\u200b\n") == ""


def test_bars_and_backticks_in_code_stay_inside() -> None:
    assert code("a`b|c``") == "``` a`b¦c`` ```"


@unhurried
@given(st.text(alphabet="ab\n<details></details>", max_size=3000), st.integers(200, 2000))
def test_cutting_keeps_within_the_limit_for_plain_lines(text: str, limit: int) -> None:
    assert len(cut_middle(text.replace("<", "("), "(cut)", limit)) <= limit


def test_a_comment_stays_within_githubs_limit_and_keeps_verdict_and_tail() -> None:
    text = "## Blocked\n" + "row\n" * 50_000 + "the tail\n"
    cut = cut_middle(text, "(cut)")
    assert len(cut) <= LIMIT
    assert cut.startswith("## Blocked")
    assert cut.endswith("the tail\n")


def test_a_cut_closes_the_folds_that_it_opens() -> None:
    text = fold("one", "row\n" * 20_000) + fold("two", "row\n" * 20_000)
    cut = cut_middle(text, "(cut)")
    assert cut.count("<details>") == cut.count("</details>")
