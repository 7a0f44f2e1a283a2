"""What is found, what is not, and the laws that hold for any text."""

from __future__ import annotations

import random
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.detect import (
    KINDS,
    SECRETS,
    NameList,
    expand,
    may_hold,
    scan,
    scan_field,
)
from countersign_ml.rows.detect.fold import fold
from countersign_ml.rows.detect.national import is_number
from countersign_ml.rows.detect.national_table import NUMBERS, National
from countersign_ml.rows.detect.secrets_keys import has_crc32
from policy.errors import UserError
from tests.rows.detect.labelled.values import shuffled_like


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.kind, text[hit.start : hit.end]) for hit in scan(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("联系zhang@example.com谢谢", [("email", "zhang@example.com")]),
        ("contact=ada@example.org&x=1", [("email", "ada@example.org")]),
        ("call +1 650 253 0000 10 times", [("phone", "+1 650 253 0000")]),
        ("هاتف: +٩٧١ ٥٠ ١٢٣ ٤٥٦٧", [("phone", "+٩٧١ ٥٠ ١٢٣ ٤٥٦٧")]),
        ("pay GB82 WEST 1234 5698 7654 32 NOW", [("iban", "GB82 WEST 1234 5698 7654 32")]),
        ("card 4111 1111 1111 1111 123", [("card", "4111 1111 1111 1111")]),
        ("number ４１１１１１１１１１１１１１１１", [("card", "４１１１１１１１１１１１１１１１")]),
        ("from 8.8.8.8.", [("ip", "8.8.8.8")]),
        ("see 2606:4700:4700::1111, ok", [("ip", "2606:4700:4700::1111")]),
        ("CPF 529.982.247-25", [("br_cpf", "529.982.247-25")]),
        ("postgres://bob:s3cr3tPw@db.example.com/x", [("url_password", "s3cr3tPw")]),
        ("x" * 5000 + " ada@example.org", [("email", "ada@example.org")]),
    ],
)
def test_a_true_value_is_found_where_it_stands(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "git clone git@github.com:ada/engine.git",
        "logo@2x.png and @me@mastodon.social",
        "550e8400-e29b-41d4-a716-446655440000",
        "GB83 WEST 1234 5698 7654 32",
        "4111 1111 1111 1112",
        "order 650-253-0000 on 2024-05-12 10:20:30",
        "version 1.2.3.4, std::dec, 12:30:45",
        "192.168.1.1 127.0.0.1 203.0.113.9 fe80::1",
        "PESEL: 44051401358",
        "44051401359 apples",
        "password: changeme, token=$TOKEN, api_key: YOUR_API_KEY",
        "ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    ],
)
def test_a_look_alike_is_not_found(text: str) -> None:
    assert found(text) == []


def test_the_published_github_token_carries_its_checksum() -> None:
    assert has_crc32("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")
    assert not has_crc32("ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkK0mLq17")


def test_a_fields_name_says_what_its_digits_are() -> None:
    assert scan("536904399") == ()
    assert [tuple(hit) for hit in scan_field("ssn", "536904399")] == [("us_ssn", 0, 9)]


def test_names_are_found_from_a_list_only() -> None:
    text = "Ada  Lovelace met O’Brien, ada lovelace and Adamant."
    names = NameList(["Ada Lovelace", "O’Brien"])
    assert scan(text) == ()
    assert [text[hit.start : hit.end] for hit in scan(text, names=names)] == [
        "Ada  Lovelace",
        "O’Brien",
        "ada lovelace",
    ]


def test_only_the_kinds_asked_for_are_found() -> None:
    text = "ada@example.org 4111111111111111"
    assert [hit.kind for hit in scan(text, expand(["finance"]))] == ["card"]
    assert scan(text, SECRETS) == ()


def test_an_unknown_kind_is_named_with_what_may_be_used() -> None:
    with pytest.raises(UserError, match="'emial' is not a kind"):
        expand(["email", "emial"])


