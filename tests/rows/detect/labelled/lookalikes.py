"""What only looks like personal data or a secret, in the sentences where people meet it."""

from __future__ import annotations

import base64
import random
import string
import uuid
from collections.abc import Callable, Iterator

from stdnum import ean, isbn, luhn

from tests.rows.detect.labelled import values


def _digits(draw: random.Random, size: int) -> str:
    return str(draw.randrange(1, 10)) + "".join(draw.choices(string.digits, k=size - 1))


def _hex(draw: random.Random, size: int) -> str:
    return "".join(draw.choices("0123456789abcdef", k=size))


def _isbn(draw: random.Random) -> str:
    body = "978" + _digits(draw, 9)
    number = body + ean.calc_check_digit(body)
    return draw.choice([number, isbn.format(number)])


def _ean(draw: random.Random) -> str:
    body = draw.choice(["40", "50", "30", "87", "73"]) + _digits(draw, 10)
    return body + ean.calc_check_digit(body)


def _false_card(draw: random.Random) -> str:
    while True:
        number = draw.choice(["4", "51", "37", "6011"])
        number += _digits(draw, (15 if number == "37" else 16) - len(number))
        if not luhn.is_valid(number):
            return (
                number
                if draw.random() < 0.5
                else " ".join(number[at : at + 4] for at in range(0, len(number), 4))
            )


def _false_iban(draw: random.Random) -> str:
    compact = values.iban(draw).replace(" ", "").replace("-", "").upper()
    wrong = (int(compact[2:4]) + draw.randrange(1, 96)) % 97 + 1
    value = f"{compact[:2]}{wrong:02}{compact[4:]}"
    if values.is_true("iban", value):
        return _false_iban(draw)
    return value


def _date(draw: random.Random) -> str:
    made = values.faker("en_US").date_time()
    return made.strftime(
        draw.choice(
            [
                "%Y-%m-%d %H:%M:%S",
                "%d.%m.%Y",
                "%Y%m%d%H%M%S",
                "%d/%m/%Y %H:%M",
                "%Y-%m-%dT%H:%M:%SZ",
            ]
        )
    )


def _order(draw: random.Random) -> str:
    return draw.choice(
        [
            _digits(draw, draw.randrange(7, 13)),
            f"{_digits(draw, 3)}-{_digits(draw, 7)}-{_digits(draw, 7)}",
            f"{draw.choice('ABCDEFGH')}{draw.choice('RSTUV')}-{_digits(draw, 8)}",
            f"{_digits(draw, 3)}-{_digits(draw, 3)}-{_digits(draw, 4)}",
            f"INV-{_digits(draw, 4)}-{_digits(draw, 6)}",
            f"{_digits(draw, 3)} {_digits(draw, 3)} {_digits(draw, 3)}",
        ]
    )


_WORDS = [
    "amber",
    "basket",
    "copper",
    "dolphin",
    "ember",
    "forest",
    "garnet",
    "harbour",
    "island",
    "jasmine",
]

