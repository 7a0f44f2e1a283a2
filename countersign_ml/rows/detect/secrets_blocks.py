"""Private keys in PEM: a begin line and a body of realistic length, in raw or escaped lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from countersign_ml.rows.detect.hit import Candidate, Hit, Text

_BEGIN = re.compile(r"-----BEGIN ((?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?)-----")
_BODY = re.compile(r"(?:[A-Za-z0-9+/=]|\\[nr]|\s|\\\\n|[A-Za-z-]+: [^\n\\]{1,80})+")
_SHORTEST = 60
"""Base64 characters of the shortest private key in use (Ed25519 in PKCS#8 has 64)."""


def private_keys(text: Text) -> Iterator[Candidate]:
    """Yield each private key, from its begin line to its end line or the last of its body."""
    plain = text.plain
    position = 0
    while begin := _BEGIN.search(plain, position):
        position = begin.end()
        body = _BODY.match(plain, begin.end())
        if not body:
            continue
        letters = sum(map(str.isalnum, re.sub(r"\\+[nr]", "", body.group())))
        position = body.end()
        if letters < _SHORTEST:
            continue
        end = f"-----END {begin.group(1)}-----"
        stop = position + len(end) if plain.startswith(end, position) else position
        while stop > begin.end() and plain[stop - 1].isspace():
            stop -= 1
        yield Candidate(0, Hit("private_key", begin.start(), stop))
