"""Which paths are judged: those of models, and everything that decides how they are read."""

from __future__ import annotations

import pytest

from policy.governed import is_governed, is_rule

RULES = (
    "policy/policy.yml",
    "policy/keys/bot.pem",
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".github/workflows/finetune.yml",
    ".github/workflows/lint.yml",
    ".github/actions/setup/action.yml",
    ".gitattributes",
    "models/.gitattributes",
    "models/support/data/.gitattributes",
    "deep/er/.gitattributes",
    ".gitmodules",
    ".lfsconfig",
    ".mailmap",
    ".dvcignore",
    ".dvc/config",
    ".dvc/config.local",
    ".countersign/work/x/stage.json",
    ".countersign/.gitignore",
    # A link or a submodule in place of a folder.
    ".github",
    ".github/workflows",
    "policy",
    "policy/keys",
    ".dvc",
    ".countersign",
    # On a file system that ignores case, a twin replaces the file.
    "Policy/policy.yml",
    "policy/POLICY.yml",
    ".GitHub/codeowners",
    ".GITATTRIBUTES",
    "Models/support/recipe.yml",
    "MODEL_CARDS/support/v1-00000000.md",
)


@pytest.mark.parametrize("path", RULES)
def test_what_decides_how_files_are_read_or_judged_is_a_rule(path: str) -> None:
    assert is_rule(path)
    assert is_governed([path])


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/guide.md",
        "policy/README.md",
        "src/gitattributes.py",
        "notes/.gitattributes.md",
        "workflows/build.yml",
        "models.md",
        "models/README.md",
        ".dvcfile",
        "Dockerfile",
    ],
)
def test_other_files_govern_nothing(path: str) -> None:
    assert not is_governed([path])


def test_files_of_a_model_belong_to_the_model() -> None:
    assert is_governed(["models/support/data/train.jsonl"])
    assert not is_rule("models/support/data/train.jsonl")
