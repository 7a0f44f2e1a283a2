"""Evidence from the right run that cannot be true, or is no evidence at all."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.github.read.artifact_zip import MAX_EVIDENCE_BYTES
from bot.reconcile import Evaluator
from policy.facts.evidence import ParityFacts
from tests.attacks import forged as f
from tests.bot import builders as a
from tests.bot.world import World
from tests.policy import builders as measured

Json = dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live."""
    with World(tmp_path_factory.mktemp("world")) as found:
        f.shipped(found, "first")
        yield found


def bent(world: World, name: str, bend: Callable[[Json], object]) -> str:
    """The good evidence of these rows with a part of its JSON bent."""
    value: Json = json.loads(f.evidence(world, name).text())
    bend(value)
    return json.dumps(value)


def test_evidence_with_a_key_given_twice_is_refused(world: World) -> None:
    """Which of two figures counts depends on the reader: here neither does."""
    before = world.live()
    text = f.evidence(world, "twice").text()
    doubled = text.replace('"value": 0.9,', '"value": 0.1, "value": 0.9,', 1)
    assert doubled != text
    number = f.proposed(world, "twice", doubled)
    assert f.refused(world, number, before)
    assert "is given twice" in f.told(world, number)


def _candidate(value: Json) -> Json:
    found: Json = value["measurements"][-1]["metrics"][0]
    return found


BENT: dict[str, tuple[Callable[[Json], object], str]] = {
    "a share that is no number": (
        lambda v: _candidate(v).update(value=float("nan")),
        "exact_match",
    ),
    "a share above one": (lambda v: _candidate(v).update(value=7.0), "exact_match"),
    "more successes than rows": (lambda v: _candidate(v).update(successes=10**9), "exact_match"),
    "fewer rows than zero": (lambda v: _candidate(v).update(n=-1), "cannot be read"),
    "a field that nobody knows": (lambda v: v.update(verdict="passed"), "unknown key"),
    "no data gates": (lambda v: v["data"].update(gates=[]), "contract"),
    "a stage that is left out": (lambda v: v["stages"].pop(), "attest"),
    "two candidates": (lambda v: v["measurements"].append(v["measurements"][-1]), "candidate"),
    "a comparison of other figures": (
        lambda v: v["comparisons"][0]["counts"].update(only_second=0, neither=147),
        "exact_match",
    ),
    "an artifact that was not measured": (
        lambda v: v["artifacts"][0].update(digest="sha256:" + "9" * 64),
        "model.gguf",
    ),
    "a version that is no version": (
        lambda v: v["incumbent"].update(version="v1-11111111\n"),
        "live version",
    ),
    "an export that answers otherwise": (
        lambda v: v["parity"].update(equal_answers=0),
        "answers",
    ),
    "a commit that is a path": (lambda v: v.update(commit="../" * 13 + "x"), "cannot be read"),
}


@pytest.mark.parametrize("trick", BENT)
def test_evidence_that_cannot_be_true_or_read_is_refused(world: World, trick: str) -> None:
    """The right run uploads evidence that is good except for one part."""
    before = world.live()
    bend, named = BENT[trick]
    number = f.proposed(world, trick, bent(world, trick, bend))
    assert f.refused(world, number, before)
    assert named in f.told(world, number)


def test_half_a_surrogate_pair_in_the_evidence_is_refused(world: World) -> None:
    """Text that cannot be encoded has no digest either."""
    before = world.live()
    text = bent(world, "half", lambda v: v["producer"].update(device="\ud800"))
    number = f.proposed(world, "half", text)
    assert f.refused(world, number, before)
    assert "cannot be read" in f.told(world, number)


def test_a_nul_and_terminal_escapes_in_the_evidence_reach_no_reader(world: World) -> None:
    """Escapes that clear a terminal or reverse a line, in every sentence that is shown."""
    dirty = "\x00\x1b[2J\x1b]0;owned\x07\u202eevil\u200b"
    stages = [each.model_copy(update={"message": dirty}) for each in measured.evidence().stages]
    text = f.evidence(world, "escapes", stages=tuple(stages)).text()
    number = f.proposed(world, "escapes", text)
    said = f.told(world, number)
    assert not set(said) & set("\x00\x1b\x07\u202e")
    assert world.conclusion(number) == "action_required"


