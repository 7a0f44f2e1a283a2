"""Passwords and keys of unknown format: a word for a secret, an assignment, and entropy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from countersign_ml.rows.detect.entropy import bits_per_character, is_random
from countersign_ml.rows.detect.hit import Candidate, Hit, Text
from countersign_ml.rows.detect.triggers import NAMES_OF_SECRETS

_ASSIGNED = re.compile(
    rf"(?i)({NAMES_OF_SECRETS})([a-z0-9_]{{0,24}})"
    r"\\?[\"'`]?\]?\s{0,3}(?::=|=>|[:=]|\s(?:is|ist|es|est|lautet|è|é)\s?:?|：)\s{0,3}"
    r"(?:bearer\s|basic\s)?(\\?[\"'`])?"
)
_BEARER = re.compile(r"(?i)\bbearer\s{1,3}([A-Za-z0-9._~+/=-]{16,512})")
_VALUE = re.compile(r"[^\s\"'`,;<>(){}\[\]\\]{6,512}")
_QUOTED_VALUE = re.compile(r"[^\s\"'`\\]{6,512}")
_HASH_NAME = re.compile(
    r"(?i)hash|digest|checksum|sum$|_id$|count|limit|length|name|type|url|expir|policy"
)
_LONG = 64
"""The search continues after a value this long; otherwise the cost of a line is quadratic."""
_AWS = re.compile(r"[A-Za-z0-9/+]{40}")


def assigned(text: Text) -> Iterator[Candidate]:
    """Yield each value assigned to a name such as `password` or `api_key` that looks random."""
    plain = text.original
    position = 0
    while match := _ASSIGNED.search(plain, position):
        position = match.end()
        if _HASH_NAME.search(match.group(2)):
            continue
        value = (_QUOTED_VALUE if match.group(3) else _VALUE).match(plain, match.end())
        if not value:
            continue
        found = value.group().rstrip(".!?:")
        kind = _kind(match.group(1).lower() + match.group(2).lower(), found)
        if kind or len(found) > _LONG:
            position = value.end()
        if kind:
            yield Candidate(70, Hit(kind, value.start(), value.start() + len(found)))
    for match in _BEARER.finditer(plain):
        if is_random(match.group(1)) and _is_mixed(match.group(1)):
            yield Candidate(72, Hit("api_key", *match.span(1)))


def _kind(name: str, value: str) -> str | None:
    if "pass" in name or name.startswith(
        ("pwd", "kennwort", "contraseña", "mot", "senha", "пароль")
    ):
        return "password" if _is_password(value) else None
    if not is_random(value) or len(value) < 12:
        return None
    if name.startswith(("secret", "access")) and _AWS.fullmatch(value):
        return "aws_secret_key" if bits_per_character(value) >= 4.0 else "api_key"
    return "api_key" if _is_mixed(value) else None


def _is_mixed(value: str) -> bool:
    if any(map(str.isdigit, value)):
        return any(map(str.isalpha, value))
    # One random string in 300 of this length has no digit.
    return len(value) >= 24 and any(map(str.islower, value)) and any(map(str.isupper, value))


def _is_password(value: str) -> bool:
    kinds = (
        any(map(str.islower, value))
        + any(map(str.isupper, value))
        + any(map(str.isdigit, value))
        + any(not character.isalnum() for character in value)
    )
    return kinds >= 3 and is_random(value) if len(value) < 12 else kinds >= 2 and is_random(value)
