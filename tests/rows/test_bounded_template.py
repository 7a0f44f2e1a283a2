"""A chat template of a pull request cannot hold or fill the machine that renders it."""

from __future__ import annotations

import time

import pytest

from countersign_ml.rows.read.bounded_template import BoundedTemplate, NotRendered

TURNS = {"messages": [{"role": "user", "content": "Grüße 🙂"}], "add_generation_prompt": True}


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "too long",
        ),
        ("{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
         "too long"),
        ("{{ (8 + messages|length) ** (9 ** 9) }}", "too long"),
        ("{{ 'x' * 50000000 }}", "more than"),
        ("{{ 'x' * 9000000000 }}", "MemoryError"),
        (
            "{% set n = namespace(t='x') %}{% for a in range(60) %}"
            "{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t|length }}",
            "MemoryError|too much memory|too long",
        ),
        ("{{ messages.__class__.__mro__ }}", "SecurityError"),
        ("{{ raise_exception('no system turn') }}", "no system turn"),
        ("{% for %}", "TemplateSyntaxError"),
    ],
)  # fmt: skip
def test_a_hostile_template_ends_soon(template: str, why: str) -> None:
    begun = time.monotonic()
    with pytest.raises(NotRendered, match=why):
        BoundedTemplate(template, seconds=3.0).render(TURNS)
    assert time.monotonic() - begun < 30.0


def test_one_that_failed_renders_the_next_conversation() -> None:
    template = BoundedTemplate(
        "{% set m = messages[0].content %}"
        "{% if m == 'loop' %}{{ (8 + messages|length) ** (9 ** 9) }}{% endif %}{{ m }}",
        seconds=3.0,
    )
    assert template.render(TURNS) == "Grüße 🙂"
    with pytest.raises(NotRendered):
        template.render({"messages": [{"role": "user", "content": "loop"}]})
    assert template.render(TURNS) == "Grüße 🙂"


def test_a_long_conversation_passes() -> None:
    template = BoundedTemplate("{% for m in messages %}{{ m.content }}{% endfor %}")
    text = "ü" * 3_000_000
    assert template.render({"messages": [{"role": "user", "content": text}]}) == text