def test_an_export_that_was_hardly_compared_is_refused(world: World) -> None:
    """One answer compared, one equal: 100 %."""
    before = world.live()
    little = ParityFacts(prompts=1, prompts_with_equal_tokens=1, answers=1, equal_answers=1)
    number = f.proposed(world, "one", f.evidence(world, "one", parity=little).text())
    assert f.refused(world, number, before)


@pytest.mark.parametrize("text", ["[" * 200_000, "9" * 10_000])
def test_evidence_that_would_break_a_parser_is_refused(world: World, text: str) -> None:
    """Deeply nested brackets, and a number with ten thousand digits."""
    before, name = world.live(), f"parser {len(text)} {text[:1]}"
    number = f.proposed(world, name, text)
    assert f.refused(world, number, before)
    assert "cannot be read" in f.told(world, number)


def _linked(world: World, name: str) -> bytes:
    link = zipfile.ZipInfo("evidence.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return f.zipped((link, b"/etc/passwd"), ("good.json", _good(world, name)))


def _good(world: World, name: str) -> bytes:
    return f.evidence(world, name).text().encode()


def _understated(world: World, name: str) -> bytes:
    """A zip bomb: its headers state two bytes."""
    size = MAX_EVIDENCE_BYTES + 12_345
    return f.zipped(("evidence.json", b" " * size)).replace(
        size.to_bytes(4, "little"), (2).to_bytes(4, "little")
    )


def _other_method(method: int) -> Callable[[World, str], bytes]:
    def packed(world: World, name: str) -> bytes:
        info = zipfile.ZipInfo("evidence.json")
        info.compress_type = method
        return f.zipped((info, _good(world, name)))

    return packed


def _bent_name(world: World, name: str) -> bytes:
    """A file name that is marked as UTF-8 and is none."""
    return f.zipped(("évidence.json", _good(world, name))).replace("é".encode(), b"\xff\xfe")


ZIPS: dict[str, Callable[[World, str], bytes]] = {
    "a bomb of 50 MB": lambda w, n: f.zipped(("evidence.json", b" " * 50_000_000)),
    "a bomb that understates itself": _understated,
    "evidence above the folder": lambda w, n: f.zipped(("../evidence.json", _good(w, n))),
    "a link for evidence": _linked,
    "evidence twice": lambda w, n: f.zipped(
        ("evidence.json", b"{}"), ("evidence.json", _good(w, n))
    ),
    "a method that takes any memory": _other_method(zipfile.ZIP_LZMA),
    "a name that is no text": _bent_name,
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("trick", ZIPS)
def test_an_artifact_that_is_no_honest_zip_is_refused(world: World, trick: str) -> None:
    """The run's zip is replaced by one that only a dishonest runner could upload."""
    before, name = world.live(), trick
    key, packed = f.key_of(world, name), ZIPS[trick](world, name)
    world.prepare(key, "{}")
    upload = world.forge.repository(a.REPOSITORY).artifacts
    known = set(upload)
    number = f.proposed(world, name, "{}")
    assert set(upload) - known, "the run left nothing to replace"
    f.repacked(world, number, packed)
    fresh(world)
    assert f.refused(world, number, before)
    assert "its artifact" in f.told(world, number) or "its evidence" in f.told(world, number)


def fresh(world: World) -> None:
    """Let the bot forget what it read, as a restart does."""
    world.evaluator = Evaluator(world.settings)
    world.queue._evaluator = world.evaluator


def test_control_good_evidence_in_a_plain_zip_gets_through(world: World) -> None:
    """The same replacement of the zip, with honest evidence."""
    before = world.live()
    number = f.proposed(world, "honest", "{}")
    f.repacked(world, number, f.zipped(("evidence.json", _good(world, "honest"))))
    fresh(world)
    f.looked_at(world, number)
    f.signed(world, number)
    assert world.live() != before
