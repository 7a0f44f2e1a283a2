"""Every sentence that the runner says to a person: where it is, what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policy.errors import Problem, UserError
from policy.facts.win_rate_facts import JudgeFacts

NO_BASE_BRANCH = (
    "the run was not shown the base branch; --incumbent names its pointer.json in a clone of it"
)

# Repository and files


def no_such_folder(path: Path) -> UserError:
    return UserError.one(str(path), "no such folder", "check --repo")


def git_not_installed() -> UserError:
    return UserError.one("git", "is not installed", "install git and run this again")


def no_repository(path: Path, said: str) -> UserError:
    return UserError.one(
        str(path.resolve()),
        f"no git repository here: {said}",
        "run this in one, name one with --repo, or begin one with: git init",
    )


def bad_model_name(name: str) -> UserError:
    return UserError.one(
        f"model {name[:80]!r}",
        "not a model's name",
        "use lower-case letters, digits, dots, dashes and underscores, 64 at most",
    )


def unknown_model(name: str, near: Sequence[str], known: Sequence[str]) -> UserError:
    if near:
        remedy = f"did you mean {near[0]!r}?"
    elif known:
        remedy = f"known models: {', '.join(known)}"
    else:
        remedy = "the repository has no models/<model>/recipe.yml yet"
    return UserError.one(f"models/{name}", "no such model", remedy)


def no_models(repo: Path) -> UserError:
    return UserError.one(
        str(repo),
        "no governed model: there is no models/<model>/recipe.yml",
        "add one, or make one of a CSV file with: countersign import",
    )


def symlink(where: str) -> UserError:
    return UserError.one(where, "a symbolic link, or no regular file", "put the file itself there")


def own_folder_in_git(where: str, folder: str) -> UserError:
    return UserError.one(
        where,
        f"is in git, and {folder} is for what a run itself left: nothing that a commit brings is "
        "taken for measured",
        f"take it out of the commits: git rm -r --cached {folder}",
    )


def missing_file(where: str) -> UserError:
    return UserError.one(where, "missing", "add the file")


def unreadable(where: str, error: Exception) -> UserError:
    said = getattr(error, "strerror", None) or str(error)
    return UserError.one(where, f"cannot be read: {said}", "mend the file or its rights")


def missing_data(where: str, split: str, path: str) -> Problem:
    return Problem(
        f"{where} configs",
        f"names {path} for the {split} split, and there is no such file",
        "add the file or mend its path",
    )


# Rows


def no_rows(where: str) -> UserError:
    return UserError.one(where, "no row is left to use", "run countersign validate and mend them")


# The line


def another_incumbent(expected: str, found: str) -> UserError:
    return UserError.one(
        "--expect-incumbent",
        f"expected {expected}, but the pointer names {found}: another version went live meanwhile",
        "start the run again for the version that is live now",
    )


def another_key(expected: str, found: str) -> UserError:
    return UserError.one(
        "--expect-key",
        f"expected {expected}, but these files against what is live give {found}",
        "start the run with the key, commit and live version of one and the same proposal",
    )


def trained_elsewhere(model: str, engine: str) -> UserError:
    return UserError.one(
        f"models/{model}/recipe.yml engine",
        f"{engine} does not train on this machine, and nothing is sent there by this command",
        f"prepare the files with: countersign {engine} prepare {model}",
    )


def cache_not_writable(folder: Path, error: OSError) -> UserError:
    return UserError.one(
        f"cache {folder}",
        f"cannot be written: {error.strerror}",
        "name another folder with --cache or COUNTERSIGN_CACHE",
    )


def not_writable(folder: Path, error: OSError) -> UserError:
    return UserError.one(
        str(folder), f"cannot be written: {error.strerror}", "give this account write access"
    )


def missing_policy(where: str) -> UserError:
    return UserError.one(where, "missing", "add it, or name another with --policy")


def pointer_of_another(where: str, model: str, found: str) -> UserError:
    return UserError.one(where, f"is about {found!r}, not {model!r}", "name that model's pointer")


def no_pointer(where: str) -> UserError:
    return UserError.one(
        where, "missing: no version is live, so there is nothing to recover", "promote one first"
    )


def artifact_missing(where: str, digest: str, cause: UserError) -> UserError:
    said = "; ".join(f"{problem.where} {problem.what}" for problem in cause.problems)
    return UserError.one(
        f"{where} artifact.digest",
        f"{digest[:19]}... cannot be fetched: {said}",
        "name the registry that it was published to with --registry or COUNTERSIGN_REGISTRY",
    )


def gates_stopped(names: Sequence[str]) -> str:
    return f"the data gates do not hold: {', '.join(names)}"


def publish_incomplete(what: str) -> UserError:
    return UserError.one(
        "publish", f"{what}; nothing was published", "mend that and run countersign run again"
    )


def inputs_changed(model: str) -> UserError:
    return UserError.one(
        f"models/{model}",
        "its files changed while they were measured",
        "run it again when nothing writes to them",
    )


# Import


def exists_already(where: str) -> UserError:
    return UserError.one(where, "exists already and is never written over", "choose another name")


def no_column(where: str, name: str, near: Sequence[str], known: Sequence[str]) -> UserError:
    remedy = f"did you mean {near[0]!r}?" if near else f"its columns: {', '.join(known)}"
    return UserError.one(f"{where}:1", f"has no column {name!r}", remedy)


def reserved_column(where: str, name: str) -> UserError:
    return UserError.one(
        f"{where}:1",
        f"the column {name!r} cannot be kept: a row has a key of that name",
        "rename it",
    )


def bad_csv(where: str, line: int, said: str) -> UserError:
    return UserError.one(f"{where}:{line}", said, "mend that line")


def too_few_labels(where: str, count: int) -> UserError:
    return UserError.one(where, f"holds {count} labels", "a classification needs at least two")


def unseen_label(where: str, split: str, label: str) -> UserError:
    return UserError.one(
        where,
        f"the label {label!r} is in a {split} row and in no training row",
        "add training rows for it, or leave it out",
    )


# Comparing two versions


def more_characters(count: int) -> str:
    return f" [... {count} more characters]"


def characters_alike(count: int) -> str:
    return f"[the first {count} characters are alike ...] "


def judged(facts: JudgeFacts) -> str:
    """Return what asking the judge came to; a stage's note."""
    text = f"{facts.judged} of {facts.pairs} pairs judged by {facts.judge}, {facts.calls} calls"
    if facts.cached_calls:
        text += f" and {facts.cached_calls} from the cache"
    if facts.cost is not None and facts.prices is not None:
        text += f", {facts.cost:.4f} {facts.prices.currency}"
    return text


def judge_not_asked(error: UserError) -> str:
    return f"the judge could not be asked, and all else goes on: {error}"
