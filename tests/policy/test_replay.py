"""The outcome of merged versions under another policy."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.cli.judge_commands import judge
from policy.errors import UserError
from policy.facts.evidence import Evidence, GateFacts
from policy.facts.next_pointer import pointer_of
from policy.gates.judge import DATA_GATES
from policy.gates.replay import Change, replay
from policy.verdict import Outcome
from tests.policy import builders as b

OLD = b.policy()
STRICT = b.POLICY.replace("min: 0.5", "min: 0.95")
LOOSE = b.POLICY.replace("min: 0.5", "min: 0.1")


def test_the_same_policy_changes_nothing() -> None:
    (found,) = replay(OLD, OLD, [b.evidence()])
    assert (found.before, found.after, found.changes) == (Outcome.PASSED, Outcome.PASSED, ())
    assert not found.turned


def test_a_higher_bar_blocks_what_passed_and_says_which() -> None:
    (found,) = replay(OLD, b.policy(STRICT), [b.evidence()])
    assert found.turned
    assert found.changes == (
        Change(
            "measurement/exact_match/min",
            Outcome.PASSED,
            Outcome.FAILED,
            "90.0 %, at least 95.0 % required",
        ),
    )


def test_a_bar_that_is_new_and_holds_is_no_change() -> None:
    looser = b.POLICY.replace("min: 0.5", "min: 0.5, max: 0.99")
    (found,) = replay(OLD, b.policy(looser), [b.evidence()])
    assert found.changes == ()


def test_a_bar_that_is_gone_shows_if_it_blocked() -> None:
    gone = b.POLICY.replace("min: 0.5, ", "")
    (found,) = replay(b.policy(STRICT), b.policy(gone), [b.evidence()])
    assert found.turned
    (change,) = found.changes
    assert (change.before, change.after) == (Outcome.FAILED, None)
    assert change.sentence == "90.0 %, at least 95.0 % required"


def test_a_gate_that_stops_early_hides_what_follows_but_not_itself() -> None:
    data = b.data().model_copy(
        update={"gates": tuple(GateFacts(gate=gate, count=90) for gate in DATA_GATES)}
    )
    limits = ", ".join(f"{gate}: 90" for gate in DATA_GATES)
    data_rules = f"gates:\n  data: {{max_findings: {{{limits}}}}}\n"
    allows = b.POLICY.replace("gates:\n", data_rules)
    (found,) = replay(OLD, b.policy(allows), [b.evidence(data=data)])
    assert found.turned
    assert {change.name for change in found.changes} == {f"data/{gate}" for gate in DATA_GATES}


@given(st.lists(st.sampled_from([150, 100, 30]), max_size=4), st.permutations([0, 1]))
def test_each_version_is_judged_by_itself_and_turning_round_turns_back(
    lost: list[int], order: list[int]
) -> None:
    evidences = [b.facing(150, some, 10, 150 - some) for some in lost]
    policies = [OLD, b.policy(LOOSE)]
    first, second = (policies[place] for place in order)
    there = replay(first, second, evidences)
    back = replay(second, first, evidences)
    assert [(r.before, r.after) for r in there] == [(r.after, r.before) for r in back]
    assert there == tuple(r for e in evidences for r in replay(first, second, [e]))


class Repository:
    """A real repository to which versions merge as the bot merges them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main", str(path))
        self.write("policy/policy.yml", b.POLICY)
        self.commit("Begin")

    def git(self, *arguments: str) -> str:
        place = [] if arguments[0] == "init" else ["-C", str(self.path)]
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0"]
        return subprocess.run(
            ["git", *place, *identity, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, path: str, text: str) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def release(self, evidence: Evidence) -> str:
        """Merge one version: the pointer changes on a side branch, and main takes it in."""
        pointer = pointer_of(evidence)
        assert pointer is not None
        self.git("checkout", "-q", "-b", pointer.version)
        self.write(f"models/{evidence.model}/recipe.yml", pointer.version)
        self.commit("Propose")
        self.write(f"models/{evidence.model}/pointer.json", pointer.text())
        self.write(pointer.evidence.path, evidence.text())
        self.commit("Release")
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", "Merge", pointer.version)
        return pointer.version


def first(**changes: object) -> Evidence:
    known = {
        "incumbent": None,
        "comparisons": (),
        "measurements": (
            b.measurement("base", b.BASE, 0.0),
            b.measurement("candidate", b.CANDIDATE, 0.9),
        ),
    }
    return b.evidence(**{**known, **changes})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "clone")


