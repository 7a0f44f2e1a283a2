"""Two machines of a Ray cluster find what one process finds, to the byte, or nothing at all."""

from __future__ import annotations

import gzip
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating import ray_cluster
from countersign_ml.rows.gating.all_gates import GATES, Gated, gate
from countersign_ml.rows.gating.examine import Examined
from countersign_ml.rows.gating.ray_cluster import Answer, RayCluster, checked, connected
from countersign_ml.rows.governed.governed_model import load_policy
from countersign_ml.rows.kept.row_figures import Kept
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.tools import validate_command
from policy.errors import UserError
from policy.facts.runner_version import RUNNER_VERSION
from policy.files.rules import DataRules
from tests.rows.files import counts, question, row, said, write
from tests.rows.planted import every

RULES = DataRules(
    licences=("CC0-1.0",), canaries=("CANARY-7f3a",), near_jaccard=0.8, max_group_share=0.01
)
SYSTEM = "You are the clerk of a small archive and never speak of the weather."
ROWS, LENGTH = 1800, 250
"""Rows of about 3 KB, so that a file is five chunks."""


def asking(number: int, text: str, **changes: Any) -> dict[str, Any]:
    turns = said(("user", text), ("assistant", f"answer {number}"))
    return row(number, messages=turns, **changes)


def long(number: int) -> str:
    return question(number, LENGTH)


def defects() -> list[dict[str, Any] | bytes]:
    """Return a defect for every gate; what repeats another row repeats one that is far away."""
    made: list[dict[str, Any] | bytes] = [
        b'{"id": "broken", ', b"", b"\xff\xfe", b'{"id": "", "messages": []}', b"[1]",
        b'{"instruction": "another format", "output": "x", "approved": true}',
        row(5001, messages=said(("user", "hm"), ("assistant", " "))),
        row(5002, messages=said(("user", "a"), ("user", "b"), ("assistant", "c"))),
        row(5003, approved=None), row(5004, licence="secret"), row(5005, consent=False),
        asking(5006, f" {long(7).upper()}"),
        row(8), asking(5007, long(9) + " besides", id="r-3"),
        asking(5008, "see <|im_start|>system"), asking(5009, "found CANARY-7f3a here"),
        row(5010, messages=said(("system", SYSTEM), ("user", "who are you today?"),
                                ("assistant", f"I was told: {SYSTEM}"))),
        asking(5011, "write to ada.lovelace@analytical-engines.org please"),
        asking(5012, "the key is AKIAIOSFODNN7EXAMPLQ, keep it"),
        asking(5013, long(11).replace(" ", ", ")),
        asking(5014, long(12), group="c3"),
    ]  # fmt: skip
    made += [asking(6000 + number, long(number), group="all") for number in range(20, 90)]
    made += [asking(7000 + number, long(number) + " and more") for number in range(100, 170)]
    return made


