"""Passwords and keys of no known format: a word that says so, a sign of assignment, and entropy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataset.detect.entropy import bits_per_character, is_random
from dataset.detect.hit import Candidate, Hit, Text
from dataset.detect.triggers import SECRET_WORDS

_ASSIGNED = re.compile(
    rf"(?i)({SECRET_WORDS})([a-z0-9_]{{0,24}})"
    r"\\?[\"'`]?\]?\s{0,3}(?::=|=>|[:=]|\s(?:is|ist|es|est|lautet|è|é)\s?:?|：)\s{0,3}"
    r"(?:bearer\s|basic\s)?(\\?[\"'`])?"
)
_BEARER = re.compile(r"(?i)\bbearer\s{1,3}([A-Za-z0-9._~+/=-]{16,512})")
_VALUE = re.compile(r"[^\s\"'`,;<>(){}\[\]\\]{6,512}")
_QUOTED_VALUE = re.compile(r"[^\s\"'`\\]{6,512}")
_HASH_NAME = re.compile(r"(?i)hash|digest|checksum|sum$|_id$|count|limit|length|name|type|url|expir|policy")
_AWS = re.compile(r"[A-Za-z0-9/+]{40}")


def assigned(text: Text) -> Iterator[Candidate]:
    """Yield each value assigned to a name such as `password` or `api_key` that looks random."""
    plain = text.original
    for match in _ASSIGNED.finditer(plain):
        if _HASH_NAME.search(match.group(2)):
            continue
        value = (_QUOTED_VALUE if match.group(3) else _VALUE).match(plain, match.end())
        if not value:
            continue
        found = value.group().rstrip(".!?:")
        kind = _kind(match.group(1).lower() + match.group(2).lower(), found)
        if kind:
            yield Candidate(70, Hit(kind, value.start(), value.start() + len(found)))
    for match in _BEARER.finditer(plain):
        if is_random(match.group(1)) and _is_mixed(match.group(1)):
            yield Candidate(72, Hit("api_key", *match.span(1)))


def _kind(name: str, value: str) -> str | None:
    if "pass" in name or name.startswith(("pwd", "kennwort", "contraseña", "mot", "senha", "пароль")):
        return "password" if _is_password(value) else None
    if not _is_mixed(value) or not is_random(value) or len(value) < 12:
        return None
    if _AWS.fullmatch(value) and bits_per_character(value) >= 4.0:
        return "aws_secret_key" if name.startswith(("secret", "access")) else "api_key"
    return "api_key"


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_password(value: str) -> bool:
    kinds = (
        any(map(str.islower, value)) + any(map(str.isupper, value)) + any(map(str.isdigit, value))
        + any(not character.isalnum() for character in value)
    )  # fmt: skip
    return kinds >= 3 and is_random(value) if len(value) < 12 else kinds >= 2 and is_random(value)
