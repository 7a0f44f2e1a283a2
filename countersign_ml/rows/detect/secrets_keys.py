"""Keys and tokens in formats of their issuers; GitHub's and npm's also have a checksum."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from countersign_ml.rows.detect.entropy import is_drawn
from countersign_ml.rows.detect.hit import Candidate, Hit, Text
from countersign_ml.rows.detect.third_party import PatternSet, utf8

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def has_crc32(token: str) -> bool:
    """Return whether the last six characters are the base-62 CRC-32 of those after the prefix.

    GitHub's format since 2021, also used by npm: prefix, underscore, thirty random characters.
    """
    body = token.partition("_")[2]
    rest, digits = zlib.crc32(body[:-6].encode()), ""
    while rest:
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0") == body[-6:]


def is_jwt(token: str) -> bool:
    """Return whether the token's header is JSON that names an algorithm."""
    header = token.partition(".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(decoded, dict) and isinstance(decoded.get("alg"), str)


def _random_tail(token: str) -> bool:
    return is_drawn(re.split(r"[_.:/-]", token)[-1])


def _random(token: str) -> bool:
    return is_drawn(token.partition("-")[2] or token)


def _any(_: str) -> bool:
    return True


def _has_password(url: str) -> bool:
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return len(password) >= 4 and not re.fullmatch(
        r"[*x.]+|\$.*|[<{\[].*[>}\]]|%s|(?i:your[_-]?)?(?i:password|pass|passwd|pwd|secret|token)",
        password,
    )


class Format(NamedTuple):
    """One issuer's format; a group named `secret` limits the hit to the secret part."""

    kind: str
    pattern: str
    confirm: Callable[[str], bool] = _any


FORMATS: tuple[Format, ...] = (
    Format("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    Format("gcp_api_key", r"AIza[0-9A-Za-z_-]{35}", _random),
    Format("gcp_oauth", r"GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{40,400}"),
    Format(
        "gcp_service_account", r'private_key_id\\?["\']?\s{0,3}[:=]\s{0,3}\\?["\']?[0-9a-f]{40}'
    ),
    Format("github_token", r"gh[pousr]_[0-9A-Za-z]{36}", has_crc32),
    Format("github_pat", r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}", _random_tail),
    Format("npm_token", r"npm_[0-9A-Za-z]{36}", has_crc32),
    Format(
        "gitlab_token",
        r"gl(?:pat|rt|dt|ptt|ft|soat|imt|agent|cbt|oas)-[0-9A-Za-z_.-]{20,120}",
        _random,
    ),
    Format(
        "slack_token",
        r"xox[abeoprs]-[0-9A-Za-z-]{20,250}|xapp-[0-9]-[0-9A-Za-z-]{20,250}",
        _random_tail,
    ),
    Format(
        "slack_webhook",
        r"hooks\.slack\.com/(?:services|workflows)/T[0-9A-Z]{6,12}/[AB][0-9A-Z]{6,14}"
        r"(?:/[0-9]{10,20})?/[0-9A-Za-z]{20,30}",
        _random_tail,
    ),
    Format(
        "stripe_key",
        r"(?:[sr]k_(?:live|test)_[0-9A-Za-z]{16,250}|whsec_[0-9A-Za-z+/=]{32,64})",
        _random_tail,
    ),
    Format("anthropic_key", r"sk-ant-[a-z]{3,6}[0-9]{2}-[0-9A-Za-z_-]{80,120}"),
    Format(
        "openai_key",
        r"sk-(?:proj-|svcacct-|admin-)?[0-9A-Za-z_-]{20,100}T3BlbkFJ[0-9A-Za-z_-]{20,100}",
    ),
    Format("huggingface_token", r"hf_[A-Za-z0-9]{34}", _random_tail),
    Format("sendgrid_key", r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    Format("pypi_token", r"pypi-AgE[0-9A-Za-z_-]{50,300}"),
    Format("digitalocean_token", r"do[opr]_v1_[0-9a-f]{64}"),
    Format("shopify_token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Format("databricks_token", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    Format("telegram_token", r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}"),
    Format("mailgun_key", r"key-[0-9a-f]{32}"),
    Format("azure_storage_key", r"AccountKey=[0-9A-Za-z+/]{86}=="),
    Format(
        "jwt",
        r"eyJ[0-9A-Za-z_-]{10,1000}\.eyJ[0-9A-Za-z_-]{8,1000}[0-9A-Za-z_-]{0,1000}"
        r"\.[0-9A-Za-z_-]{20,700}",
        is_jwt,
    ),
    Format(
        "url_password",
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>]{1,200})@"
        r"[A-Za-z0-9\[]",
        _has_password,
    ),
)


def _end(form: Format) -> str:
    return "" if "?P<secret>" in form.pattern else "(?![A-Za-z0-9_])"


@cache
def _compiled() -> tuple[PatternSet, tuple[re.Pattern[str], ...]]:
    bounded = tuple(
        re.compile(rf"(?<![A-Za-z0-9_-])(?:{one.pattern}){_end(one)}", re.ASCII) for one in FORMATS
    )
    return PatternSet(one.pattern for one in FORMATS), bounded


def keys(text: Text) -> Iterator[Candidate]:
    """Yield each key or token in its issuer's format."""
    patterns, bounded = _compiled()
    for index in patterns.matching(utf8(text.plain)):
        form = FORMATS[index]
        for match in bounded[index].finditer(text.plain):
            if form.confirm(match.group()):
                rank = 8 if form.kind == "url_password" else 4
                group = "secret" if "secret" in match.groupdict() else 0
                yield Candidate(rank, Hit(form.kind, *match.span(group)))
