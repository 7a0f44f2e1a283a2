"""`countersign doctor`: check files, machine and repository; exit code 1 if a check failed."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path

from countersign_ml.git import find_repository, git
from countersign_ml.setup.findings import Check, report
from countersign_ml.setup.github_checks import github_checks
from countersign_ml.setup.init_command import default_branch
from countersign_ml.setup.local_checks import local_checks

PASSED, FAILED = 0, 1
_ADDRESS = re.compile(
    r"^(?:https?://[^/]+/|ssh://[^/]+/|[^/:]+@[^/:]+:)(?P<name>[^/]+/[^/]+?)(?:\.git)?/?$"
)


def main(argv: list[str]) -> int:
    """Print every check, as lines or as JSON."""
    options = _options(argv)
    repo = find_repository(options.repo)
    checks = list(local_checks(repo, options.branch or default_branch(repo)))
    if not options.offline:
        checks += _online(repo, options.repository or _remote(repo))
    found = report(checks)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for check in checks:
            print(check)
        print(f"\n{found['outcome']}: {len(checks)} checks")
    return FAILED if found["outcome"] == "failed" else PASSED


def _online(repo: Path, repository: str) -> list[Check]:
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        fix = "set GITHUB_TOKEN, or add --offline"
        return [Check("repository", "failed", "GitHub cannot be asked without a token", fix)]
    if not repository:
        fix = "add --repository OWNER/NAME, or --offline"
        return [Check("repository", "failed", "no remote named origin says where it is", fix)]
    api = os.environ.get("COUNTERSIGN_GITHUB_API", "https://api.github.com").rstrip("/")
    return list(github_checks(repo, api, token, repository))


def _remote(repo: Path) -> str:
    """Return OWNER/NAME of the remote `origin`; empty if there is none."""
    answer = git(repo, "remote", "get-url", "origin")
    match = _ADDRESS.match(answer.text.strip()) if answer.ok else None
    return match["name"] if match else ""


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign doctor", description=__doc__)
    parser.add_argument("--repo", type=Path, help="a folder of the repository")
    parser.add_argument("--repository", metavar="OWNER/NAME", default="", help="its name on GitHub")
    parser.add_argument("--branch", help="the default branch (found by git otherwise)")
    parser.add_argument("--offline", action="store_true", help="do not ask GitHub")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)
