"""What a checkout and a machine show without a network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from countersign_ml.attestation import fingerprint, is_public_key
from countersign_ml.registry import Registry
from countersign_ml.setup.findings import Check, failures
from countersign_ml.setup.layout import WORKFLOWS, shipped_workflow
from policy.documents import parse
from policy.errors import UserError
from policy.files import codeowners
from policy.files.codeowners import Codeowners
from policy.files.rules import Policy
from policy.governed import CODEOWNERS_PLACES, KEYS, POLICY_FILE
from policy.governed import WORKFLOWS as WORKFLOW_FOLDER
from policy.people.revoked_keys import REVOKED_KEYS, read_revoked

LEAST_DISK_GB, LEAST_MEMORY_GB = 20, 8
"""A small base model, its merged copy and its GGUF file, and what their training needs."""
_LAY_DOWN = "lay it down with: countersign init --role NAME=LOGIN"


def text_of(repo: Path, path: str) -> str | None:
    """Return a file of the checkout; None if it is missing. UserError if it is no plain text."""
    place = repo / path
    if place.is_symlink():
        raise UserError.one(path, "a link", "commit a plain file")
    if not place.is_file():
        return None
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(path, f"cannot be read as UTF-8: {error}", "save it again") from error


def read_policy(repo: Path) -> Policy:
    """Return the checkout's policy; UserError if it is missing or wrong."""
    text = text_of(repo, POLICY_FILE)
    if text is None:
        raise UserError.one(POLICY_FILE, "is missing", _LAY_DOWN)
    return parse(Policy, text, POLICY_FILE)


def read_owners(repo: Path) -> tuple[str, Codeowners]:
    """Return the path of the CODEOWNERS file that GitHub reads, and its content."""
    for place in CODEOWNERS_PLACES:
        text = text_of(repo, place)
        if text is not None:
            return place, codeowners.parse(text, place)
    raise UserError.one(CODEOWNERS_PLACES[0], "is missing", _LAY_DOWN)


def local_checks(repo: Path, branch: str) -> Iterator[Check]:
    """Yield every check of the files, then of the machine."""
    for name, found in (
        ("policy", check_policy),
        ("code owners", check_owners),
        ("signing key", check_keys),
    ):
        try:
            yield from found(repo)
        except UserError as error:
            yield from failures(name, error)
    yield from check_workflows(repo, branch)
    yield from check_models(repo)
    yield from check_machine(repo)
    yield from check_registry(os.environ.get("COUNTERSIGN_REGISTRY", ""))


def check_policy(repo: Path) -> Iterator[Check]:
    policy = read_policy(repo)
    yield Check("policy", "passed", f"{POLICY_FILE} names {len(policy.roles)} roles")
    for kind, quorum in policy.sign_off.quorums():
        for role, count in quorum.items():
            yield from _enough(policy, kind, role, count)


def _enough(policy: Policy, kind: str, role: str, count: int) -> Iterator[Check]:
    """Yield what is wrong if only the proposer could sign: nobody signs their own proposal."""
    holders = policy.roles[role]
    if holders.teams:
        return
    people = len({user.lower() for user in holders.users})
    if people < count:
        yield Check(
            "roles",
            "failed",
            f"{kind} needs {count} signatures of {role}, which {people} hold",
            f"name more users in roles.{role}, or a team",
        )
    elif people == count:
        yield Check(
            "roles",
            "warning",
            f"{kind} needs every holder of {role}: a proposal of theirs can never merge",
            f"name one more user in roles.{role}, or a team",
        )


def check_owners(repo: Path) -> Iterator[Check]:
    place, owners = read_owners(repo)
    yield from failures("code owners", owners.problems)
    for path in (POLICY_FILE, f"{WORKFLOW_FOLDER}finetune.yml", "models/any/recipe.yml"):
        rule = owners.rule_for(path)
        if rule is None or not rule.owners:
            yield Check(
                "code owners",
                "warning",
                f"nobody owns {path}; only the policy's quorum protects it",
                f"add a line for it to {place}",
            )
    if not owners.problems:
        yield Check("code owners", "passed", f"GitHub can read all of {place}")


