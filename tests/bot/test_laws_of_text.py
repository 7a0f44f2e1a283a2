"""Laws of what people write and of what was live: any of it can be read."""

from __future__ import annotations

import html

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.facts.comment_commands import commands_of, lines
from bot.facts.snapshot import Comment
from countersign_ml.markdown import ZERO_WIDTH, plain
from policy.facts.pointer_history import quarantined

unhurried = settings(deadline=None)
"""A busy machine is no counterexample."""


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


def test_a_command_that_is_copied_from_our_own_comment_is_read() -> None:
    """`plain` breaks a commit's id with zero-width spaces, and a reader copies those too."""
    copied = html.unescape(plain(f"/train {'60a4736f' * 5}"))
    assert ZERO_WIDTH in copied
    (command,) = commands_of(Comment(1, "ada", False, copied, "2026-01-01T00:00:00Z"))
    assert command.argument == "60a4736f" * 5
