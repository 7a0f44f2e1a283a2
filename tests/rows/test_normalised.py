"""The quick way to normalise a text agrees with NFKC and case folding, character by character."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from countersign_ml.rows.kept import sketch

ODD = "́̈ーﾞ゙ᅡᆨﬀ¨½…，。“ＡáÅİßſǅ각ﬃʰ²㍿"


def plainly(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    for sign, meant in sketch._PLAIN.items():
        folded = folded.replace(sign, meant)
    return " ".join(folded.split())


@settings(deadline=None, max_examples=1000)
@given(st.text(st.sampled_from(ODD) | st.characters(), max_size=12))
@example("ｶﾞ")
@example("e\u0301，")
@example("\ufffe，")
def test_any_text(text: str) -> None:
    assert sketch.normalised(text) == plainly(text)


def test_every_assigned_character_between_two_others() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in ("Cn", "Co", "Cs"):
            continue  # no character, one without a meaning of its own, or half of one
        for text in (f"，{chr(code)}a", f"e{chr(code)}，"):
            if sketch.normalised(text) != plainly(text):
                raise AssertionError(f"U+{code:04X} in {text!r}")
