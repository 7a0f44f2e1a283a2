"""Which language a text is in, guessed by the model that is part of py3langid.

Nothing is downloaded. The model always names some language, so texts that are too short are not
given to it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec

GuessLanguage = Callable[[str], str]
SHORT = 20
"""Letters below which a guess is no better than chance."""
TOO_SHORT = "too short"


def guesser() -> GuessLanguage | None:
    """Return a function that guesses a text's ISO 639 code; None if py3langid is not installed."""
    if find_spec("py3langid") is None:
        return None
    classify = importlib.import_module("py3langid").classify

    def guess(text: str) -> str:
        return str(classify(text)[0]) if len(text) >= SHORT else TOO_SHORT

    return guess
