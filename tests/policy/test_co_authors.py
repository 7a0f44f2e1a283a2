"""Whom the addresses in commits name: of GitHub's own servers only, and by the number if any."""

from __future__ import annotations

import pytest

from policy.people.co_authors import Noreply, named_among, noreply, trailers


def test_every_trailer_is_read_in_order_and_in_any_case() -> None:
    text = "Rows\n\nCo-authored-by: A B <a@x.example>\nCO-AUTHORED-BY: C < c@x.example >\nnot one\n"
    assert trailers(text) == (("A B", "a@x.example"), ("C", "c@x.example"))


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("7+grace@users.noreply.github.com", Noreply("grace", 7)),
        ("GRACE@users.noreply.GitHub.com", Noreply("GRACE")),
        ("7+tool[bot]@users.noreply.github.com", Noreply("tool[bot]", 7)),
        ("7+grace_corp@users.noreply.github.com", Noreply("grace_corp", 7)),
        ("grace@users.noreply.evil.example", None),
        ("grace@users.noreply.github.com.evil.example", None),
        ("grace@users-noreply.github.com", None),
        ("grace@github.com", None),
        ("x7+grace@users.noreply.github.com", None),
    ],
)
def test_only_githubs_own_noreply_addresses_name_an_account(
    address: str, named: Noreply | None
) -> None:
    assert noreply(address) == named


def test_the_own_server_names_accounts_too() -> None:
    assert noreply("grace@users.noreply.git.corp.example") is None
    hosts = {"github.com", "git.corp.example"}
    assert noreply("grace@users.noreply.git.corp.example", hosts) == Noreply("grace")


@pytest.mark.parametrize(
    ("shown", "account", "named"),
    [
        (Noreply("grace", 7), 7, True),
        (Noreply("grace", 8), 7, False),
        (Noreply("former-name", 7), 7, True),
        (Noreply("GRACE"), 7, True),
        (Noreply("grace", 7), 0, True),
        (Noreply("omar"), 7, False),
    ],
)
def test_the_number_decides_whom_an_address_names(
    shown: Noreply, account: int, named: bool
) -> None:
    assert named_among([shown], {"grace": account}) == ({"grace"} if named else set())
