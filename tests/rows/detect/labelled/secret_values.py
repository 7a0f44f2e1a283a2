"""Secrets as their issuers make them: random bytes in the published format, sums included."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
URLSAFE = BASE62 + "-_"


def pick(draw: random.Random, alphabet: str, size: int) -> str:
    return "".join(draw.choices(alphabet, k=size))


def with_crc(draw: random.Random, prefix: str) -> str:
    body = pick(draw, BASE62, 30)
    number, digits = zlib.crc32(body.encode("ascii")), []
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return prefix + body + "".join(reversed(digits))


def jwt(draw: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    header = draw.choice(
        [
            {"alg": "HS256", "typ": "JWT"},
            {"alg": "RS256", "kid": "k1"},
            {"typ": "JWT", "alg": "ES256"},
        ]
    )
    claims = {"sub": str(draw.randrange(10**9)), "iat": draw.randrange(10**9), "name": "A. B."}
    signature = base64.urlsafe_b64encode(draw.randbytes(draw.choice([32, 64, 256]))).rstrip(b"=")
    return f"{part(header)}.{part(claims)}.{signature.decode()}"


def pem(draw: random.Random) -> str:
    makers: list[Callable[[], Key]] = [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 1024),
    ]
    key = draw.choice(makers)()
    form = draw.choice([serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH])
    text = key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()
    return text.strip() if draw.random() < 0.7 else text.strip().replace("\n", "\\n")


def _anthropic(draw: random.Random) -> str:
    return "sk-ant-api03-" + pick(draw, URLSAFE, 93) + "AA"


def _openai(draw: random.Random) -> str:
    if draw.random() < 0.5:
        return f"sk-{pick(draw, BASE62, 20)}T3BlbkFJ{pick(draw, BASE62, 20)}"
    return f"sk-proj-{pick(draw, URLSAFE, 74)}T3BlbkFJ{pick(draw, URLSAFE, 73)}A"


def _slack(draw: random.Random) -> str:
    def number() -> str:
        return pick(draw, string.digits, 12)

    return draw.choice(
        [
            f"xoxb-{number()}-{number()}-{pick(draw, BASE62, 24)}",
            f"xoxp-{number()}-{number()}-{number()}-{pick(draw, '0123456789abcdef', 32)}",
        ]
    )


FORMATS: dict[str, Callable[[random.Random], str]] = {
    "aws_access_key": lambda draw: (
        draw.choice(["AKIA", "ASIA"]) + pick(draw, string.ascii_uppercase + "234567", 16)
    ),
    "gcp_api_key": lambda draw: "AIza" + pick(draw, BASE62, 34) + pick(draw, BASE62, 1),
    "gcp_oauth": lambda draw: "GOCSPX-" + pick(draw, BASE62, 28),
    "github_token": lambda draw: with_crc(
        draw, draw.choice(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"])
    ),
    "github_pat": lambda draw: f"github_pat_{pick(draw, BASE62, 22)}_{pick(draw, BASE62, 59)}",
    "npm_token": lambda draw: with_crc(draw, "npm_"),
    "gitlab_token": lambda draw: "glpat-" + pick(draw, BASE62 + "_", 19) + pick(draw, BASE62, 1),
    "slack_token": _slack,
    "slack_webhook": lambda draw: (
        "hooks.slack.com/services/T"
        + f"{pick(draw, string.ascii_uppercase + string.digits, 8)}/B"
        + f"{pick(draw, string.ascii_uppercase + string.digits, 10)}/{pick(draw, BASE62, 24)}"
    ),
    "stripe_key": lambda draw: (
        draw.choice(["sk_live_", "sk_test_", "rk_live_"])
        + pick(draw, BASE62, draw.choice([24, 99]))
    ),
    "anthropic_key": _anthropic,
    "openai_key": _openai,
    "huggingface_token": lambda draw: "hf_" + pick(draw, string.ascii_letters, 34),
    "sendgrid_key": lambda draw: (
        f"SG.{pick(draw, URLSAFE, 22)}.{pick(draw, URLSAFE, 42)}" + pick(draw, BASE62, 1)
    ),
    "pypi_token": lambda draw: "pypi-AgEIcHlwaS5vcmc" + pick(draw, URLSAFE, 140) + "A",
    "digitalocean_token": lambda draw: "dop_v1_" + pick(draw, "0123456789abcdef", 64),
    "shopify_token": lambda draw: "shpat_" + pick(draw, "0123456789abcdef", 32),
    "databricks_token": lambda draw: "dapi" + pick(draw, "0123456789abcdef", 32),
    "telegram_token": lambda draw: f"{draw.randrange(10**8, 10**10)}:AA{pick(draw, BASE62, 33)}",
    "mailgun_key": lambda draw: "key-" + pick(draw, "0123456789abcdef", 32),
    "azure_storage_key": lambda draw: "AccountKey=" + base64.b64encode(draw.randbytes(64)).decode(),
    "jwt": jwt,
    "private_key": pem,
}

ASSIGNED: dict[str, Callable[[random.Random], str]] = {
    "password": lambda draw: pick(draw, BASE62, 9) + draw.choice("!$%&*+#") + draw.choice("2345"),
    "api_key": lambda draw: pick(
        draw, draw.choice([BASE62, "0123456789abcdef"]), draw.choice([32, 48])
    ),
    "aws_secret_key": lambda draw: pick(draw, BASE62 + "+/", 40),
}

ASSIGNMENTS = {
    "password": (
        "password: {}",
        'DB_PASSWORD="{}"',
        "Das Passwort lautet: {}",
        "pwd={}",
        '"passwd": "{}"',
        "contraseña: {}",
        "mot de passe : {}",
        "PASSWORD = '{}'",
        "пароль: {}",
    ),
    "api_key": (
        "api_key={}",
        '"apiKey": "{}"',
        "X-Api-Key: {}",
        "export AUTH_TOKEN={}",
        "client_secret: '{}'",
        "Authorization: Bearer {}",
        "my token is {}",
        'SECRET_KEY = "{}"',
    ),
    "aws_secret_key": (
        "aws_secret_access_key = {}",
        "AWS_SECRET_ACCESS_KEY={}",
        '"SecretAccessKey": "{}"',
    ),
}
