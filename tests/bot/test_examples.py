"""Rows that people read: won and lost, and what was trained on; always harmless as Markdown."""

from __future__ import annotations

from bot.report import example_rows
from policy.facts.evidence import RenderedToken, Sample
from tests.bot import builders as a
from tests.policy.builders import training


def sample(number: int, incumbent: str, candidate: str, expected: str = '{"label": "b"}') -> Sample:
    answers = {"base": "?", "incumbent": incumbent, "candidate": candidate}
    return Sample(id=f"t{number}", input=f"Row {number}", expected=expected, answers=answers)


def test_a_row_is_won_where_only_the_candidate_is_right_however_it_writes_its_json() -> None:
    shown = example_rows.won_and_lost(
        a.evidence(
            samples=(
                sample(1, '{"label": "a"}', '{ "label":"b" }'),
                sample(2, '{"label":"b"}', "no idea"),
                sample(3, '{"label":"b"}', '{"label":"b"}'),
            )
        )
    )
    assert shown.index("Lost: 1 of 3 sampled rows") < shown.index("Won: 1 of 3 sampled rows")
    assert "Row 1" in shown.partition("Won:")[2]
    assert "Row 2" in shown.partition("Won:")[0]
    assert "Row 3" not in shown


def test_without_a_live_version_nothing_is_won_or_lost() -> None:
    first = a.evidence(1, samples=(sample(1, "a", "b"),))
    assert example_rows.won_and_lost(first) == ""


def test_trained_stretches_are_marked_and_their_text_is_only_text() -> None:
    row = (
        RenderedToken(text="<|user|>\n`x` | @omar <script>", trained=False),
        RenderedToken(text='{"label": "b"}<|end|>', trained=True),
    )
    shown = example_rows.rendered_rows(a.evidence(training=training(rendered_rows=(row,))))
    assert '| ✓ | `{"label": "b"}<|end|>`'.replace("|end|", "¦end¦") in shown
    assert "|  | ``<¦user¦>⏎ `x` ¦ @omar <script>``" in shown
