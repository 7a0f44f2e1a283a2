"""Markup, mentions and links in every text of others that the bot repeats.

The bot's text is rendered with raw HTML allowed, the worst case. Only the tags that the bot itself
writes and the one link to its own run may remain, and no name that notifies.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.deciding.decide import decide
from bot.facts.actions import Annotation, CommitRelease, OpenIncident, PostCheck, UpsertComment
from bot.facts.snapshot import ChangedFile, Comment, Snapshot
from policy.facts.evidence import (
    ArtifactFacts,
    DataFacts,
    Evidence,
    GateFacts,
    Metric,
    RowFinding,
    Sample,
    SplitFacts,
    StageFacts,
)
from policy.facts.next_pointer import pointer_of
from tests.bot import builders as a
from tests.bot.builders import of_kind
from tests.policy import builders as measured

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = frozenset({"h1", "h2", "h3", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "br"})
FRAMES = frozenset({"details", "summary", "table", "thead", "tbody", "tr", "th", "td"})
CODE = frozenset({"code", "pre"})
TRICKS = {
    "a script": "<script>alert(1)</script>",
    "an image": '<img src=x onerror="alert(1)">',
    "a Markdown image": "![x](https://evil.example/pixel.png)",
    "a link": "[click](https://evil.example)",
    "a link by reference": "[click][x]\n\n[x]: https://evil.example",
    "an autolink": "<https://evil.example>",
    "a bare address": "see https://evil.example/x and www.evil.example or ftp://evil.example",
    "a mention": "@omar and @acme/leads, please approve",
    "an issue": "fixes #1, GH-1 and acme/models#1",
    "a table": "| a | b |\n|---|---|\n| c | d |",
    "a heading": "\n\n# Passed: evidence and signatures are complete\n",
    "an end of everything": "</details></summary></code></table>--><h1>Passed</h1>",
    "a comment": "<!-- countersign:pull-request -->",
    "backticks": "```\n`` ` ```` <iframe src=x></iframe>",
    "an entity": "&lt;script&gt; &#64;omar &commat;omar",
    "emphasis": "**Passed** __Passed__ ~~no~~ *x*",
    "a backslash at the end": "x\\",
    "a turned line": "\u202e\u2066gnp.x\u2069 \u200b\u00ad",
    "a terminal": "\x1b[2J\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
    "a formula": "$`\\href{https://evil.example}{x}`$ $$x$$",
    "a megabyte": "A<b>" * 250_000,
}


class Rendered(HTMLParser):
    """The tags, links and text of HTML; text within code is not read for names and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.comments: list[str] = []
        self.text = ""
        self._code = 0
        self.feed(MARKDOWN.render(text))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        self._code += tag in CODE

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in CODE

    def handle_data(self, data: str) -> None:
        self.text += " " if self._code else data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def harmless(text: str, ours: str, *, link: str = "") -> None:
    """Assert that a text which the bot writes holds no markup but its own, as `ours` has it."""
    found, usual = Rendered(text), Rendered(ours)
    for tag, attributes in found.tags:
        if tag == "a":
            assert dict(attributes).get("href") == link, (tag, attributes)
            continue
        assert tag in TAGS | FRAMES, tag
        assert [name for name, _ in attributes if name not in ("start", "class")] == [], attributes
    headings = [tag for tag, _ in found.tags if tag in ("h1", "h2", "h3")]
    assert headings == [tag for tag, _ in usual.tags if tag in ("h1", "h2", "h3")]
    assert found.comments == usual.comments
    shown = found.text.replace(link, "") if link else found.text
    assert not re.search(r"@[A-Za-z0-9]", shown), re.findall(r".{20}@[A-Za-z0-9].{20}", shown)
    assert not re.search(r"(?i)\bhttps?://(?!github\.com/acme/)|\bftp://|\bwww\.\w", shown)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert len(text) <= 65_535


def dirty(trick: str) -> Evidence:
    """Passing evidence with a trick in every field of free text."""
    clean = a.evidence(2)
    candidate = clean.measurements[-1]
    extra = Metric(name=trick, kind="mean", value=1.0, n=300)
    found = RowFinding(file=trick, line=3, id=trick, field=trick, message=trick)
    gates = tuple(
        each.model_copy(update={"count": 1, "findings": (found,)}) if n == 0 else each
        for n, each in enumerate(measured.data().gates)
    )
    assert clean.training is not None
    return a.evidence(
        2,
        measurements=(
            *clean.measurements[:-1],
            candidate.model_copy(update={"engine": trick, "metrics": (*candidate.metrics, extra)}),
        ),
        data=DataFacts(
            splits=(
                *measured.data().splits,
                SplitFacts(split=trick, path=trick, rows=1, digest=measured.ROWS),
            ),
            gates=(*gates, GateFacts(gate=trick, count=1, findings=(found,))),
        ),
        stages=tuple(
            StageFacts(stage=each.stage, outcome="done", seconds=1, message=trick)
            for each in clean.stages
        ),
        producer=clean.producer.model_copy(
            update={
                "device": trick,
                "platform": trick,
                "libraries": {trick: trick},
                "workflow_run": trick,
            }
        ),
        training=clean.training.model_copy(
            update={"device": trick, "precision": trick, "tracking": trick}
        ),
        artifacts=(
            *clean.artifacts,
            ArtifactFacts(name=trick, digest=measured.ROWS, size=1, uri=trick, media=trick),
        ),
        samples=(Sample(id=trick, input=trick, expected=trick, answers={"candidate": trick}),),
    )


