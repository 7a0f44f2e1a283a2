"""National identity numbers, each confirmed by its country's own rules (python-stdnum)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from countersign_ml.rows.detect.context_words import CARD, REFERENCE, Words
from countersign_ml.rows.detect.fold import stands_alone
from countersign_ml.rows.detect.hit import Candidate, Hit, Text
from countersign_ml.rows.detect.national_table import NUMBERS, National
from countersign_ml.rows.detect.third_party import PatternSet, load, utf8

_CLOSE = 8
"""A word at most this many characters before a number is its label."""
_NINO_NEVER = ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


@dataclass(frozen=True)
class _Rule:
    number: National
    layout: re.Pattern[str]
    words: Words | None
    """The words that must be near the number; None if the layout is enough."""


@cache
def _rules() -> tuple[PatternSet, tuple[_Rule, ...]]:
    rules, patterns = [], []
    for number in NUMBERS:
        words = _own_words(number) if number.words else None
        for layout, needed in ((number.alone, None), (number.worded, words)):
            if layout:
                bounded = re.compile(rf"(?<![A-Za-z0-9_])(?:{layout})(?![A-Za-z0-9_])", re.ASCII)
                rules.append(_Rule(number, bounded, needed))
                patterns.append(layout)
    return PatternSet(patterns), tuple(rules)


def nationals(text: Text) -> Iterator[Candidate]:
    """Yield each confirmed number; if two countries match, the nearer word decides."""
    patterns, rules = _rules()
    for index in patterns.matching(utf8(text.plain)):
        rule = rules[index]
        if rule.words is not None and not (
            national_words().anywhere(text) and rule.words.anywhere(text)
        ):
            continue
        for match in rule.layout.finditer(text.plain):
            start, end = match.span()
            if not stands_alone(text.plain, start, end):
                continue
            if rule.words is None:
                if _belongs_to_another(rule.number, text, start, end):
                    continue
                rank = 16
            else:
                distance = rule.words.distance(text, start, end)
                if distance is None or _is_reference(text, start, end, distance):
                    continue
                rank = 14 if distance <= _CLOSE else 15
            if is_number(rule.number, match.group()):
                yield Candidate(rank, Hit(rule.number.kind, start, end))


@cache
def national_words() -> Words:
    """Return the words of all national numbers together."""
    return Words.of(*_words_of(NUMBERS))


@cache
def _own_words(number: National) -> Words:
    return Words.of(*_words_of([number]))


@cache
def _words_of_others(number: National) -> Words:
    return Words.of(*(set(_words_of(NUMBERS)) - set(_words_of([number]))))


def _words_of(numbers: Iterable[National]) -> list[str]:
    return [word for number in numbers if number.words for word in number.words.split(",")]


def _belongs_to_another(number: National, text: Text, start: int, end: int) -> bool:
    """Return whether a word right before the number shows that it is of another kind."""
    distance = min(
        (
            one
            for one in (
                _words_of_others(number).distance(text, start, start),
                CARD.distance(text, start, start),
            )
            if one is not None
        ),
        default=None,
    )
    if distance is None or distance > _CLOSE:
        return False
    own = _own_words(number).distance(text, start, start) if number.words else None
    return own is None or distance < own


def labelled_otherwise(text: Text, start: int) -> bool:
    """Return whether a word for a national number is right before, nearer than one for a card."""
    distance = national_words().distance(text, start, start)
    if distance is None or distance > _CLOSE:
        return False
    card = CARD.distance(text, start, start)
    return card is None or distance < card


def _is_reference(text: Text, start: int, end: int, distance: int) -> bool:
    other = REFERENCE.distance(text, start, end)
    return other is not None and other < distance


def is_number(number: National, value: str) -> bool:
    """Return whether the value follows all rules of its country."""
    if not number.validator:
        return value[:2].upper() not in _NINO_NEVER
    if len({character for character in value if character.isdigit()}) < 2:
        return False  # 00000000000 and similar values pass the checksums of several countries
    try:
        return bool(load(f"stdnum.{number.validator}").is_valid(value.replace(" ", "")))
    except (LookupError, ValueError):
        # Some validators fail on parts that were never issued: stdnum.cn.ric 2.2 raises KeyError
        # for a province without counties.
        return False
