"""IP addresses that belong to somebody: public ones, not private, loopback or documentation."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from countersign_ml.rows.detect.context_words import Words
from countersign_ml.rows.detect.hit import Candidate, Hit, Text

_FOUR = re.compile(
    r"(?<![A-Za-z0-9_.-])[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)
_SIX = re.compile(r"(?<![A-Za-z0-9:._])[0-9A-Fa-f:]{3,39}(?![A-Za-z0-9:_]|\.[0-9])")
_VERSION = Words.of(
    *[
        "v",
        "version",
        "ver",
        "release",
        "build",
        "firmware",
        "driver",
        "package",
        "section",
        "clause",
        "chapter",
        "paragraph",
        "article",
        "rev",
        "revision",
        "oid",
        "upgrade",
        "upgraded",
        "update",
        "updated",
        "Version",
        "Fassung",
        "Abschnitt",
        "Kapitel",
        "versión",
        "sección",
        "capítulo",
        "chapitre",
        "versione",
        "sezione",
        "versão",
        "seção",
        "versie",
        "wersja",
        "версия",
        "раздел",
        "版本",
        "バージョン",
        "버전",
    ]
)
_SAYS_ADDRESS = Words.of("ip", "ipv4", "ipv6", "address", "adresse", "dirección", "indirizzo")


def addresses(text: Text) -> Iterator[Candidate]:
    """Yield each public address; four numbers after a word for a version are a version."""
    for match in _FOUR.finditer(text.plain):
        if _is_public(match.group()) and not _is_version(text, *match.span()):
            yield Candidate(40, Hit("ip", *match.span()))
    for match in _SIX.finditer(text.plain):
        value = match.group()
        start, end = match.start(), match.end()
        if value.endswith(":") and not value.endswith("::"):
            value, end = value[:-1], end - 1
        if value.count(":") >= 2 and _is_public(value):
            yield Candidate(40, Hit("ip", start, end))


def _is_public(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and not address.is_reserved and not address.is_multicast


def _is_version(text: Text, start: int, end: int) -> bool:
    if text.plain[max(0, start - 2) : start] in ("==", ">=", "<=", "~="):
        return True
    version = _VERSION.distance(text, start, start)
    if version is None:
        return False
    address = _SAYS_ADDRESS.distance(text, start, start)
    return address is None or version < address
