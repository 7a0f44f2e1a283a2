"""Pages: safe whatever people write, and whole enough to read."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.forge import Forge
from countersign_ml.forge.pages.pages_markdown import render
from countersign_ml.forge.state.account_records import App
from tests.forge.conftest import NAME, Checkout, app_client, client


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("<script>alert(1)</script>after", "alert"),
        ('<img src="http://example.com/x.png" onerror="x()" alt="words">', "example.com"),
        ("![words](http://example.com/x.png)", "<img"),
        ('<a href="javascript:alert(1)">x</a>', "javascript"),
        ("[x](javascript:alert(1))", 'href="javascript'),
        ('<p onclick="x()">text</p>', "onclick"),
        ('<iframe src="x">text</iframe>', "iframe"),
        ("<style>p{}</style>", "p{}"),
        ("<!-- countersign:sticky -->", "countersign"),
    ],
)
def test_what_github_does_not_let_through_is_gone(text: str, gone: str) -> None:
    assert gone not in render(text)


def test_tables_strikethrough_and_details_come_through() -> None:
    html = render(
        "| a | b |\n|:--|--:|\n| ~~1~~ | 2 |\n\n<details><summary>More</summary>\n\n"
        "**in**\n\n</details>"
    )
    for part in (
        '<td align="right">2</td>',
        "<s>1</s>",
        "<details><summary>More</summary>",
        "<strong>in</strong>",
        "</details>",
    ):
        assert part in html


@given(st.text(alphabet="<>/abdetils \"'=&!-\n[]()", max_size=80))
def test_whatever_is_written_stays_well_formed(text: str) -> None:
    html = render(text)
    for tag in ("details", "table", "a", "b", "div"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == html.count(f"</{tag}>")


def test_a_pull_request_is_drawn_live_and_as_a_file(
    forge: Forge, app: App, checkout: Checkout, tmp_path: Path
) -> None:
    head = checkout.change("topic", {"x.txt": "<b>raw</b>\n"})
    ada = client(forge, "ada").get_repo(NAME)
    pull = ada.create_pull(base="main", head="topic", title="A <title>", body="**why**")
    bot = app_client(forge, app).get_repo(NAME)
    bot.get_issue(pull.number).create_comment("| m | v |\n|---|---|\n| f1 | 0.9 |")
    bot.create_check_run(
        "countersign",
        head,
        conclusion="failure",
        output={"title": "1 of 2 sign-offs", "summary": "_missing_: linus"},
    )
    client(forge, "linus").get_repo(NAME).get_pull(pull.number).create_review(
        event="REQUEST_CHANGES", body="Not yet"
    )
    issue = ada.create_issue("An incident")
    index = forge.pages(tmp_path / "pages")
    live = requests.get(f"{forge.url}/{NAME}/pull/{pull.number}", timeout=5).text
    filed = (tmp_path / "pages" / f"acme-support-pull-{pull.number}.html").read_text()
    for page in (live, filed):
        for part in (
            "A &lt;title&gt;",
            "<strong>why</strong>",
            "<td>0.9</td>",
            "1 of 2 sign-offs",
            "<em>missing</em>",
            "requested changes",
            "Not yet",
            head[:7],
            "+&lt;b&gt;raw&lt;/b&gt;",
            "prefers-color-scheme",
        ):
            assert part in page, part
        assert "<b>raw" not in page
    text = index.read_text()
    assert f"acme-support-pull-{pull.number}.html" in text
    assert f"acme-support-issue-{issue.number}.html" in text
