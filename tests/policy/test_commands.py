"""`countersign judge` and `countersign owners` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from countersign_ml.cli.judge_commands import judge, owners
from policy.facts.evidence import StageFacts
from tests.policy import builders as b


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "policy.yml").write_text(b.POLICY)
    return ["--policy", str(tmp_path / "policy.yml"), "--evidence", str(tmp_path / "e.json")]


def test_good_evidence_ends_with_0(files: list[str]) -> None:
    Path(files[-1]).write_text(b.evidence().text())
    assert judge([b.MODEL, *files]) == 0


def test_a_message_of_many_lines_stays_one_line(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = StageFacts(stage="train", outcome="errored", seconds=1.0, message="a\n::error::b")
    Path(files[-1]).write_text(b.evidence(stages=(said,)).text())
    assert judge([b.MODEL, *files]) == 1
    assert not any(line.startswith("::") for line in capsys.readouterr().out.splitlines())


def test_a_path_as_a_shell_completes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "CODEOWNERS").write_text("/policy/ @grace\n")
    assert owners(["--codeowners", str(tmp_path / "CODEOWNERS"), "./policy/policy.yml"]) == 0
    assert "line 1 (/policy/): @grace" in capsys.readouterr().out
