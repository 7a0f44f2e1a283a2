"""The hot path: one RE2 pass over a row's bytes shows whether anything could be found at all.

The patterns are few, loose and cheap, so that the automaton stays small. The family of a pattern
that matches checks the text closely; a clean row costs only this pass.
"""

from __future__ import annotations

from functools import cache

from countersign_ml.rows.detect.third_party import PatternSet, utf8

EMAIL, NUMBER, LETTERED, ADDRESS, KEY, ASSIGNED = range(6)

_GAP = r"[ .\-/()\t\p{Zs}\p{Pd}\x{2212}]{0,3}"

KEY_PREFIXES = (
    r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]",
    r"AIza",
    r"ya29\.",
    r"GOCSPX-",
    r"gh[pousr]_",
    r"github_pat_",
    r"npm_",
    r"gl[a-z]{2,6}-",
    r"xox[a-z]",
    r"xapp-",
    r"hooks\.slack\.com",
    r"[sr]k_(?:live|test)_",
    r"whsec_",
    r"sk-",
    r"hf_",
    r"SG\.",
    r"pypi-AgE",
    r"do[opr]_v1_",
    r"shp(?:at|ca|pa|ss)_",
    r"dapi[0-9a-f]",
    r"AccountKey=",
    r"[0-9]{8,10}:AA",
    r"key-[0-9a-f]",
    r"eyJ",
    r"PRIVATE KEY",
    r"private_key_id",
    r"://[^\s/@]{1,200}:[^\s/@]{1,200}@",
)

NAMES_OF_SECRETS = (
    "passw(?:or)?d|passphrase|passwort|kennwort|contraseña|mot de passe|senha|пароль|pwd|secret"
    "|token|api[_ -]?key|apikey|access[_ -]?key|auth[_ -]?key|private[_ -]?key|encryption[_ -]?key"
    "|signing[_ -]?key|client[_ -]?key|credentials?|bearer"
)

_PATTERNS = {
    EMAIL: r"[^\s@＠][@＠][^\s@＠]",
    NUMBER: rf"\p{{Nd}}(?:{_GAP}\p{{Nd}}){{6}}",
    LETTERED: (
        r"[A-Z]{5}[0-9]{4}[A-Z]"
        r"|(?i:[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z])"
        r"|(?i:[A-Z]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D])"
        r"|[0-9]{6}[-+A-FU-Y][0-9]{3}"
        r"|[A-Za-z]{2}\p{Nd}{2}[  -]?[A-Za-z0-9]{4}[  -]?[A-Za-z0-9]{4}"
    ),
    ADDRESS: (
        r"\p{Nd}{1,3}\.\p{Nd}{1,3}\.\p{Nd}{1,3}\.\p{Nd}"
        r"|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]"
    ),
    KEY: "|".join(KEY_PREFIXES),
    ASSIGNED: (
        rf"(?i)(?:{NAMES_OF_SECRETS})[a-z0-9_]{{0,24}}\\{{0,2}}[\"'`]?\]?\s{{0,3}}"
        r"(?:[:=]|：|\s(?:is|ist|es|est|lautet|è|é)[\s:])"
        r"|(?i)bearer\s{1,3}[A-Za-z0-9._~+/=-]{16}"
    ),
}


@cache
def _triggers() -> PatternSet:
    return PatternSet(_PATTERNS[index] for index in range(len(_PATTERNS)))


def patterns() -> tuple[str, ...]:
    """Return the loose patterns; every text with a hit of `scan` matches at least one."""
    return tuple(_PATTERNS.values())


def triggered(text: bytes | str) -> list[int]:
    """Return which families could find something, ascending; empty for a clean row."""
    return _triggers().matching(text if isinstance(text, bytes) else utf8(text))


def may_hold(text: bytes | str) -> bool:
    """Return whether `scan` could find anything; False is certain, after True `scan` must check.

    Bytes are UTF-8 text. In a raw JSON line, characters may be written as escapes: decode the
    strings first, or check every line with a backslash before a u.
    """
    return _triggers().any(text if isinstance(text, bytes) else utf8(text))
