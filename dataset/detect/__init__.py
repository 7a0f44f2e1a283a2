"""Personal data and secrets in text: found by shape, confirmed by their own rules.

`may_hold` is the hot path, `scan` the answer. A hit is a real number, not a look-alike: check
digits, checksums, numbering plans and the words beside it decide. No hit carries its value.
"""

from __future__ import annotations

from dataset.detect.hit import Hit
from dataset.detect.kinds import FAMILIES, KINDS, PERSONAL, SECRETS, Kind, expand
from dataset.detect.names import NameList
from dataset.detect.scan import scan, scan_field
from dataset.detect.triggers import may_hold, may_hold_each

__all__ = [
    "FAMILIES",
    "KINDS",
    "PERSONAL",
    "SECRETS",
    "Hit",
    "Kind",
    "NameList",
    "expand",
    "may_hold",
    "may_hold_each",
    "scan",
    "scan_field",
]
