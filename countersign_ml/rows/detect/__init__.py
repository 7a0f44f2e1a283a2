"""Personal data and secrets in text: found by shape, confirmed by their own rules.

`may_hold` is the hot path, `scan` gives the answer. Check digits, checksums, numbering plans and
nearby words confirm that a hit is real and not a look-alike. A hit never contains the value.
"""

from __future__ import annotations

from countersign_ml.rows.detect.finding_kinds import (
    FAMILIES,
    KINDS,
    PERSONAL,
    SECRETS,
    Kind,
    expand,
)
from countersign_ml.rows.detect.hit import Hit
from countersign_ml.rows.detect.person_names import NameList
from countersign_ml.rows.detect.text_scan import scan, scan_field
from countersign_ml.rows.detect.triggers import may_hold

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
    "scan",
    "scan_field",
]
