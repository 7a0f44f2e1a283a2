"""Pseudonyms: the same value gets the same pseudonym within a document, and another in the next.

Each comes from an HMAC over the document, the kind and the value: two documents can be linked only
with the key. If the kind has a shape that training can learn from, the pseudonym keeps the shape
but is not a valid value.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import string
from dataclasses import dataclass, field

from countersign_ml.rows.detect.pseudonym_forms import EMAIL, LABEL

_ATTEMPTS = 64
"""If a shape has fewer forms than there are values, such as 256 addresses, two can collide."""
_NUMBERED = re.compile(r"\[([A-Z][A-Z0-9-]{1,40})-([0-9]{1,9})\]")


@dataclass
class Pseudonyms:
    """The pseudonyms of one document."""

    key: bytes
    document: str
    _labels: dict[tuple[str, str], str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)
    _attempts: dict[tuple[str, str], int] = field(default_factory=dict)
    _used: set[tuple[str, str]] = field(default_factory=set)

    def keep_clear_of(self, text: str) -> None:
        """Never use a numbered pseudonym that is already in the text."""
        for label, number in _NUMBERED.findall(text):
            self._last[label] = max(self._last.get(label, 0), int(number))

    def of(self, kind: str, value: str, *, shaped: bool = True) -> str:
        """Return the pseudonym of a value; without `shaped` always a numbered label."""
        if shaped and kind in _SHAPES:
            return self._shaped(kind, value)
        same = (kind, _normal(kind, value))
        if same not in self._labels:
            label = kind.upper().replace("_", "-")
            self._last[label] = self._last.get(label, 0) + 1
            self._labels[same] = LABEL.format(label, self._last[label])
        return self._labels[same]

    def _shaped(self, kind: str, value: str) -> str:
        """Return the shape of the value with new characters; drawn again if two values collide."""
        same = (kind, _normal(kind, value))
        known = self._attempts.get(same)
        if known is not None:
            return _SHAPES[kind](self._stream(kind, value, known), value)
        made = ""
        for attempt in range(_ATTEMPTS):
            made = _SHAPES[kind](self._stream(kind, value, attempt), value)
            self._attempts[same] = attempt
            if (kind, _normal(kind, made)) not in self._used:
                break
        self._used.add((kind, _normal(kind, made)))
        return made

    def _stream(self, kind: str, value: str, attempt: int) -> bytes:
        message = "\0".join((self.document, kind, _normal(kind, value), str(attempt)))
        raw = message.encode("utf-8", "surrogatepass")
        return b"".join(
            hmac.new(self.key, bytes([part]) + raw, hashlib.sha256).digest() for part in range(3)
        )


def _normal(kind: str, value: str) -> str:
    """Return the normal form of a value: equal for two spellings of it."""
    if kind in _LAID_OUT:
        return re.sub(r"[^0-9A-Za-z]", "", value).upper()
    return value.casefold() if kind in ("email", "person", "ip") else value


def _email(stream: bytes, _: str) -> str:
    return EMAIL.format(stream.hex()[:12])


def _refill(stream: bytes, value: str, lead: str) -> str:
    """Return the value's layout with `lead` first and drawn digits and letters after it."""
    drawn = iter(stream)
    given = iter(lead)
    made = []
    for character in value:
        if not character.isalnum():
            made.append(character)
            continue
        ahead = next(given, None)
        byte = next(drawn)
        if ahead is not None:
            made.append(ahead)
        elif character.isdecimal():
            made.append(string.digits[byte % 10])
        else:
            made.append(string.ascii_uppercase[byte % 26])
    return "".join(made)


def _phone(stream: bytes, value: str) -> str:
    return _refill(stream, value, "000")  # no country code or area begins like this


def _card(stream: bytes, value: str) -> str:
    return _refill(stream, value, "0000")  # no issuer begins like this


def _iban(stream: bytes, value: str) -> str:
    return _refill(stream, value, value[:2].upper() + "00")  # check digits run from 02 to 98


def _ip(stream: bytes, value: str) -> str:
    if ":" in value:
        return str(ipaddress.IPv6Address(0x20010DB8 << 96 | int.from_bytes(stream[:8], "big")))
    return f"203.0.113.{stream[0]}"  # RFC 5737: for documentation


_SHAPES = {"email": _email, "phone": _phone, "card": _card, "iban": _iban, "ip": _ip}
_LAID_OUT = frozenset({"phone", "card", "iban"})
"""Kinds whose layout may differ between two spellings of one value."""