def proposed(trick: str, shown: Evidence, *, released: bool) -> Snapshot:
    """A pull request whose title, branch, author, files and comments hold the trick too."""
    reason = " ".join(trick.split())[:200]
    said = Comment(1, reason[:39], False, f"/hold {reason}", "2026-01-01T00:00:00Z")
    tainted = f"models/{a.MODEL}/data/{trick[:200]}"
    return a.snapshot(
        author=trick[:39],
        shown=shown,
        released=released,
        pull_changes={"title": trick[:256], "head_ref": trick[:200]},
        comments=(said,),
        files=(*a.changed(released), ChangedFile(tainted, previous=tainted)),
        facts_changes={"irregular": ()},
    )


def written(pull: Snapshot) -> dict[str, Any]:
    """Every text that a decision writes, by what it is."""
    decision = decide(pull)
    found: dict[str, Any] = {}
    for comment in of_kind(decision, UpsertComment):
        found["comment"] = comment.body
    for check in of_kind(decision, PostCheck):
        found["summary"], found["text"] = check.summary, check.text
        found["annotations"] = check.annotations
    for release in of_kind(decision, CommitRelease):
        for change in release.files:
            if change.path.endswith(".md") and change.text:
                found["card"] = change.text.partition("\n---\n")[2]
    for incident in of_kind(decision, OpenIncident):
        found["incident"] = incident.body
    return found


LINK = f"https://github.com/{a.REPOSITORY}/actions/runs/100"


@pytest.mark.parametrize("trick", TRICKS)
def test_markup_in_evidence_and_proposal_reaches_no_reader(trick: str) -> None:
    """Rows, metrics, stages, libraries, files, title, branch and login all contain the markup."""
    text = TRICKS[trick]
    ours = written(proposed("plain", dirty("plain"), released=False))
    found = written(proposed(text, dirty(text), released=False))
    assert set(found) == set(ours)
    for kind in ("comment", "summary", "text"):
        harmless(found[kind], ours[kind], link=LINK)
    for note in found["annotations"]:
        assert isinstance(note, Annotation)
        assert len(note.message) <= 1100
        assert not re.search(r"[\x00-\x1f\u202a-\u202e]", note.message + note.path + note.title)
    assert found["comment"].split("\n\n")[1].startswith("## ")


@pytest.mark.parametrize("trick", TRICKS)
def test_markup_reaches_no_reader_of_a_model_card(trick: str) -> None:
    """What passes is written into the card, which everyone who serves the model reads."""
    text = TRICKS[trick]
    ours, found = passing("plain"), passing(text)
    harmless(found, ours)


def passing(trick: str) -> str:
    """The card of evidence that passes, with the trick where the gates read nothing."""
    clean = a.evidence(2)
    assert clean.training is not None
    shown = a.evidence(
        2,
        training=clean.training.model_copy(
            update={"device": trick, "precision": trick, "tracking": trick}
        ),
        artifacts=(
            clean.artifacts[0].model_copy(update={"quantisation": trick}),
            ArtifactFacts(name=trick, digest=measured.ROWS, size=1, uri=trick, media=trick),
        ),
    )
    card = a.CARD.replace("source: synthetic", "source: " + repr(trick[:390]))
    pull = a.snapshot(shown=shown, released=False, facts_changes={"dataset_card": card})
    return str(written(pull)["card"])


@pytest.mark.parametrize("trick", TRICKS)
def test_markup_reaches_no_reader_of_an_incident(trick: str) -> None:
    """The metrics of the version that is rolled back, in the issue that everyone is notified of."""
    ours, found = incident("plain"), incident(TRICKS[trick])
    harmless(found, ours)


def incident(trick: str) -> str:
    live = dirty(trick)
    pointer = pointer_of(live)
    assert pointer is not None
    pull = a.rollback(
        shown=None,
        facts_changes={
            "base_pointer": pointer.text(),
            "fork_pointer": pointer.text(),
            "history": (a.pointer(1).text(), pointer.text()),
            "live_record": live.text(),
        },
    )
    return str(written(pull)["incident"])


def test_control_plain_words_are_shown_as_they_are() -> None:
    """A sentence without markup is not changed."""
    shown = a.evidence(2, samples=(Sample(id="1", input="Hello", expected="Hi", answers={}),))
    assert "`Hello`" in written(a.snapshot(shown=shown))["comment"]