def check_keys(repo: Path) -> Iterator[Check]:
    revoked = {one.sha256 for one in read_revoked(text_of(repo, REVOKED_KEYS))}
    good = 0
    for file in sorted((repo / KEYS).glob("*.pem")):
        path = f"{KEYS}/{file.name}"
        text = text_of(repo, path) or ""
        if not is_public_key(text):
            fix = "print a public key with: countersign key"
            yield Check("signing key", "failed", f"{path} is no public key on P-256", fix)
        elif fingerprint(text) in revoked:
            fix = f"remove the file; it stays in {REVOKED_KEYS}"
            yield Check("signing key", "warning", f"{path} is revoked", fix)
        else:
            good += 1
    if good:
        yield Check("signing key", "passed", f"{good} in force in {KEYS}")
    else:
        fix = f"countersign key --new FILE > {KEYS}/countersign.pem"
        yield Check("signing key", "failed", f"{KEYS} has no key: nothing can be proven", fix)


def check_workflows(repo: Path, branch: str) -> Iterator[Check]:
    """Yield whether our workflows are there and current, and which others reach own runners."""
    for name in WORKFLOWS:
        path = f"{WORKFLOW_FOLDER}{name}.yml"
        try:
            text = text_of(repo, path)
        except UserError as error:
            yield from failures("workflows", error)
            continue
        if text is None:
            yield Check("workflows", "failed", f"{path} is missing", _LAY_DOWN)
        elif text == shipped_workflow(name, branch):
            yield Check("workflows", "passed", f"{path} is the current one")
        else:
            fix = "see the difference with: countersign init --upgrade --role NAME=LOGIN"
            yield Check("workflows", "warning", f"{path} is not as this version ships it", fix)
    ours = {f"{name}.yml" for name in WORKFLOWS}
    for file in sorted((repo / WORKFLOW_FOLDER).glob("*.y*ml")):
        if file.name in ours or "self-hosted" not in file.read_text("utf-8", "replace"):
            continue
        yield Check(
            "workflows",
            "warning",
            f"{WORKFLOW_FOLDER}{file.name} runs on self-hosted runners too",
            "restrict the runner group to finetune.yml and rollback.yml",
        )


def check_models(repo: Path) -> Iterator[Check]:
    recipes = sorted((repo / "models").glob("*/recipe.yml"))
    if recipes:
        sentence = f"{len(recipes)} with a recipe; countersign validate checks them"
        yield Check("models", "passed", sentence)
    else:
        fix = "make one with: countersign import"
        yield Check("models", "warning", "models/ has no recipe yet", fix)


def check_machine(repo: Path) -> Iterator[Check]:
    """Yield disk and memory of this machine, and whether an NVIDIA driver answers."""
    free = shutil.disk_usage(repo).free / 1e9
    yield _at_least("disk", free, LEAST_DISK_GB, "free the disk, or train on another machine")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    yield _at_least("memory", memory, LEAST_MEMORY_GB, "train on a machine with more")
    if shutil.which("nvidia-smi"):
        yield Check("accelerator", "passed", "nvidia-smi is there")
    else:
        fix = "on the machine that trains: install the NVIDIA driver"
        yield Check("accelerator", "warning", "no NVIDIA driver: training runs on the CPU", fix)


def _at_least(name: str, found: float, least: float, remedy: str) -> Check:
    said = f"{found:.0f} GB"
    if found >= least:
        return Check(name, "passed", said)
    return Check(name, "warning", f"{said}; small models need about {least} GB", remedy)


def check_registry(url: str) -> Iterator[Check]:
    """Yield whether the registry takes a file and gives it back."""
    if not url:
        fix = "set COUNTERSIGN_REGISTRY, on the runner and where models are served"
        yield Check("registry", "warning", "COUNTERSIGN_REGISTRY is not set here", fix)
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe"
            probe.write_text("countersign doctor was here\n", encoding="utf-8")
            store = Registry(url)
            stored = store.publish(probe, media="text/plain")
            store.fetch(stored.digest, Path(folder) / "back")
    except UserError as error:
        yield from failures("registry", error)
    else:
        yield Check("registry", "passed", f"{url} takes a file and gives it back")
