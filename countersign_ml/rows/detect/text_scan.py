"""The scan: the prefilter selects families, their detectors find, overlaps are resolved."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.rows.detect import triggers
from countersign_ml.rows.detect.contact import emails
from countersign_ml.rows.detect.finance import cards, ibans
from countersign_ml.rows.detect.finding_kinds import KINDS, PERSONAL, SECRETS
from countersign_ml.rows.detect.fold import fold
from countersign_ml.rows.detect.hit import Candidate, Detector, Hit, Text, settle
from countersign_ml.rows.detect.national import nationals
from countersign_ml.rows.detect.network import addresses
from countersign_ml.rows.detect.person_names import NameList
from countersign_ml.rows.detect.phone import phones
from countersign_ml.rows.detect.pseudonym_forms import without_pseudonyms
from countersign_ml.rows.detect.secrets_assigned import assigned
from countersign_ml.rows.detect.secrets_blocks import private_keys
from countersign_ml.rows.detect.secrets_keys import keys

_NATIONAL = frozenset(kind.name for kind in KINDS.values() if kind.family == "national_id")

_DETECTORS: tuple[tuple[Detector, frozenset[int], frozenset[str]], ...] = (
    (private_keys, frozenset({triggers.KEY}), frozenset({"private_key"})),
    (keys, frozenset({triggers.KEY}), SECRETS),
    (assigned, frozenset({triggers.ASSIGNED}), SECRETS),
    (ibans, frozenset({triggers.NUMBER, triggers.LETTERED}), frozenset({"iban"})),
    (nationals, frozenset({triggers.NUMBER, triggers.LETTERED}), _NATIONAL),
    (cards, frozenset({triggers.NUMBER}), frozenset({"card"})),
    (emails, frozenset({triggers.EMAIL}), frozenset({"email"})),
    (addresses, frozenset({triggers.ADDRESS}), frozenset({"ip"})),
    (phones, frozenset({triggers.NUMBER}), frozenset({"phone"})),
)
"""Each detector, the triggers that start it, and the kinds that it can find."""

ALL: frozenset[str] = PERSONAL | SECRETS


def scan(
    text: str, kinds: frozenset[str] | None = None, names: NameList | None = None
) -> tuple[Hit, ...]:
    """Return the confirmed hits in a text, in order, without overlap; offsets in characters.

    `kinds` limits the search (default: all). `person` is found only from `names`.
    """
    wanted = ALL if kinds is None else kinds
    found = triggers.triggered(text)
    if not found and names is None:
        return ()
    view = Text(text, fold(text))
    candidates = [one for one in _candidates(view, wanted, set(found)) if one.hit.kind in wanted]
    if names is not None and "person" in wanted:
        candidates += names.find(view)
    if candidates:
        candidates = without_pseudonyms(text, candidates)
    return settle(candidates, len(text))


def scan_field(
    field: str, text: str, kinds: frozenset[str] | None = None, names: NameList | None = None
) -> tuple[Hit, ...]:
    """Return the hits in a field's text, with the field's name as the word before it.

    In `{"ssn": "536904399"}` only the key shows what the digits are. Offsets are those of the text.
    """
    lead = f"{field}: "
    return tuple(
        Hit(hit.kind, hit.start - len(lead), hit.end - len(lead))
        for hit in scan(lead + text, kinds, names)
        if hit.start >= len(lead)
    )


def _candidates(view: Text, wanted: frozenset[str], found: set[int]) -> Iterator[Candidate]:
    for detector, waits_for, finds in _DETECTORS:
        if not waits_for.isdisjoint(found) and not finds.isdisjoint(wanted):
            yield from detector(view)