@pytest.fixture
def strict(tmp_path: Path) -> str:
    (tmp_path / "strict.yml").write_text(STRICT)
    return str(tmp_path / "strict.yml")


def replayed(repository: Repository, policy: str, *more: str) -> int:
    return judge(
        ["--replay", "10", "--policy", policy, "--repository", str(repository.path), *more]
    )


def test_versions_are_replayed_in_the_order_in_which_they_merged(
    repository: Repository, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [repository.release(first()), repository.release(b.evidence())]
    assert replayed(repository, strict, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [row["version"] for row in told["rows"]] == names
    assert [(row["before"], row["after"]) for row in told["rows"]] == [("passed", "failed")] * 2
    assert told["commit"] == repository.git("rev-parse", "HEAD")


def test_the_table_says_what_changed(
    repository: Repository, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    version = repository.release(first())
    assert replayed(repository, strict) == 1
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["version", "HEAD"]
    assert re.fullmatch(
        rf"support-triage {version}  passed +failed +"
        r"measurement/exact_match/min: passed -> failed \(90\.0 %, at least 95\.0 % required\)",
        row,
    )


def test_a_policy_that_decides_alike_ends_with_0(repository: Repository, tmp_path: Path) -> None:
    repository.release(first())
    (tmp_path / "loose.yml").write_text(LOOSE)
    assert replayed(repository, str(tmp_path / "loose.yml")) == 0


def test_a_version_that_came_back_is_replayed_once(
    repository: Repository, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [repository.release(first()), repository.release(b.evidence())]
    repository.git("revert", "--no-edit", "-m", "1", "HEAD")
    replayed(repository, strict, "--json")
    assert [row["version"] for row in json.loads(capsys.readouterr().out)["rows"]] == names


def test_only_the_last_and_only_those_of_the_model(
    repository: Repository, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.release(first())
    last = repository.release(b.evidence())
    arguments = ["--policy", strict, "--repository", str(repository.path), "--json"]
    judge(["--replay", "1", *arguments])
    assert [row["version"] for row in json.loads(capsys.readouterr().out)["rows"]] == [last]
    with pytest.raises(UserError, match="no version of other has merged"):
        judge(["--replay", "1", "--model", "other", *arguments])


def test_the_default_branch_is_what_counts_not_what_is_checked_out(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.release(first())
    clone = tmp_path / "copy"
    repository.git("clone", "-q", str(repository.path), str(clone))
    copy = Repository.__new__(Repository)
    copy.path = clone
    copy.git("checkout", "-q", "-b", "proposed")
    copy.write("policy/policy.yml", STRICT)
    copy.commit("Raise the bar")
    assert replayed(copy, str(clone / "policy/policy.yml")) == 1
    assert "origin/HEAD" in capsys.readouterr().out


def test_evidence_that_is_not_the_pointers_is_not_judged(
    repository: Repository, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    evidence = first()
    version = repository.release(evidence)
    path = f"model_cards/support-triage/{version}.json"
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.write("models/support-triage/pointer.json", _pointer_text(evidence))
    repository.write(path, first(created="2027-01-01T00:00:00Z").text())
    repository.commit("Release by hand")
    (tmp_path / "same.yml").write_text(b.POLICY)
    assert replayed(repository, str(tmp_path / "same.yml")) == 1
    assert f"{path} is not the evidence that the pointer names" in capsys.readouterr().out


def _pointer_text(evidence: Evidence) -> str:
    pointer = pointer_of(evidence)
    assert pointer is not None
    return pointer.text()


def test_a_folder_without_git_is_named(tmp_path: Path, strict: str) -> None:
    with pytest.raises(UserError, match="not a git repository"):
        judge(["--replay", "3", "--policy", strict, "--repository", str(tmp_path / "nowhere")])


def test_nothing_merged_is_said(repository: Repository, strict: str) -> None:
    with pytest.raises(UserError, match="no version has merged"):
        replayed(repository, strict)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["support-triage"], "MODEL and --evidence FILE, or --replay N, are required"),
        (["--evidence", "e.json"], "MODEL and --evidence FILE, or --replay N, are required"),
        (["--replay", "0"], "'0' is not a count; write a number such as 10"),
        (["--replay", "3", "--evidence", "e.json"], "not both"),
        (["m", "--replay", "3", "--model", "m"], "the model is given twice"),
        (["m", "--evidence", "e.json", "--repository", "."], "require --replay N"),
    ],
)
def test_what_does_not_go_together_is_said(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        judge(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