LOOKALIKES: dict[str, tuple[tuple[str, ...], Callable[[random.Random], str]]] = {
    "order": (
        (
            "Order {} has shipped.",
            "Where is my order {}?",
            "Rechnung Nr. {} ist offen.",
            "Su pedido {} está en camino.",
            "La commande {} est arrivée.",
            "Ticket {} is closed",
            '{{"order_id": "{}"}}',
            "L'ordine {} è in ritardo.",
            "订单号 {} 已发货",
            "invoice: {}",
        ),
        _order,
    ),
    "hash": (
        ("md5 {}", "checksum: {}", "The file's digest is {}."),
        lambda d: _hex(d, d.choice([32, 64])),
    ),
    "git": (
        ("Fixed in {}", "commit {} broke the build", "git checkout {}"),
        lambda d: _hex(d, d.choice([7, 12, 40])),
    ),
    "uuid": (
        ("id={}", "Request {} timed out", '{{"trace": "{}"}}'),
        lambda d: str(uuid.UUID(int=d.getrandbits(128))),
    ),
    "version": (
        (
            "Upgrade to version {}",
            "I run v{} here",
            "pip install thing=={}",
            "firmware {}",
            "Version {} behebt das.",
        ),
        lambda d: ".".join(str(d.randrange(30)) for _ in range(d.choice([3, 4, 4]))),
    ),
    "section": (
        ("See section {} of the manual", "Kapitel {} beschreibt das"),
        lambda d: ".".join(str(d.randrange(1, 9)) for _ in range(4)),
    ),
    "isbn": (("ISBN {}", "The book ({}) is out of print", "isbn: {}"), _isbn),
    "ean": (("EAN {}", "Barcode {} does not scan", "GTIN: {}"), _ean),
    "date": (
        ("It happened at {}", "Datum: {}", "log {} INFO started", '{{"created": "{}"}}'),
        _date,
    ),
    "timestamp": (
        ("ts={}", "epoch {} ms"),
        lambda d: str(d.randrange(1_600_000_000_000, 1_800_000_000_000)),
    ),
    "coordinates": (
        ("We are at {}", "GPS: {}"),
        lambda d: f"{d.uniform(-90, 90):.6f}, {d.uniform(-180, 180):.7f}",
    ),
    "colour": (("Use {} for the border", "background: {};"), lambda d: "#" + _hex(d, 6)),
    "base64": (
        ("![logo](data:image/png;base64,{})", "image: {}"),
        lambda d: base64.b64encode(
            b"\x89PNG\r\n\x1a\n" + d.randbytes(d.randrange(90, 600))
        ).decode(),
    ),
    "private_ip": (
        ("The router is at {}", "ping {}", "listen on {}:8080"),
        lambda d: d.choice(
            [
                "127.0.0.1",
                "0.0.0.0",
                f"192.168.{d.randrange(255)}.{d.randrange(255)}",
                f"10.0.{d.randrange(255)}.7",
                "fe80::1",
                "203.0.113.9",
            ]
        ),
    ),
    "mac": (("eth0 {}", "MAC {}"), lambda d: ":".join(_hex(d, 2) for _ in range(6))),
    "amount": (
        ("It costs {} EUR", "balance {}"),
        lambda d: f"{d.randrange(10**6, 10**9):,}.{d.randrange(100):02}",
    ),
    "money": (("Summe: {}", "total = {}"), lambda d: f"{d.uniform(0, 9e7):.8f}"),
    "file": (
        ("see {}", "open {}"),
        lambda d: f"{d.choice(_WORDS)}@{d.choice('23')}x.{d.choice(['png', 'jpg', 'webp'])}",
    ),
    "handle": (("follow {}", "ping {} please"), lambda d: "@" + d.choice(_WORDS)),
    "package": (
        ("npm i {}", "needs {}"),
        lambda d: f"{d.choice(_WORDS)}@{d.randrange(9)}.{d.randrange(20)}.{d.randrange(20)}",
    ),
    "git_remote": (
        ("git clone {}",),
        lambda d: f"git@github.com:{d.choice(_WORDS)}/{d.choice(_WORDS)}.git",
    ),
    "false_card": (
        ("My card is {}", "Kartennummer {}", "card number: {}", "tarjeta {}"),
        _false_card,
    ),
    "false_iban": (
        ("IBAN {}", "Bitte auf {} überweisen", "iban: {}", "my account {} please"),
        _false_iban,
    ),
    "placeholder": (
        ("{}",),
        lambda d: d.choice(
            [
                "password=changeme",
                "api_key=YOUR_API_KEY",
                "password: ********",
                "token = os.environ['TOKEN']",
                "secret: ${{ secrets.GITHUB_TOKEN }}",
                "password=<your password>",
                "api_key: xxxxxxxxxxxxxxxx",
                "The password is wrong",
                "password: required",
                "token: string",
                "secret=None",
                "my password is forgotten",
                "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "sk-your-key-here",
                "AKIAXXXXXXXXXXXXXXX",
                "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
                "Authorization: Bearer <token>",
                "https://user:password@host.example",
                "The token expired yesterday",
                "max_tokens: 4096",
            ]
        ),
    ),
    "false_github": (
        ("use {}",),
        lambda d: "ghp_" + "".join(d.choices(string.ascii_letters + string.digits, k=36)),
    ),
    "tensor": (("loss {}", "[{}]"), lambda d: " ".join(f"{d.random():.4f}" for _ in range(8))),
    "prose": (("{}",), lambda d: values.faker(d.choice(values.LOCALES)).text(300)),
}


def lookalikes(draw: random.Random, count: int) -> Iterator[str]:
    """Yield `count` texts of each sort that hold nothing to find."""
    for templates, make in LOOKALIKES.values():
        for _ in range(count):
            yield draw.choice(templates).format(make(draw))
