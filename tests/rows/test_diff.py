"""`countersign data diff`: over git revisions and files, and what a pull request shows of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from countersign_ml.rows.diff.diff_command import main
from countersign_ml.rows.diff.diff_markdown import render
from countersign_ml.rows.diff.diff_rows import diff_rows
from countersign_ml.rows.read.row import row_of
from policy.errors import UserError
from policy.facts.data_diff import DataDiff

HOSTILE = "@ada #1 <img src=x> [a](http://b) `t` ``| x\n- y ![p](q) https://evil.example \u202e"


def line(name: str, asked: str, said: str, **more: Any) -> str:
    return json.dumps({"id": name, "prompt": asked, "completion": said, **more})


def write(path: Path, *lines: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in lines))
    return str(path)


def git(folder: Path, *words: str) -> None:
    named = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with three commits: first rows, more of them in gzip, and one model gone."""
    git(tmp_path, "init", "-q", "-b", "main")
    data = tmp_path / "models/colours/data"
    write(data / "train.jsonl", line("1", "a", "red"), line("2", "b", "blue"))
    write(data / "README.md", "not rows")
    write(tmp_path / "models/other/data/train.jsonl", line("1", "a", "x"))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "one")
    write(data / "train.jsonl", line("1", "a", "red"), line("2", "b", "green"))
    subprocess.run(["gzip", "-n", str(data / "train.jsonl")], check=True)
    write(data / "test.jsonl", line("3", "c", "red"))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "two")
    git(tmp_path, "rm", "-rq", "models/other")
    git(tmp_path, "commit", "-qm", "three")
    return tmp_path


def compared(
    capsys: pytest.CaptureFixture[str], *words: str, exit_code: int = 0
) -> dict[str | None, DataDiff]:
    assert main([*words, "--json"]) == exit_code
    told = json.loads(capsys.readouterr().out)
    return {one["model"]: DataDiff.model_validate(one["diff"]) for one in told["diffs"]}


def test_two_revisions_are_compared_model_by_model(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compared(capsys, "one..main", "--repo", str(clone))
    assert set(found) == {"colours", "other"}
    assert (found["other"].removed.count, found["other"].after.rows) == (1, 0)
    colours = found["colours"]
    assert [place.id for place in colours.added.first] == ["3"]
    assert colours.moved.count + colours.changed.count == 2  # the file is another: it was packed
    assert [file.rows for file in colours.after.files] == [1, 2]


def test_one_model_alone_may_be_asked_for(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compared(capsys, "main~1..main", "colours", "--repo", str(clone))
    assert found["colours"].empty


def test_three_dots_compare_with_where_the_branch_began(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(clone, "checkout", "-q", "-b", "mine", "one")
    write(clone / "models/colours/data/extra.jsonl", line("9", "z", "red"))
    git(clone, "add", ".")
    git(clone, "commit", "-qm", "mine")
    found = compared(capsys, "main...mine", "--repo", str(clone))
    assert {name: diff.added.count for name, diff in found.items()} == {"colours": 1}


def test_nothing_changed_is_said(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["main..main", "--repo", str(clone)]) == 0
    assert capsys.readouterr().out == "No file of rows changed between main and main.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere..main"], "nowhere: no such revision here"),
        (["--output=x..main"], "the following arguments are required"),
        (["one..main", "colour"], "did you mean 'colours'?"),
        (["one"], "one state alone cannot be compared"),
        (["a.jsonl", "b.jsonl"], "a.jsonl: no such file"),
    ],
)
def test_a_wrong_word_is_named(
    clone: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((UserError, SystemExit)) as caught:
        main([*words, "--repo", str(clone)])
    assert said in str(caught.value) + capsys.readouterr().err


def test_outside_a_clone_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git clone"):
        main(["a..b", "--repo", str(tmp_path / "none")])


def test_a_pointer_of_git_lfs_is_no_data(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1"
    write(tmp_path / "models/m/data/train.jsonl", pointer)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    with pytest.raises(
        UserError, match=r"HEAD:models/m/data/train.jsonl: this revision contains only a Git LFS"
    ):
        main(["HEAD..HEAD", "m", "--repo", str(tmp_path)])


def test_a_broken_line_blocks_and_is_located(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write(tmp_path / "a.jsonl", line("1", "a", "x"))
    after = write(tmp_path / "b.jsonl", line("1", "a", "x"), "{broken", line("1", "a", "y"))
    assert main([before, after]) == 1
    told = capsys.readouterr().out
    assert f"Lines after that are not rows: 1**, in no other count: `{after}:2`" in told
    assert f"repeat an id of the same file: 1**, paired in order: `1` at `{after}:3`" in told
    assert main([after, before]) == 0


def test_what_rows_hold_stays_text_in_a_comment() -> None:
    row = row_of(line(HOSTILE, "q", "a", team=HOSTILE, **{HOSTILE: "x"}).encode(), HOSTILE, 1)
    shown = render(diff_rows([], [row]), HOSTILE)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(shown)
    inner = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in (*tokens, *inner)}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "bullet_list_open"}
    plain = "".join(child.content for child in inner if child.type == "text")
    assert "ada" not in plain
    assert "evil" not in plain
    assert "\u202e" not in shown


def test_a_diff_is_a_table_that_people_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write(tmp_path / "a", *(line(str(n), f"q{n}", "red") for n in range(4)))
    after = write(tmp_path / "b", *(line(str(n), f"q{n}", "blue") for n in range(1, 6)))
    assert main([before, after]) == 0
    told = capsys.readouterr().out
    assert "4 to 5 rows (+1): 2 added, 1 removed, 3 changed, 0 moved" in told
    assert "| `answer` | 1 to 1 | 1: `blue` | 1: `red` | `blue` 0 to 5, `red` 4 to 0 |" in told
    assert "| 1.000 | 3.753 | large |" in told  # PSI worked out by hand