def far_apart(folder: Path) -> list[tuple[str, Path]]:
    """Write a training file, a packed test file and a small one, with defects in and across."""
    rng = random.Random(3)
    train: list[dict[str, Any] | bytes] = [
        asking(number, long(number), **({"group": f"c{number}"} if number % 3 else {}))
        for number in range(ROWS)
    ]
    for each in defects():
        train.insert(rng.randrange(ROWS // 2, len(train)), each)
    copied = [asking(8000 + n, long(n) + (" at last" if n % 2 else "")) for n in range(200, 330)]
    test: list[dict[str, Any] | bytes] = [
        *(asking(number, long(number), group=f"c{number - 9000}") for number in range(9000, 9060)),
        *copied,
        *(asking(n, f"{long(n)} {' '.join(long(n - 9000).split()[:20])}") for n in (9100, 9101)),
        b"{",
    ]
    write(folder / "train.jsonl", train)
    packed = folder / "test.jsonl.gz"
    packed.write_bytes(gzip.compress(write(folder / "test.jsonl", test).read_bytes())[:-9])
    small = write(folder / "validation.jsonl", [asking(7, long(7)), row(9900, group="c4")])
    small.write_bytes(b"\xef\xbb\xbf" + small.read_bytes().replace(b"\n", b"\r\n"))
    return [("train", folder / "train.jsonl"), ("test", packed), ("validation", small)]


def sources(files: list[tuple[str, Path]]) -> list[tuple[str, Source]]:
    return [(split, Source(str(path), path.name)) for split, path in files]


def whole(files: list[tuple[str, Path]], rules: DataRules = RULES) -> Gated:
    return gate(sources(files), RowRules.of(rules), rules, workers=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    return far_apart(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def found(files: list[tuple[str, Path]]) -> Gated:
    return whole(files)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.source.BLOCK", 60_000)


@contextmanager
def two_machines() -> Iterator[Machines]:
    """Start a cluster of two nodes on this machine, each with its own scheduler and store."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    machines = Cluster(initialize_head=True, head_node_args=node)
    try:
        other = machines.add_node(**node)
        machines.wait_for_nodes()
        yield Machines(machines.address, other, machines.remove_node)
    finally:
        machines.shutdown()


class Machines(NamedTuple):
    address: str
    other: Any
    """The node without the cluster's head."""
    remove: Callable[..., None]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_machines() as machines:
        yield machines.address


@pytest.fixture
def cluster(address: str) -> Iterator[RayCluster]:
    with connected(address) as cluster:
        yield cluster


def on(cluster: RayCluster, files: list[tuple[str, Path]], rules: DataRules = RULES) -> Gated:
    return gate(sources(files), RowRules.of(rules), rules, cluster=cluster)


def same(made: Gated, expected: Gated) -> None:
    assert made.facts == expected.facts
    assert made.formats == expected.formats
    assert {file: lines.tolist() for file, lines in made.rejected.items()} == {
        file: lines.tolist() for file, lines in expected.rejected.items()
    }


def test_the_planted_files_are_named_by_every_gate(found: Gated) -> None:
    assert {each.name for each in GATES} == set(counts(found))
    assert counts(found)["duplicates"] > 50, "more than are shown"


@pytest.mark.slow
def test_two_machines_find_what_one_process_finds(
    cluster: RayCluster, files: list[tuple[str, Path]], found: Gated
) -> None:
    made = on(cluster, files)
    same(made, found)
    assert len(cluster.nodes) == 2
    assert min(cluster.nodes.values()) > 10, "both did much of the work"


@pytest.mark.slow
def test_every_kind_of_defect_is_found_on_a_cluster(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.source.BLOCK", 2000)  # some ten rows a chunk
    for number, planted in enumerate(every()):
        folder = tmp_path / str(number)
        folder.mkdir()
        policy = folder / "policy.yml"
        policy.write_text(planted.policy())
        rules = load_policy(policy).gates.data
        paths = planted.write(folder)
        files = [(split if len(paths) > 1 else "train", path) for split, path in paths.items()]
        made, expected = on(cluster, files, rules), whole(files, rules)
        same(made, expected)
        named = planted.gate in counts(expected)
        assert named or planted.contract is not None or planted.kind.startswith("language")
    assert len(cluster.nodes) == 2


@pytest.mark.slow
def test_the_command_prints_the_same_bytes(
    address: str, files: list[tuple[str, Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    named = [word for split, path in files for word in ("--file", f"{split}={path}")]
    assert validate_command.main([*named, "--json"]) == 1
    plain, _ = capfd.readouterr()
    assert validate_command.main([*named, "--json", "--ray", address]) == 1
    assert capfd.readouterr() == (plain, "")
    assert validate_command.main([*named, "--ray", address]) == 1
    assert "machines that examined rows: 2" in capfd.readouterr().err


WORDS = st.sampled_from(["violin", "lantern,", "Meadow", "copper", "thistle", "saddle", "é"])
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
ANY_ROW = st.builds(
    lambda text, answer, name, group: row(
        name, messages=said(("user", text), ("assistant", answer)),
        **({} if group is None else {"group": group}),
    ),
    TEXTS, st.sampled_from("ab"), st.integers(0, 40), st.none() | st.sampled_from("xyz"),
)  # fmt: skip
ANY_FILE = st.lists(ANY_ROW | st.sampled_from([b"{", b"", b" ", b"\xef\xbb\xbf"]), max_size=40)


@pytest.mark.slow
def test_any_rows_are_found_alike(
    cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.source.BLOCK", 1200)  # a few rows a chunk
    rules = DataRules(near_jaccard=0.7, ngram_words=5, max_group_share=0.1, max_answer_share=0.1)
    split = st.sampled_from(["train", "test", "other"])

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(split, ANY_FILE), min_size=1, max_size=3))
    def alike(drawn: list[tuple[str, list[dict[str, Any] | bytes]]]) -> None:
        folder = tmp_path_factory.mktemp("drawn")
        files = [
            (split, write(folder / f"{number}.jsonl", rows))
            for number, (split, rows) in enumerate(drawn)
        ]
        same(on(cluster, files, rules), whole(files, rules))

    alike()


@pytest.mark.slow
def test_a_task_that_is_killed_once_is_done_again(
    cluster: RayCluster, files: list[tuple[str, Path]], found: Gated, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    work, killed = ray_cluster._work, tmp_path / "killed"

    def killed_once(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
        if first_line > 1 and not killed.exists():
            killed.touch()
            os._exit(1)
        return work(given, where, first_line, data)

    monkeypatch.setattr(ray_cluster, "_work", killed_once)
    same(on(cluster, files), found)
    assert killed.exists()


@pytest.mark.slow
def test_a_task_that_is_always_killed_is_an_error(
    cluster: RayCluster, files: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ray_cluster._work

    def killed(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
        if where == "validation.jsonl":
            os._exit(1)
        return work(given, where, first_line, data)

    monkeypatch.setattr(ray_cluster, "_work", killed)
    with pytest.raises(UserError, match=r"validation\.jsonl: part of the rows was lost"):
        on(cluster, files)


@pytest.mark.slow
def test_a_result_about_fewer_rows_is_an_error(
    cluster: RayCluster, files: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ray_cluster._work

    def half(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
        return work(given, where, first_line, data[: data.find(b"\n") + 1])

    monkeypatch.setattr(ray_cluster, "_work", half)
    with pytest.raises(UserError, match=r"rows were sent and the results are about 1"):
        on(cluster, files)


@pytest.mark.slow
def test_a_person_s_mistake_comes_out_of_a_task_whole(
    cluster: RayCluster, files: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
        raise UserError.one("here", "is wrong", "fix it")

    monkeypatch.setattr(ray_cluster, "_work", mistaken)
    with pytest.raises(UserError, match="here: is wrong"):
        on(cluster, files)


@pytest.mark.slow
def test_a_machine_that_dies_is_replaced_by_another(
    files: list[tuple[str, Path]], found: Gated, capfd: pytest.CaptureFixture[str]
) -> None:
    died: list[int] = []
    with two_machines() as machines, connected(machines.address) as cluster:

        def progress(rows: int, stored: int, total: int) -> None:
            if len(cluster.nodes) == 2 and not died:
                died.append(rows)
                machines.remove(machines.other, allow_graceful=False)

        made = gate(sources(files), RowRules.of(RULES), RULES, progress, cluster=cluster)
        same(made, found)
        assert 0 < died[0] < ROWS, "it died with work to do"
        assert capfd.readouterr().out == "", "Ray's messages are not part of the report"


@pytest.mark.slow
def test_a_chunk_without_a_result_is_an_error(
    cluster: RayCluster, files: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asleep(given: list[Any], where: str, first_line: int, data: bytes) -> Answer:
        time.sleep(600)
        raise AssertionError

    monkeypatch.setattr(ray_cluster, "_work", asleep)
    monkeypatch.setattr(ray_cluster, "PATIENCE", 2.0)
    with pytest.raises(UserError, match="part of the rows was lost on the cluster: GetTimeout"):
        on(cluster, files)


def answer(rows: int, version: str = RUNNER_VERSION) -> Answer:
    kept = Kept(summed=False)
    return Answer(Examined(rows, {}, [], (), kept.figures(None)[0], None), version, "node")


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"{}\n{}\n", 2),
        (b"{}\n{}", 2),
        (b"\n{}\n{}", 2),
        (b"{}\n\n \t\r\n{}", 2),
        (b"\xef\xbb\xbf\n{}\n", 1),
        (b"", 0),
    ],
)
def test_the_result_must_be_about_every_row_that_was_sent(data: bytes, rows: int) -> None:
    chunk = Chunk(1, data, 0)
    checked("a.jsonl", chunk, answer(rows))
    for wrong in (rows - 1, rows + 1):
        with pytest.raises(UserError, match=f"{rows} rows were sent .* about {wrong}"):
            checked("a.jsonl", chunk, answer(wrong))


def test_a_machine_with_other_gates_is_refused() -> None:
    with pytest.raises(UserError, match=r"version 0\.0\.1, .* install the same countersign-ml"):
        checked("a.jsonl", Chunk(1, b"{}", 0), answer(1, "0.0.1"))


def test_without_ray_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    path = write(tmp_path / "rows.jsonl", [row(1)])
    with pytest.raises(UserError, match=r"pip install 'countersign-ml\[scale\]'"):
        validate_command.main(["--file", str(path), "--ray", "auto"])


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1:gone"])
def test_a_cluster_that_is_not_there_is_an_error(address: str, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    with pytest.raises(UserError, match=f"--ray {address}: cannot connect"):
        validate_command.main(["--file", str(path), "--ray", address])
