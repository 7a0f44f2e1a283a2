"""The files of a governed repository, as text. Pure: reading and writing is `init_command`'s."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

import yaml

from countersign_ml.setup.role_options import Roles, owners
from policy.documents import parse
from policy.errors import UserError
from policy.files.rules import Policy
from policy.governed import KEYS, POLICY_FILE

LAID_DOWN = "policy/laid_down.json"
"""Digest of every file as `init` wrote it: a file that differs was edited since."""
WORKFLOWS = ("validate", "finetune", "rollback", "deploy")
IGNORED = "# Results of runs on this machine\n/.countersign/\n"
GENERATED = "# Written by runs: folded in the web pages' diffs\nmodel_cards/** linguist-generated\n"


def governed_files(
    roles: Roles, branch: str, bases: Sequence[str], keys: Mapping[str, str]
) -> dict[str, str]:
    """Return path to text of everything that `init` lays down.

    `bases` are ids of the Hub that recipes may name, with * and ?; `keys` are public keys by file
    name.
    """
    found = {
        POLICY_FILE: policy_text(roles, bases),
        ".github/CODEOWNERS": codeowners_text(roles),
        ".gitattributes": GENERATED,
        ".gitignore": IGNORED,
    }
    for name in WORKFLOWS:
        found[f".github/workflows/{name}.yml"] = shipped_workflow(name, branch)
    found |= {f"{KEYS}/{name}": text for name, text in keys.items()}
    return dict(sorted(found.items()))


def policy_text(roles: Roles, bases: Sequence[str] = ()) -> str:
    """Return this project's own policy with these roles; every role signs a promotion.

    The role `operations`, or else the last one, signs rollbacks and may freeze.
    """
    text = files("policy").joinpath("policy.yml").read_text("utf-8")
    last = "operations" if "operations" in roles else list(roles)[-1]
    lead = next(name for name in roles if name != last or len(roles) == 1)
    everyone = ", ".join(f"{name}: 1" for name in roles)
    new = {
        r"^# yaml-language-server: .*\n": "",
        r"^roles:\n(?:  .*\n)+": "roles:\n" + "".join(_role(*item) for item in roles.items()),
        r"^  promote: .*$": f"  promote: {{{everyone}}}",
        r"^  test_data: .*$": f"  test_data: {{{everyone}}}",
        r"^  rollback: .*$": f"  rollback: {{{last}: 1}}",
        r"^  roles: \[ml-lead\]$": f"  roles: [{lead}]",
        r"^      sign: \{ml-lead: 1\}$": f"      sign: {{{lead}: 1}}",
        r"^    - match: \[/runner/.*\n      sign: .*\n": "",  # this project's own code
        r"^  hold: .*$": f"  hold: [{', '.join(roles)}]",
        r"^  freeze: .*$": f"  freeze: [{last}]",
    }
    if bases:
        listed = json.dumps(list(bases))
        new[r"^#bases:\n  #hub: .*$"] = f"bases:\n  hub: {listed}"
    for pattern, replacement in new.items():
        plain = replacement.replace("\\", r"\\")
        text, count = re.subn(pattern, plain, text, flags=re.MULTILINE)
        if count != 1:
            raise UserError.one(POLICY_FILE, f"the shipped policy has {count} lines like {pattern}")
    parse(Policy, text, POLICY_FILE)
    return text


def _role(name: str, holders: Sequence[str]) -> str:
    users = [holder for holder in holders if not holder.startswith("@")]
    teams = [holder[1:] for holder in holders if holder.startswith("@")]
    lines = [f"    users: {_flow(users)}"] if users else []
    lines += [f"    teams: {_flow(teams)}"] if teams else []
    return "\n".join([f"  {name}:", *lines, ""])


def _flow(names: Sequence[str]) -> str:
    """Return a YAML list on one line; a login such as `on` or `123` stays text."""
    return yaml.safe_dump(list(names), default_flow_style=True, width=10_000).strip()


def codeowners_text(roles: Roles) -> str:
    """Return CODEOWNERS: the holders of roles own what is governed."""
    named = owners(roles)
    lines = [
        "# Who must approve, by path. Owners need write access, or GitHub ignores them.",
        *(f"{path} {named}" for path in ("/models/", "/model_cards/", "/policy/", "/.github/")),
        f"/.gitattributes {named}",
    ]
    return "\n".join(lines) + "\n"


def shipped_workflow(name: str, branch: str) -> str:
    """Return one of our workflows, for a repository with this default branch."""
    text = files("countersign_ml.setup").joinpath("workflows", f"{name}.yml").read_text("utf-8")
    if branch == "main":
        return text
    return text.replace("branches: [main]", f"branches: [{json.dumps(branch)}]")


def digest(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def merged(path: str, present: str, wanted: str) -> str | None:
    """Return the present lines and ours, for a file that others write too; None for the rest."""
    if path not in (".gitattributes", ".gitignore"):
        return None
    rules = [line for line in wanted.splitlines() if not line.startswith("#")]
    if set(rules) <= set(present.splitlines()):
        return present
    return present + ("" if present.endswith("\n") or not present else "\n") + wanted
