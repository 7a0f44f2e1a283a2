"""Telephone numbers, confirmed by the numbering plans of the world (phonenumbers).

With a country code, the plan decides. Without one, a digit string is a telephone number only if a
word near it says so, or if it is grouped exactly as its country groups such numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from countersign_ml.rows.detect.context_words import REFERENCE, Words
from countersign_ml.rows.detect.fold import stands_alone
from countersign_ml.rows.detect.hit import Candidate, Hit, Text
from countersign_ml.rows.detect.national import national_words
from countersign_ml.rows.detect.third_party import load

CALL = Words.of(
    *[
        "tel",
        "telephone",
        "phone",
        "phone number",
        "mobile",
        "cell",
        "call",
        "dial",
        "text me",
        "ring me",
        "whatsapp",
        "sms",
        "fax",
        "signal",
        "contact number",
        "hotline",
        "reach me",
        "reach us",
        "telefon",
        "telefonnummer",
        "handy",
        "handynummer",
        "mobil",
        "mobilnummer",
        "rufnummer",
        "anrufen",
        "anruf",
        "rückruf",
        "ruf",
        "teléfono",
        "móvil",
        "celular",
        "llame",
        "llama",
        "llamar",
        "llámame",
        "téléphone",
        "portable",
        "appeler",
        "appelez",
        "appelle",
        "numéro de téléphone",
        "telefono",
        "cellulare",
        "chiamare",
        "chiama",
        "chiami",
        "telefone",
        "telemóvel",
        "ligue",
        "ligar",
        "telefoon",
        "mobiel",
        "bel",
        "bellen",
        "gsm",
        "zadzwoń",
        "dzwonić",
        "komórka",
        "ringa",
        "ring",
        "puhelin",
        "soita",
        "telefonu",
        "numer telefonu",
        "arayın",
        "ara",
        "τηλέφωνο",
        "тел",
        "телефон",
        "телефону",
        "позвоните",
        "звоните",
        "мобильный",
        "电话",
        "手机",
        "联系电话",
        "電話",
        "電話番号",
        "携帯",
        "携帯電話",
        "전화",
        "전화번호",
        "휴대폰",
        "هاتف",
        "جوال",
        "الهاتف",
        "اتصل",
        "טלפון",
        "נייד",
        "फोन",
        "फ़ोन",
        "मोबाइल",
        "โทร",
        "เบอร์โทร",
        "điện thoại",
        "telepon",
        "hp",
    ]
)

REGIONS = [
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "BE",
    "CH",
    "AT",
    "PT",
    "PL",
    "SE",
    "NO",
    "DK",
    "FI",
    "IE",
    "CZ",
    "SK",
    "HU",
    "RO",
    "BG",
    "GR",
    "HR",
    "SI",
    "EE",
    "LV",
    "LT",
    "UA",
    "RU",
    "TR",
    "BR",
    "MX",
    "AR",
    "CL",
    "CO",
    "PE",
    "CA",
    "AU",
    "NZ",
    "IN",
    "PK",
    "BD",
    "ID",
    "MY",
    "SG",
    "TH",
    "VN",
    "PH",
    "JP",
    "KR",
    "CN",
    "TW",
    "HK",
    "IL",
    "AE",
    "SA",
    "EG",
    "NG",
    "KE",
    "ZA",
]
_TRUNK_ZERO = [
    "GB",
    "DE",
    "FR",
    "NL",
    "BE",
    "CH",
    "AT",
    "SE",
    "FI",
    "IE",
    "HU",
    "RO",
    "BG",
    "HR",
    "SI",
    "UA",
    "TR",
    "AU",
    "NZ",
    "IN",
    "PK",
    "ID",
    "MY",
    "TH",
    "VN",
    "PH",
    "JP",
    "KR",
    "CN",
    "TW",
    "IL",
    "AE",
    "SA",
    "EG",
    "NG",
    "KE",
    "ZA",
    "IT",
]

_CANDIDATE = re.compile(r"(?<![0-9+(])(?:\+|\(\+?)?[0-9](?:[ ()./\t-]{0,3}[0-9]){6,16}(?![0-9])")
_GROUP_END = re.compile(r"[0-9](?=[^0-9])")
_DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}[-./ ][01]?[0-9][-./ ][0-3]?[0-9]"
    r"|[0-3]?[0-9][-./ ][0-3]?[0-9][-./ ](?:19|20)[0-9]{2})(?![0-9])"
)
_NORTH_AMERICAN = re.compile(
    r"(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[0-9]{3}[-.][0-9]{4}"
)


def phones(text: Text) -> Iterator[Candidate]:
    """Yield each valid telephone number."""
    for match in _CANDIDATE.finditer(text.plain):
        span = _confirm(text, match.start(), match.end())
        if span:
            yield Candidate(50, Hit("phone", *span))


def _confirm(text: Text, start: int, end: int) -> tuple[int, int] | None:
    whole = text.plain[start:end]
    stops = [end] + [start + found.end() for found in reversed(list(_GROUP_END.finditer(whole)))]
    starts = [start]
    if not whole.startswith(("+", "(")):
        starts += [start + found.start(1) for found in re.finditer(r"[ \t]([(0-9])", whole)][:3]
    said = referred = None
    for first in starts:
        for stop in stops[:6]:
            value = text.plain[first:stop]
            digits = sum(character.isdigit() for character in value)
            if digits < 7 or not stands_alone(text.plain, first, stop):
                continue
            if value.count("(") != value.count(")"):
                continue
            if "+" not in value and _DATE.search(value):
                continue
            if said is None:
                said = CALL.distance(text, start, end)
                referred = _nearest(
                    REFERENCE.distance(text, start, end),
                    national_words().distance(text, start, end),
                )
                if referred is not None and said is not None and referred < said:
                    said = None
                said = -1 if said is None else said
            # Past the first group, only a word makes the rest of a longer run a telephone number.
            if _is_phone(value, said=said >= 0, referred=referred is not None or first > start):
                return first, stop
    return None


def _nearest(*distances: int | None) -> int | None:
    return min((one for one in distances if one is not None), default=None)


@lru_cache(maxsize=4096)
def _is_phone(value: str, *, said: bool, referred: bool) -> bool:
    international = value.lstrip("(").startswith("+") or (value.startswith("00") and said)
    if international:
        return _valid("+" + value[2:] if value.startswith("00") else value, None)
    if said:
        return any(_valid(value, region) for region in REGIONS)
    if referred:
        return False
    if _NORTH_AMERICAN.fullmatch(value):
        return _valid(value, "US")
    if value.startswith(("0", "(0")) and not value.isdigit():
        return any(_valid(value, region, grouped=True) for region in _TRUNK_ZERO)
    return False


def _valid(value: str, region: str | None, *, grouped: bool = False) -> bool:
    phonenumbers = load("phonenumbers")
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number(number):
        return False
    if not grouped:
        return True
    usual = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return _groups(usual) == _groups(value) and len(_groups(value)) > 1


def _groups(value: str) -> list[str]:
    return re.findall("[0-9]+", value)