@pytest.mark.parametrize("number", [one for one in NUMBERS if one.alone and one.checked])
def test_a_layout_that_stands_alone_lets_few_random_strings_pass(number: National) -> None:
    """The claim of the table: below 3 %, so a stray look-alike is rare."""
    example = {
        "be_nn": "85.07.30-033.28",
        "br_cpf": "390.533.447-05",
        "ch_ahv": "756.9217.0769.85",
        "cn_ric": "360426199101010071",
        "cz_rc": "710319/2745",
        "fi_hetu": "131052-308T",
        "fr_nir": "295109912611193",
        "it_cf": "RCCMNL83S18D969H",
        "kr_rrn": "971013-9019902",
        "mx_curp": "BOXW310820HNERXN09",
        "no_fnr": "15108695088",
        "se_pnr": "880320-0016",
    }[number.kind]
    draw = random.Random(number.kind)
    drawn = [shuffled_like(draw, example) for _ in range(4000)]
    passed = [one for one in drawn if re.fullmatch(number.alone, one) and is_number(number, one)]
    assert len(passed) < 0.03 * len(drawn)


def test_a_number_over_which_its_validator_stumbles_is_none() -> None:
    assert found("身份证 630024011601027244") == []


ODD = st.text(
    st.one_of(
        st.sampled_from(
            "0123456789 .-@:/+()ABCDEFabcdef\x00\ud800\udfff\u0301\u200b٣４　é字\n\\\"'=_"
        ),
        st.characters(),
    ),
    max_size=400,
)


@given(ODD)
@settings(max_examples=400, deadline=None)
def test_any_text_gives_ordered_hits_inside_it(text: str) -> None:
    hits = scan(text)
    assert hits == scan(text)
    at = 0
    for hit in hits:
        assert at <= hit.start < hit.end <= len(text)
        assert hit.kind in KINDS
        at = hit.end
    assert len(fold(text)) == len(text)
    assert may_hold(text) or not hits


PIECES = st.sampled_from(
    [
        "ada@example.org",
        "4111 1111 1111 1111",
        "+49 30 901820",
        "GB82WEST12345698765432",
        "8.8.8.8",
        "password: x9$Kp2!vQ7",
        "ssn 536-90-4399",
        "\ud800",
        "\x00",
        "é",
        "1",
        "-",
        ".",
        "@",
        " ",
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_values_run_together_give_ordered_hits(text: str) -> None:
    ends = [0, *(hit.end for hit in scan(text))]
    assert all(hit.start >= end for hit, end in zip(scan(text), ends, strict=False))


HARD = {
    "digits": "1",
    "groups": "1 ",
    "groups of four": "4111 ",
    "hyphens": "12-",
    "letters": "a",
    "upper": "AB12",
    "at": "a@",
    "ats": "@",
    "address": "a.",
    "colons": "1:",
    "dots": "1.2.",
    "begin": "-----BEGIN PRIVATE KEY-----",
    "jwt": "eyJhbGciOi.",
    "url": "https://a:",
    "secret": "password=",
    "bearer": "bearer ",
    "quote": 'token: "',
    "key": "sk-",
    "iban": "GB82",
    "plus": "+",
    "parens": "(",
    "phones": "+49 30 901820 ",
    "words": "ssn ",
    "marks": "e\u0301",
    "surrogates": "\ud800",
    "han": "字1",
}


@pytest.mark.parametrize("name", HARD)
def test_time_is_linear_in_a_long_line(name: str) -> None:
    """Eight times the text may take sixteen times the time at most; a square would take 64."""

    def seconds(size: int) -> float:
        text = (HARD[name] * size)[:size]
        best = float("inf")
        for _ in range(2):
            begin = time.process_time()
            scan(text)
            best = min(best, time.process_time() - begin)
        return best

    scan(HARD[name] * 100)
    assert seconds(128_000) < 16 * max(seconds(16_000), 0.002)


def test_a_line_of_a_megabyte_is_scanned_within_seconds() -> None:
    draw = random.Random(5)
    text = "".join(draw.choices(string.printable, k=1_000_000)) + " ada@example.org"
    begin = time.process_time()
    assert scan(text)[-1].kind == "email"
    assert time.process_time() - begin < 10
