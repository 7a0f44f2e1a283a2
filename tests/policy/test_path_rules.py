"""Further governed files: what a pattern matches, whose signature it needs, what is refused."""

from __future__ import annotations

import pytest

from policy.errors import UserError
from policy.files.codeowners import Rule
from policy.files.path_rules import PathRule
from policy.people.further_paths import further_paths
from tests.policy.builders import POLICY, policy

PATHS = """  rollback: {operations: 1}
  paths:
    - {match: [Makefile, "*.lock"], sign: {ml-lead: 2}}
    - {match: [/runner/]}
"""
WITH_PATHS = POLICY.replace("  rollback: {operations: 1}\n", PATHS)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("Makefile", "Makefile", True),
        ("Makefile", "tools/Makefile", True),
        ("Makefile", "Makefile.md", False),
        ("*.lock", "requirements.lock", True),
        ("*.lock", "deep/er/uv.lock", True),
        ("/runner/", "runner/line.py", True),
        ("/runner/", "notes/runner/line.py", False),
        ("/tools/measure/*.sh", "tools/measure/run.sh", True),
        ("/tools/measure/*.sh", "tools/other.sh", False),
        ("/docs/*", "docs/deep/er.md", False),
        ("/", "README.md", True),
        # A twin in other letters replaces the file on a file system that ignores case.
        ("Makefile", "MAKEFILE", True),
        ("/runner/", "Runner/line.py", True),
        # A link in the place of a folder would bring other files.
        ("/runner/", "runner", True),
        ("/tools/measure/*.sh", "tools", True),
        ("/tools/measure/*.sh", "tools/measure", True),
        ("/tools/measure/*.sh", "tools/measured", False),
        ("/docs/*", "docs", True),
        ("apps/**", "apps", True),
    ],
)
def test_a_pattern_matches_as_in_codeowners_in_any_case_and_in_a_folders_place(
    pattern: str, path: str, matches: bool
) -> None:
    assert PathRule(match=(pattern,)).matches(path) is matches


@pytest.mark.parametrize("pattern", ["*.lock", "/runner/", "docs/*", "**/x", "/", "a/**/b", "x?y"])
def test_what_codeowners_matches_is_matched(pattern: str) -> None:
    owners, rule = Rule(1, pattern, ()), PathRule(match=(pattern,))
    paths = ["a.lock", "runner/a", "docs/a", "docs/a/b", "x", "b/x", "a/b", "a/c/b", "xzy", "x/y"]
    assert all(rule.matches(path) for path in paths if owners.matches(path))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('{match: ["!Makefile"]}', "is a negation"),
        ('{match: ["[Mm]akefile"]}', "[ ] range"),
        ("{match: [./Makefile]}", "can match no path"),
        ("{match: [runner/../Makefile]}", "can match no path"),
        ("{match: [runner//line.py]}", "can match no path"),
        ("{match: [//]}", "can match no path"),
        ('{match: [""]}', "at least 1 character"),
        ("{match: []}", "at least 1 item"),
        ("{match: [Makefile], sign: {}}", "at least 1 item"),
        ("{match: [Makefile], sign: {nobody: 1}}", "sign_off.paths.0.sign names the role 'nobody'"),
        ("{match: [Makefile], who: {ml-lead: 1}}", "unknown key"),
    ],
)
def test_an_entry_that_could_protect_nothing_is_refused(written: str, reason: str) -> None:
    text = POLICY.replace(
        "  rollback: {operations: 1}\n", f"  rollback: {{operations: 1}}\n  paths: [{written}]\n"
    )
    with pytest.raises(UserError) as caught:
        policy(text)
    assert reason in str(caught.value)


def test_every_entry_that_matches_counts_and_the_default_is_the_quorum_of_the_rules() -> None:
    rules = policy(WITH_PATHS).sign_off
    assert rules.needed([], ["README.md"]) == {}
    assert rules.needed([], ["uv.lock"]) == {"ml-lead": 2}
    assert rules.needed([], ["runner/line.py"]) == {"ml-lead": 1, "operations": 1}
    assert rules.needed([], ["runner/uv.lock"]) == {"ml-lead": 2, "operations": 1}
    change = ("support-triage", frozenset[object]())
    assert rules.needed([change], ["Makefile"]) == {"ml-lead": 2, "operations": 1}  # type: ignore[list-item]


def test_an_entry_adds_signatures_and_never_takes_one_away() -> None:
    back = ("support-triage", frozenset({"rollback"}))
    rules = policy(WITH_PATHS).sign_off
    assert rules.needed([back], ["Makefile"]) == {"ml-lead": 2, "operations": 1}  # type: ignore[list-item]
    assert rules.needed([], ["policy/policy.yml"]) == {"ml-lead": 1, "operations": 1}


def test_a_policy_that_cannot_be_read_may_govern_every_file() -> None:
    assert not further_paths(None).governs("Makefile")
    assert not further_paths(POLICY).governs("Makefile")
    assert further_paths(WITH_PATHS).governs("Makefile")
    assert further_paths("version: [").governs("README.md")
