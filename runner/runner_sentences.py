"""Errors that several modules of the runner raise; a sentence with one use is at its use."""

from __future__ import annotations

from policy.errors import UserError


def missing_file(where: str) -> UserError:
    return UserError.one(where, "missing", "add the file")


def unreadable(where: str, error: Exception) -> UserError:
    said = getattr(error, "strerror", None) or str(error)
    return UserError.one(where, f"cannot be read: {said}", "fix the file or its permissions")


def no_rows(where: str) -> UserError:
    return UserError.one(where, "no usable row is left", "run countersign validate and fix them")


def artifact_missing(where: str, digest: str, cause: UserError) -> UserError:
    said = "; ".join(f"{problem.where} {problem.what}" for problem in cause.problems)
    return UserError.one(
        f"{where} artifact.digest",
        f"{digest[:19]}... cannot be fetched: {said}",
        "name the registry that it was published to with --registry or COUNTERSIGN_REGISTRY",
    )


def base_not_loaded(base: str, said: str) -> UserError:
    return UserError.one(
        f"base_model {base}",
        f"cannot be loaded: {said}",
        "check the name, the revision and the network; only safetensors files are read, and code "
        "that comes with a model is not run",
    )


def template_refused(where: str, said: str) -> UserError:
    return UserError.one(
        where,
        f"the chat template rejects this row: {said}",
        "fix the row, or choose another chat_template",
    )
