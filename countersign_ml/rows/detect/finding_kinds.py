"""Every kind that can be found: what it is, why it must not be trained on, how to fix it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from countersign_ml.rows.detect.national_table import NUMBERS
from countersign_ml.rows.detect.secrets_keys import FORMATS
from policy.errors import Problem, UserError


@dataclass(frozen=True)
class Kind:
    """One kind; `checked` means that check digits or a checksum prove the value."""

    name: str
    family: str
    title: str
    checked: bool
    reason: str
    remedy: str


_PERSONAL = "a model can repeat it to strangers, and the person has legal rights to it"
_REDACT = "replace it with `countersign data redact`, or drop the row"
_ACTED_FOR = "anyone who has it can act as its owner, and a model can repeat it to anyone"
_REVOKE = "first revoke it at the issuer, then redact the row"

_CHECKED_SECRETS = frozenset({"github_token", "npm_token", "jwt"})
_OTHER_SECRETS = {
    "private_key": "private key (PEM)",
    "aws_secret_key": "AWS secret access key",
    "password": "password",
    "api_key": "key or token of unknown format",
}


def _table() -> Mapping[str, Kind]:
    kinds = [
        Kind("email", "contact", "e-mail address", False, _PERSONAL, _REDACT),
        Kind("phone", "contact", "telephone number", False, _PERSONAL, _REDACT),
        Kind("person", "names", "name of a person, from a list", False, _PERSONAL, _REDACT),
        Kind("iban", "finance", "bank account (IBAN)", True, _PERSONAL, _REDACT),
        Kind("card", "finance", "payment card", True, _PERSONAL, _REDACT),
        Kind("ip", "network", "public IP address", False, _PERSONAL, _REDACT),
    ]
    kinds += [
        Kind(number.kind, "national_id", number.title, number.checked, _PERSONAL, _REDACT)
        for number in NUMBERS
    ]
    kinds += [
        Kind(
            form.kind,
            "secret",
            form.kind.replace("_", " "),
            form.kind in _CHECKED_SECRETS,
            _ACTED_FOR,
            _REVOKE,
        )
        for form in FORMATS
    ]
    kinds += [
        Kind(name, "secret", title, False, _ACTED_FOR, _REVOKE)
        for name, title in _OTHER_SECRETS.items()
    ]
    return MappingProxyType({kind.name: kind for kind in kinds})


KINDS: Mapping[str, Kind] = _table()
FAMILIES: frozenset[str] = frozenset(kind.family for kind in KINDS.values())
PERSONAL: frozenset[str] = frozenset(k.name for k in KINDS.values() if k.family != "secret")
SECRETS: frozenset[str] = frozenset(KINDS) - PERSONAL


def expand(names: Iterable[str]) -> frozenset[str]:
    """Return the kinds named by kinds and families together; raise `UserError` for unknown ones."""
    chosen: set[str] = set()
    problems = []
    for name in names:
        if name in KINDS:
            chosen.add(name)
        elif name in FAMILIES:
            chosen.update(kind.name for kind in KINDS.values() if kind.family == name)
        else:
            known = ", ".join([*sorted(FAMILIES), *sorted(KINDS)])
            problems.append(
                Problem(
                    "kinds", f"{name!r} is not a kind of personal data or secret", f"use: {known}"
                )
            )
    if problems:
        raise UserError(problems)
    return frozenset(chosen)
