"""How random a string looks: generated keys against the placeholders that people write."""

from __future__ import annotations

import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3,}|0{8,}|1{8,}|a{6,}|1234567|abcdef|example|placeholder|changeme|change_me"
    r"|your|dummy|sample|redacted|insert|replace|todo|<|>|\$\{|\{\{|%\(|process\.env|os\.environ"
)
_WORDY = re.compile(
    r"(?:[A-Z]?[a-z]{3,}|[A-Z]{3,})(?:[-_. /]?(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}))*[0-9]{0,2}"
)


def bits_per_character(value: str) -> float:
    """Return the Shannon entropy of the characters: 4 at most for hex, 6 for base64."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def is_random(value: str) -> bool:
    """Return whether a value looks randomly generated rather than written by a person.

    The threshold grows with the length, since a short string cannot reach its alphabet's entropy: a
    random string of n distinct characters has at most log2(n) bits each.
    """
    return not _WORDY.fullmatch(value) and is_drawn(value)


def is_drawn(value: str) -> bool:
    """Return whether a value in an issuer's format is not a placeholder.

    `is_random` also refuses runs of words, but a random token of letters can look like one.
    """
    if len(value) < 8 or _PLACEHOLDER.search(value):
        return False
    return bits_per_character(value) >= min(3.0, 0.8 * math.log2(len(value)))
