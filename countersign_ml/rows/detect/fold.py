"""A plain view of a text, character by character, so that offsets stay the same.

Patterns are written for ASCII. People write numbers in Arabic or full-width digits, with
no-break spaces and en dashes. Each character folds to exactly one: digits to ASCII digits, spaces
to a space, dashes to a hyphen, full-width forms to ASCII, other letters to one of two letters.
"""

from __future__ import annotations

import unicodedata

LETTER = "\u00aa"
"""Replaces a letter of a script with spaces between words."""
UNSPACED = "\u00ba"
"""Replaces a letter of a script without spaces (Han, kana, Thai and similar)."""
OTHER = "\u00b7"
"""Replaces everything that is not a letter, digit, space or dash."""

_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x9FFF),  # kana, Han
    (0xAC00, 0xD7AF),  # Hangul: particles follow a word without a space
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def is_unspaced(character: str) -> bool:
    """Return whether the character's script has no spaces between words."""
    return any(low <= ord(character) <= high for low, high in _UNSPACED_RANGES)


def fold_character(character: str) -> str:
    """Return the plain character for this one."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Pd" or character == "\u2212":
        return "-"
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    if category[0] in "LMN":
        return UNSPACED if is_unspaced(character) else LETTER
    return OTHER


class _Table(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = folded = fold_character(chr(code))
        return folded


_TABLE = _Table()


def fold(text: str) -> str:
    """Return the plain view of a text: the same length, every character folded by itself."""
    return text if text.isascii() else text.translate(_TABLE)


def stands_alone(plain: str, start: int, end: int) -> bool:
    """Return whether a number in a plain view is a token of its own.

    It is not if a letter or digit touches it, or if a dot or hyphen connects it to one: then it is
    part of a UUID, a hash, a version or a longer number.
    """
    if start > 0:
        before = plain[start - 1]
        if _word(before):
            return False
        if before in "-." and start > 1 and _word(plain[start - 2]):
            return False
    if end < len(plain):
        after = plain[end]
        if _word(after):
            return False
        if after in "-." and end + 1 < len(plain) and _word(plain[end + 1]):
            return False
    return True


def _word(character: str) -> bool:
    return (character.isalnum() and character != UNSPACED) or character == "_"
