"""The card: the pilot report, the author's own words, and pictures that are part of the release."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.deciding.decide import decide
from bot.facts.actions import CommitRelease
from bot.facts.snapshot import Snapshot
from bot.report import charts, model_card
from bot.report.author_words import MOST_LINES, Words, author_words, quoted
from policy.facts.evidence import Comparison, Evidence, Incumbent, Metric, PairedCounts
from policy.facts.run_context import MAX_POINTS, EarlierVersion, LossPoint
from policy.governed import chart_path, version_of
from policy.people.sign_off_record import Override
from policy.verdict import Outcome
from tests.bot import builders as a
from tests.bot.report_builders import BODY, curve, earlier, told, told_pointer
from tests.policy import builders as measured

HOSTILE = st.sampled_from("#<>`\n\r -*_~=|\x0b\x85\u2028@&!1.\t[](){}:/hw\x1c\x0c\\")
LOSS = chart_path(a.MODEL, "v2-cccccccc", "loss")


def text(shown: Evidence | None = None, **changes: object) -> str:
    return model_card.render(shown or told(), told_pointer(), a.CARD, **changes)  # type: ignore[arg-type]  # any argument of it


def section(shown: str, name: str) -> str:
    return shown.partition(f"### {name}\n\n")[2].partition("\n#")[0].strip()


# The pilot report


def test_what_improved_and_what_did_not_is_said_by_the_interval() -> None:
    assert "+39.0 pts" in section(text(), "What improved")
    assert section(text(), "What regressed").startswith("Nothing")
    assert "nothing regressed clearly" in section(text(), "Recommendation")


def test_why_tells_only_what_was_measured() -> None:
    why = section(text(), "Why")
    assert "Where `group` is `refunds`, `exact_match`: +52.2 pts" in why
    fell = "`parcels`, `exact_match`: -4.3 pts (-11.4 to +1.9 pts); chance alone can explain this"
    assert fell in why
    assert "The length of the answers differs from those of the previous version" in why
    assert "vocabulary" not in why
    assert "60 rows added, 10 removed, 2 changed" in why


def test_what_quantising_cost_is_said_where_rows_show_it() -> None:
    lost = Comparison(
        metric="exact_match",
        first="merged",
        second="candidate",
        counts=PairedCounts(both=270, only_first=30, only_second=0, neither=0),
    )
    shown = told(comparisons=(*told().comparisons, lost))
    assert "Quantisation changed `exact_match`: -10.0 pts" in section(text(shown), "Why")


def test_a_fall_that_the_policy_allows_is_named_in_the_recommendation() -> None:
    fell = measured.compared(both=100, lost=60, won=20, neither=120)
    said = section(text(told(comparisons=(fell,))), "Recommendation")
    assert "`exact_match` regressed, within what the policy allows" in said


def test_a_forced_version_is_not_recommended() -> None:
    forced = Override(
        model=a.MODEL, gate="measurement", evidence=told().digest(), role="ml-lead", user="grace",
        comment=1, stated="2026-01-02T03:04:05Z", reason="the deadline is today",
    )  # fmt: skip
    assert "It ships because it was forced" in section(text(overrides=[forced]), "Recommendation")


def test_a_first_version_is_compared_with_nothing() -> None:
    shown = text(told(incumbent=None, earlier=(), comparisons=()))
    assert "### What improved" not in shown
    assert "first version" in section(shown, "Recommendation")


# The author's own words


def test_the_authors_sections_stand_in_the_card_as_theirs_and_as_text() -> None:
    shown = text(words=author_words("ada", BODY))
    assert "> In the words of the author, ada:" in section(shown, "Why")
    assert "Label refunds by hand first." in section(shown, "Lessons")
    assert "<script>" not in shown
    assert "@grace" not in shown


def test_a_pull_request_without_such_sections_says_so() -> None:
    assert "has no section `## Lessons`" in section(text(), "Lessons")


def test_what_a_template_left_in_comments_is_no_word() -> None:
    body = (
        "## Why\r\n<!-- say why\r\n## Lessons -->\r\nBecause.\r\n# Other\r\nno\r\n## why\r\nagain"
    )
    assert author_words("ada", body) == Words("ada", why=("Because.",))


@settings(deadline=None)
@given(st.text(alphabet=HOSTILE, max_size=80))
def test_no_words_of_an_author_open_more_than_a_paragraph(said: str) -> None:
    shown = quoted(author_words("ada", f"## Why\n{said}\n").why, "ada")
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(shown)
    assert re.sub(r"</?(blockquote|p)>", "", page).count("<") == 0
    assert all(line.startswith(">") for line in shown.splitlines())


def test_a_long_text_is_cut() -> None:
    words = author_words("ada", "## Why\n" + "x" * 5_000 + "\n" + "line\n" * 9_000)
    assert len(words.why) == MOST_LINES
    assert max(map(len, words.why)) <= 500


# Pictures


def drawn(shown: Evidence | None = None) -> dict[str, str]:
    found = charts.charts(shown or told(), told_pointer())
    return {path.split(".")[-2]: svg for path, svg in found.items()}


def test_pictures_are_exact_and_bring_nothing_in() -> None:
    assert drawn() == drawn()
    for svg in drawn().values():
        tree = ElementTree.fromstring(svg)
        assert {each.tag.rpartition("}")[2] for each in tree.iter()} <= {
            "svg", "style", "rect", "text", "line", "polyline", "g", "circle", "title",
        }  # fmt: skip
        assert "prefers-color-scheme: dark" in svg
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")|url\(|@import|on\w+=", svg)


def test_a_version_measured_on_other_rows_is_drawn_hollow() -> None:
    svg = drawn()["metrics"]
    assert svg.count('<circle class="hollow"') == 2
    assert svg.count('<circle class="bar"') == 2
    assert "v1-00000000: 31.0 %, on other rows" in svg


def test_no_picture_is_drawn_of_nothing() -> None:
    assert set(drawn(told(earlier=()))) == {"loss"}
    one = measured.training(loss_curve=curve(1))
    assert set(drawn(told(training=one))) == {"metrics"}
    assert drawn(a.evidence()) == {}
    assert "![" not in text(a.evidence())


@pytest.mark.parametrize("losses", [(0.0, 0.0), (-1.0, 2.0), (1e300, 1e-300), (5e-324, 0.0)])
def test_any_losses_can_be_drawn(losses: tuple[float, float]) -> None:
    points = tuple(LossPoint(step=n + 1, loss=loss) for n, loss in enumerate(losses))
    svg = drawn(told(training=measured.training(loss_curve=points)))["loss"]
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert len(svg) < 20_000


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=40))
def test_any_metric_can_be_drawn(value: float, name: str) -> None:
    candidate = told().measurements[-1]
    metric = Metric(name=name, kind="mean", value=value, n=300)
    before = EarlierVersion(version="v1-11111111", rows=candidate.rows, metrics={name: 1.0})
    shown = told(
        earlier=(before,), measurements=(candidate.model_copy(update={"metrics": (metric,)}),)
    )
    svg = drawn(shown)["metrics"]
    ElementTree.fromstring(svg)
    assert "nan" not in re.sub(r"<t(ext|itle).*?</t(ext|itle)>|aria-label.*?>", "", svg)


def test_many_versions_and_points_stay_small() -> None:
    line = tuple(
        each.model_copy(update={"version": f"v{n}-{n:08x}"}) for n, each in enumerate(earlier() * 7)
    )[:20]
    shown = told(training=measured.training(loss_curve=curve(MAX_POINTS)), earlier=line)
    assert all(len(svg) < 12_000 for svg in drawn(shown).values())


# Pictures are part of the release


def released(**changes: object) -> Snapshot:
    return a.snapshot(shown=told(), **changes)  # type: ignore[arg-type]  # any argument of it


def release_of(pull: Snapshot) -> CommitRelease | None:
    return next(iter(a.of_kind(decide(pull), CommitRelease)), None)


def test_the_release_commit_brings_the_pictures() -> None:
    commit = release_of(a.snapshot(shown=told(), released=False))
    assert commit is not None
    paths = [change.path for change in commit.files]
    assert LOSS in paths
    assert LOSS.replace("loss", "metrics") in paths
    assert release_of(released()) is None


def test_an_edited_picture_is_written_again() -> None:
    name = LOSS.rpartition("/")[2]
    pull = released()
    cards = tuple(
        (path, a.sha("<svg/>") if path == name else blob)
        for path, blob in pull.models[0].head_cards
    )
    commit = release_of(replace(pull, models=(replace(pull.models[0], head_cards=cards),)))
    assert commit is not None
    assert [change.path for change in commit.files] == [LOSS]


def test_a_picture_that_is_no_longer_drawn_is_taken_away() -> None:
    pull = released()
    cards = (*pull.models[0].head_cards, ("v2-cccccccc.size.svg", a.sha("<svg/>")))
    commit = release_of(replace(pull, models=(replace(pull.models[0], head_cards=cards),)))
    assert commit is not None
    (change,) = commit.files
    assert (change.path, change.text, change.blob) == (
        chart_path(a.MODEL, "v2-cccccccc", "size"), None, None,
    )  # fmt: skip


def test_words_that_the_author_adds_after_the_release_are_released_again() -> None:
    commit = release_of(released(pull_changes={"body": BODY}))
    assert commit is not None
    assert [change.path.rpartition(".")[2] for change in commit.files] == ["md"]


def test_a_way_back_may_take_the_pictures_of_the_version_with_it() -> None:
    pull = a.rollback(shown=a.recovery())
    facts = pull.models[0]
    more = (*facts.base_cards, (LOSS.rpartition("/")[2], a.sha("<svg/>")))
    back = decide(replace(pull, models=(replace(facts, base_cards=more),)))
    assert [leaf.name for leaf in back.verdict.blocking()] == [
        leaf.name for leaf in decide(pull).verdict.blocking()
    ]
    other = (*facts.base_cards, ("v1-11111111.loss.svg", a.sha("<svg/>")))
    kept = decide(replace(pull, models=(replace(facts, base_cards=other),)))
    assert "records" in [
        leaf.name for leaf in kept.verdict.blocking() if leaf.outcome is Outcome.FAILED
    ]


def test_a_record_names_its_version() -> None:
    assert version_of(LOSS) == "v2-cccccccc"
    assert version_of("model_cards/m/v2-cccccccc.md") == "v2-cccccccc"
    assert Incumbent(version="v1-11111111", artifact=a.ARTIFACTS[1]).version
