"""The reports, word by word, and harmless whatever the history contains."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from countersign_ml.audit.report import audit_markdown, audit_page
from policy.canonical import canonical_json
from policy.people.sign_off_record import Override
from tests.audit.audit_builders import (
    MODEL,
    WITH_OVERRIDES,
    WORSE,
    Repository,
    evidence_of,
    good_history,
)

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}`|*_[a](javascript:b)\u202e"
)


def same_as_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("COUNTERSIGN_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def eventful_history(folder: Path) -> Repository:
    """A release, a forced one, its rollback, a direct push."""
    repository = Repository(folder, rules=WITH_OVERRIDES)
    repository.ship(1)
    worse = evidence_of(2, repository.live(), share=WORSE)
    head = repository.propose(2, evidence=worse)
    override = Override(
        model=MODEL,
        gate="measurement",
        evidence=worse.digest(),
        user="grace",
        role="ml-lead",
        reason="the live version leaks addresses; this one is worse but safe",
        comment=12,
        stated=repository.now,
    )
    repository.tag(repository.record(head, overrides=(override,)))
    forced = repository.merge(head)
    repository.roll_back(forced)
    repository.merge(repository.propose(3))
    return repository


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return eventful_history(tmp_path_factory.mktemp("eventful") / "models")


def test_the_reports_of_one_history_word_by_word(eventful: Repository):
    audit = eventful.audit()
    same_as_golden("audit.md", audit_markdown.render(audit))
    same_as_golden("audit.html", audit_page.render(audit))


def test_the_json_is_canonical_and_says_what_the_audit_found(eventful: Repository):
    audit = eventful.audit()
    value = json.loads(audit.text())
    assert canonical_json(value).decode() + "\n" == audit.text()
    (model,) = value["models"]
    assert [change["proven"] for change in model["changes"]] == [True, True, True, False]
    assert [change["movement"] for change in model["changes"]] == [
        "forward",
        "forward",
        "back",
        "forward",
    ]
    assert model["changes"][1]["sign_off"]["overrides"][0]["user"] == "grace"
    assert model["changes"][3]["sign_off"] is None
    assert value["proven"] is False
    assert value["rules"][0]["founding"] is True


def test_auditing_twice_gives_the_same_bytes(eventful: Repository, tmp_path: Path):
    first, second = eventful.audit(), eventful.copy(tmp_path / "copy").audit()
    for render in (audit_markdown.render, audit_page.render):
        assert render(first) == render(second)
    assert first.text() == second.text()
    built_again = eventful_history(tmp_path / "again").audit()
    assert audit_page.render(built_again) == audit_page.render(first)


class Markup(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, "", ""))
        self.found.extend((tag, name, value or "") for name, value in attrs)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A history in which every text that a person can write is hostile."""
    repository = Repository(tmp_path_factory.mktemp("hostile") / "models", rules=WITH_OVERRIDES)
    repository.ship(1, title=HOSTILE)
    worse = evidence_of(2, repository.live(), share=WORSE)
    head = repository.propose(2, evidence=worse)
    facts = {"model": MODEL, "gate": "measurement", "evidence": worse.digest(), "comment": 1}
    override = Override(user="grace", role="ml-lead", reason=HOSTILE, stated=HOSTILE, **facts)
    changes = {"title": HOSTILE, "author": HOSTILE, "overrides": (override,)}
    repository.tag(repository.record(head, **changes))
    repository.merge(head)
    repository.push(HOSTILE, {f"policy/keys/{HOSTILE.replace('/', '')}.pem": "no key"}, HOSTILE)
    repository.push(HOSTILE, {"models/<b>x</pointer.json": HOSTILE}, "<i>mallory")
    repository.write_tag("countersign/<u>junk", repository.head(), HOSTILE)
    return repository


def test_no_text_becomes_markup_on_the_page(hostile: Repository, eventful: Repository):
    text = audit_page.render(hostile.audit())
    assert "&lt;script&gt;alert(1)" in text
    assert "{{7*7}}" in text
    assert "\u202e" not in text
    known = {tag for tag, _, _ in Markup(audit_page.render(eventful.audit())).found}
    found = Markup(text).found
    assert {tag for tag, _, _ in found} <= known | {"tr", "td"}
    assert not {tag for tag, _, _ in found} & {"script", "img", "u", "i", "iframe", "object"}
    assert not any(name.startswith("on") or name in ("src", "style") for _, name, _ in found)
    links = [value for _, name, value in found if name == "href"]
    assert links
    assert all(re.fullmatch(r"#m\d+-c\d+", link) for link in links)


def test_the_page_loads_nothing_and_runs_nothing(hostile: Repository):
    text = audit_page.render(hostile.audit())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src &#39;none&#39;") or "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "url(" not in text
    assert "@import" not in text
    assert not re.findall(r'(?:src|href|xlink:href)="(?!#)', text)


def test_the_pages_policy_allows_its_own_style(eventful: Repository):
    import base64
    import hashlib

    text = audit_page.render(eventful.audit())
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in text


def test_no_text_becomes_markup_in_the_markdown(hostile: Repository):
    from markdown_it import MarkdownIt

    text = audit_markdown.render(hostile.audit())
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    found = {tag for tag, _, _ in Markup(html).found}
    assert found <= {"h1", "h2", "h3", "p", "ul", "li", "strong", "table", "thead", "tbody", "tr",
                     "th", "td", "code", "pre"}  # fmt: skip
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert {row.count("<td>") for row in rows} <= {0, 4, 6}


def test_a_good_history_says_so_first(tmp_path: Path):
    audit = good_history(tmp_path).audit()
    assert audit_markdown.render(audit).splitlines()[2] == "Everything is proven."
    assert "Everything is proven." in audit_page.render(audit)
