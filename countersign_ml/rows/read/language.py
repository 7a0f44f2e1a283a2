"""Which language a text is in, guessed by the model that py3langid brings along.

Nothing is fetched. It always names some language, and knows nothing of texts that are too short.
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
    """Return what guesses a text's ISO 639 code; None where the package py3langid is missing."""
    if find_spec("py3langid") is None:
        return None
    classify = importlib.import_module("py3langid").classify

    def guess(text: str) -> str:
        return str(classify(text)[0]) if len(text) >= SHORT else TOO_SHORT

    return guess
