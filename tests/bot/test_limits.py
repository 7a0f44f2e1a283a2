"""At any size and with any text, what the bot writes is within GitHub's limits and stays text."""

from __future__ import annotations

import re
from functools import cache

import pytest
from markdown_it import MarkdownIt

from bot.report import charts, model_card
from bot.report.author_words import author_words
from policy.facts.data_diff import DataDiff, RowList, RowPlace, SideFacts
from policy.facts.evidence import (
    ArtifactFacts,
    Evidence,
    GateFacts,
    Group,
    Metric,
    RenderedToken,
    RowFinding,
    Sample,
    Slice,
    StageFacts,
)
from policy.facts.run_context import MAX_EARLIER, MAX_METRICS, MAX_POINTS, EarlierVersion
from tests.bot import builders as a
from tests.bot.report_builders import POLICY, change, curve, told
from tests.policy import builders as measured

HOSTILE = "</details></summary><!-- @grace #1 | ``` [x](javascript:1) ![i](http://e/i.png) \u202e\n\n# h\n"  # noqa: E501 - one text
LONG, HUGE = (HOSTILE * 9)[:800], (HOSTILE * 1000)[:65_536]
COMMENT, OUTPUT, FIELDS = 65_536, 65_535, ("title", "summary", "text")
OURS = r"</?(?:details|summary|table|thead|tbody|tr|th|td|p|h1|h2|h3|ul|li|strong|em|code|blockquote|pre|hr)(?: style=\"text-align:\w+\"| class=\"[\w-]+\")?>|<a href=\"https://github\.com/[^\"]*\">|</a>|<!-- countersign:[^>]*-->|<img src=\"v2-cccccccc\.\w+\.svg\" alt=\"[\w ]+\" ?/?>"  # fmt: skip # noqa: E501


@cache
def extreme() -> Evidence:
    """Ten thousand findings of each gate, 200 metrics, texts of 64 KB that try to be markup."""
    rows = tuple(
        RowFinding(
            file=f"models/{a.MODEL}/data/train.jsonl", line=n, id=LONG, field=LONG, message=LONG
        )
        for n in range(1, 51)
    )
    data = measured.data()
    gates = tuple(GateFacts(gate=g.gate, count=10_000, findings=rows) for g in data.gates)
    metrics = tuple(
        Metric(name=f"m{n} {HOSTILE}", kind="share", value=0.5, n=300, successes=150)
        for n in range(200)
    )
    groups = tuple(
        Group(value=f"{n} {LONG}", counts=measured.compared().counts) for n in range(300)
    )
    sliced = measured.compared().model_copy(update={"slices": (Slice(field=LONG, groups=groups),)})
    place = RowPlace(file=LONG[:500], line=1, id=LONG[:120])
    diff = DataDiff(
        before=SideFacts(),
        after=SideFacts(rows=10_000),
        unchanged=0,
        added=RowList(count=10_000, first=(place,) * 20),
        new_duplicates=RowList(count=10_000, first=(place,) * 20),
        fields=tuple(
            field.model_copy(
                update={"field": LONG[:120], "first_added": (LONG[:120],) * 20, "added": 900}
            )
            for field in change().diff.fields * 32  # type: ignore[union-attr]  # this change has a diff
        ),
    )
    earlier = tuple(
        EarlierVersion(
            version=LONG[:120],
            rows=measured.ROWS,
            metrics={metric.name: 0.4 for metric in metrics[:MAX_METRICS]},
        )
        for _ in range(MAX_EARLIER)
    )
    token = RenderedToken(text=HUGE, trained=True)
    return told(
        data=data.model_copy(update={"gates": gates}),
        measurements=tuple(
            each.model_copy(update={"metrics": (*each.metrics, *metrics)})
            for each in a.evidence().measurements
        ),
        comparisons=(sliced,),
        data_change=change().model_copy(update={"diff": diff}),
        earlier=earlier,
        samples=tuple(
            Sample(id=LONG, input=HUGE, expected=LONG, answers={"candidate": LONG})
            for _ in range(20)
        ),
        stages=tuple(
            StageFacts(stage="train", outcome="stopped", seconds=1e9, message=HUGE)
            for _ in range(20)
        ),
        training=measured.training(
            device=HUGE, rendered_rows=((token,) * 5,) * 3, loss_curve=curve(MAX_POINTS)
        ),
        artifacts=(
            *a.evidence().artifacts,
            *(
                ArtifactFacts(name=LONG, digest=measured.ROWS, size=2**50, uri=LONG, media=LONG)
                for _ in range(50)
            ),
        ),
    )


def rendered(markdown: str) -> str:
    return str(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))


def not_ours(markdown: str) -> list[str]:
    """Return every tag of the rendered page that nobody here wrote."""
    return re.findall(r"<[^>]*>?", re.sub(OURS, "", rendered(markdown)))


def test_the_comment_is_within_githubs_limit_and_every_fold_is_closed() -> None:
    body = a.comment_of(a.snapshot(shown=extreme(), released=False, policy=POLICY))
    assert 10_000 < len(body) <= COMMENT
    assert "| Data gate | Findings |" in body
    lines = body.splitlines()
    assert lines.count("<details>") == lines.count("</details>")
    assert not_ours(body) == []
    assert "@grace" not in re.sub(r"<code>.*?</code>", "", rendered(body), flags=re.DOTALL)


def test_the_check_is_within_githubs_limits() -> None:
    check = a.check_of(a.snapshot(shown=extreme(), released=False, policy=POLICY))
    assert all(len(getattr(check, name)) <= OUTPUT for name in FIELDS)
    assert len(check.annotations) == 50
    assert len(extreme().text()) > 3_000_000
    for note in check.annotations:
        assert len(note.message.encode()) <= 64_000
        assert len(note.title) <= 255
        assert "\n" not in note.message + note.path
    assert not_ours(check.summary) == []
    assert not_ours(check.text) == []


def test_the_card_is_sane() -> None:
    pointer = a.pointer(2)
    text = model_card.render(
        extreme(), pointer, a.CARD, words=author_words("ada", f"## Why\n{HUGE}")
    )
    assert len(text) < 400_000
    assert not_ours(text.split("---\n", 2)[2]) == []
    heads = re.findall(r"^#{1,3} (.*)", text, re.M)
    assert heads.count("h") == 0
    for svg in charts.charts(extreme(), pointer).values():
        assert len(svg) < 100_000


@pytest.mark.parametrize("released", [True, False])
def test_an_extreme_report_is_the_same_each_time(released: bool) -> None:
    pull = a.snapshot(shown=told(), released=released, policy=POLICY)
    assert a.comment_of(pull) == a.comment_of(pull)
    assert a.check_of(pull).fingerprint == a.check_of(pull).fingerprint
