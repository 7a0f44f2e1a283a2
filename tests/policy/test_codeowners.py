"""CODEOWNERS, against GitHub's documentation and its known differences from gitignore."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.errors import UserError
from policy.files.codeowners import parse

# The example of GitHub's "About code owners", and the traps beside it.
GITHUB = """\
*       @global-owner1 @global-owner2
*.js    @js-owner # This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("readme", 1),
        ("src/a.js", 2),
        ("a.go", 3),
        ("deep/a.txt", 4),
        ("x/build/logs/1", 10),
        ("build/logs/1", 10),
        ("docs/getting-started.md", 8),
        ("docs/build-app/troubleshooting.md", 8),
        ("lib/docs/a.md", 1),
        ("lib/apps/x/y", 7),
        ("scripts/a", 9),
        ("a/b/logs/c", 10),
        ("apps/x", 11),
        ("apps/github", 12),
        ("apps/github/x", 12),
        ("Apps/x", 1),
    ],
)
def test_the_last_line_that_matches_decides(path: str, line: int) -> None:
    rule = parse(GITHUB).rule_for(path)
    assert rule is not None
    assert rule.line == line


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("docs/*", ["docs/a"], ["docs/a/b", "x/docs/a"]),
        ("/x/", ["x/a", "x/a/b"], ["x", "y/x/a"]),
        ("x/", ["x/a", "y/x/a"], ["x"]),
        ("x", ["x", "x/a", "y/x", "y/x/a"], ["xy", "yx"]),
        ("x/y", ["x/y", "x/y/z"], ["a/x/y"]),
        ("x/**/y", ["x/y", "x/a/y", "x/a/b/y"], ["xy", "x/ay"]),
        ("**", ["a", "a/b"], []),
        ("/*", ["a"], ["a/b"]),
        ("*", ["a", "a/b/c"], []),
        ("models/**", ["models/a", "models/a/b"], ["models"]),
        ("a\\ b/*.json", ["a b/c.json"], ["a/b/c.json"]),
        ("?.md", ["a.md", "x/b.md"], ["ab.md", "/.md"]),
        ("a.b", ["a.b"], ["axb"]),
        ("models/**", ["models/a\nb", "models/a/b\nc/d"], []),
        ("/a/*/c/", ["a/b/c/d\ne"], []),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    parsed = parse(f"{pattern} @a")
    assert [path for path in yes if parsed.rule_for(path) is None] == []
    assert [path for path in no if parsed.rule_for(path) is not None] == []


@pytest.mark.parametrize("line", ["!x @a", "[ab].c @a", "\\#x @a", "x @a b", "x @-a", "x @a/"])
def test_a_broken_line_is_skipped_and_named(line: str) -> None:
    parsed = parse(f"* @a\n{line}\n")
    assert [problem.where for problem in parsed.problems] == [".github/CODEOWNERS:2"]
    assert [rule.line for rule in parsed.rules] == [1]


def test_the_first_line_counts_behind_a_byte_order_mark() -> None:
    rule = parse("\ufeff* @a\n").rule_for("x")
    assert rule is not None
    assert rule.owners == ("@a",)


def test_logins_of_enterprise_managed_users_are_owners() -> None:
    assert parse("* @grace_acme\n").problems == ()


def test_a_line_without_owners_is_not_the_same_as_no_line() -> None:
    parsed = parse("x @a\n/x/free\n")
    free, other = parsed.rule_for("x/free"), parsed.rule_for("y")
    assert free is not None
    assert free.owners == ()
    assert other is None


def test_three_megabytes_are_not_loaded() -> None:
    with pytest.raises(UserError, match="3 MB"):
        parse("#" * (3 * 1024 * 1024))


names = st.sampled_from(["a", "b", "a.b", "x.js", ".js", "*", "**", "*.js", "?", "a*", "*.b"])
patterns = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/"]),
    st.lists(names, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)
paths = st.lists(st.sampled_from(["a", "b", "a.b", "x.js", ".js", "y"]), min_size=1, max_size=4)


@given(st.lists(patterns, max_size=12), paths)
def test_looking_up_finds_what_trying_every_line_finds(lines: list[str], path: list[str]) -> None:
    parsed = parse("\n".join(f"{line} @a" for line in lines))
    joined = "/".join(path)
    tried = [rule for rule in parsed.rules if rule.matches(joined)]
    assert parsed.rule_for(joined) == (tried[-1] if tried else None)
