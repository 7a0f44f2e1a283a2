"""What the proposal digest covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.canonical import git_blob_sha
from policy.errors import UserError
from policy.facts.proposal import propose, run_key

blobs = st.dictionaries(
    st.text(min_size=1, max_size=8), st.text("0123456789abcdef", min_size=40, max_size=40)
)


@given(blobs, st.randoms())
def test_the_order_of_the_files_does_not_matter(files: dict[str, str], random: object) -> None:
    pairs = list(files.items())
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    assert propose("m", pairs, "b", None) == propose("m", shuffled, "b", None)


def test_the_pointer_is_not_an_input() -> None:
    one = propose("m", [("recipe.yml", "1" * 40)], "b", None)
    other = propose("m", [("recipe.yml", "1" * 40), ("pointer.json", "2" * 40)], "b", None)
    assert one.digest == other.digest


def test_everything_else_changes_it() -> None:
    inputs = [("recipe.yml", "1" * 40)]
    digests = {
        propose("m", inputs, "b", None).digest,
        propose("n", inputs, "b", None).digest,
        propose("m", [("recipe.yml", "2" * 40)], "b", None).digest,
        propose("m", [("other.yml", "1" * 40)], "b", None).digest,
        propose("m", inputs, "c", None).digest,
        propose("m", inputs, "b", "1" * 40).digest,
        propose("m", inputs, "b", None, runner_version="9").digest,
    }
    assert len(digests) == 7


def test_a_file_name_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        propose("m", [("data/a\udcff.jsonl", "1" * 40)], "b", None)


def test_a_run_is_named_by_proposal_and_incumbent() -> None:
    assert run_key("a", None) != run_key("a", "b") != run_key("b", "a")


def test_blob_ids_are_gits() -> None:
    # `printf hello | git hash-object --stdin`
    assert git_blob_sha(b"hello") == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
