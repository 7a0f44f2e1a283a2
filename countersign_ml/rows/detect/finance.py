"""IBANs by length, structure and check digits; payment cards by issuer, length and Luhn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from countersign_ml.rows.detect.context_words import CARD
from countersign_ml.rows.detect.fold import stands_alone
from countersign_ml.rows.detect.hit import Candidate, Hit, Text
from countersign_ml.rows.detect.national import labelled_otherwise
from countersign_ml.rows.detect.third_party import load

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9]{4})")
_IBAN_LONGEST = 34

_CARD = re.compile(
    r"(?<![0-9])(?:"
    r"[0-9]{4}([ -]?)[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}"
    r"|[0-9]{12,19}"
    r")(?![0-9])"
)
_ISSUERS = re.compile(
    r"4(?:[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}"  # Discover
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}"  # JCB
    r"|3(?:0[0-5]|[68][0-9]|09)[0-9]{11}(?:[0-9]{2})?"  # Diners Club
    r"|62[0-9]{14}|220[0-4][0-9]{12}"  # UnionPay, Mir
)
_ISSUERS_WITH_A_WORD = re.compile(
    r"4[0-9]{12}|(?:2131|1800)[0-9]{11}|35[0-9]{14}"  # old Visa, JCB at large
    r"|(?:5[0678]|6[0-9])[0-9]{10,17}"  # Maestro, RuPay, long UnionPay
)


def ibans(text: Text) -> Iterator[Candidate]:
    """Yield each IBAN whose country, length, structure and check digits are correct."""
    plain = text.plain
    for match in _IBAN.finditer(plain):
        length = _iban_length(match.group()[:2].upper())
        end = _take(plain, match.start(), length) if length else None
        if end is None or plain[end : end + 1].isalnum():
            continue
        if _is_iban(plain[match.start() : end]):
            yield Candidate(10, Hit("iban", match.start(), end))


def _take(plain: str, start: int, count: int) -> int | None:
    """Return where the count-th letter or digit ends; one space or hyphen may come between."""
    taken, position = 0, start
    while position < len(plain) and position - start <= 2 * _IBAN_LONGEST:
        character = plain[position]
        if character.isascii() and character.isalnum():
            taken += 1
            if taken == count:
                return position + 1
        elif character not in " -" or plain[position - 1] in " -":
            return None
        position += 1
    return None


@cache
def _iban_length(country: str) -> int | None:
    """Return the length of the country's IBANs, from python-stdnum's registry."""
    part = load("stdnum.numdb").get("iban").info(country)[0]
    structure = part[1].get("bban")
    if not structure:
        return None
    return 4 + sum(int(size) for size in re.findall(r"([0-9]+)!?[nac]", structure))


def _is_iban(value: str) -> bool:
    # National check digits of the account are not checked: for this gate an IBAN with correct IBAN
    # check digits is somebody's account.
    return bool(load("stdnum.iban").is_valid(value, check_country=False))


def cards(text: Text) -> Iterator[Candidate]:
    """Yield each card number: a known issuer's prefix and length, and a correct Luhn digit."""
    for match in _CARD.finditer(text.plain):
        start = match.start()
        for end in _ends(match):
            value = re.sub("[ -]", "", text.plain[start:end])
            if (
                len(set(value)) > 1
                and load("stdnum.luhn").is_valid(value)
                and stands_alone(text.plain, start, end)
                and not labelled_otherwise(text, start)
                and (
                    _ISSUERS.fullmatch(value)
                    or (_ISSUERS_WITH_A_WORD.fullmatch(value) and CARD.near(text, start, end))
                )
            ):
                yield Candidate(20, Hit("card", start, end))
                break


def _ends(match: re.Match[str]) -> tuple[int, ...]:
    """Return where the card may end: a security code of three digits may follow it."""
    separator = match.group(1)
    if separator and match.end() - match.start() == 23:
        return match.end(), match.end() - 4
    return (match.end(),)
