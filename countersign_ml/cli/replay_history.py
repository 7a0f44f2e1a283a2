"""The merged versions and their evidence, read from a clone without network access."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from countersign_ml.git import git
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.pointer_history import read_pointer
from policy.governed import evidence_path, is_model_name, model_of, pointer_path

POINTERS = ":(glob)models/*/pointer.json"


@dataclass(frozen=True)
class Merged:
    """One version, at the commit where the default branch's pointer first named it.

    `evidence` is None if it is missing or unreliable; `problem` says why.
    """

    model: str
    version: str
    commit: str
    evidence: Evidence | None
    problem: str = ""


class Clone:
    """A git repository on this machine, read at its default branch."""

    def __init__(self, directory: Path) -> None:
        """Find the default branch: `origin/HEAD` if the clone has it, else HEAD."""
        self.directory = directory
        if not directory.is_dir() or self._git("rev-parse", "--git-dir") is None:
            raise UserError.one(
                str(directory), "is not a git repository", "name one with --repository DIR"
            )
        for ref in ("refs/remotes/origin/HEAD", "HEAD"):
            found = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
            if found is not None:
                self.ref, self.commit = ref.removeprefix("refs/remotes/"), found.decode().strip()
                return
        raise UserError.one(str(directory), "has no commits", "fetch the default branch")

    @property
    def is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository") != b"false\n"

    def _git(self, *arguments: str) -> bytes | None:
        """Return git's output; None if it fails."""
        answer = git(self.directory, *arguments)
        return answer.out if answer.ok else None

    def file(self, path: str, commit: str | None = None) -> bytes | None:
        """Return a file's bytes at a commit (default: of the default branch), or None."""
        return self._git("cat-file", "blob", f"{commit or self.commit}:{path}")

    def policy(self, path: str) -> tuple[str, str]:
        """Return the text of the default branch's policy, and its location."""
        where = f"{self.ref}:{path}"
        content = self.file(path)
        if content is None:
            raise UserError.one(where, "not found on the default branch", "commit one first")
        try:
            return content.decode(), where
        except UnicodeDecodeError as error:
            raise UserError.one(where, f"is not text: {error}", "save it as UTF-8") from error

    def merged(self, model: str | None, last: int) -> tuple[Merged, ...]:
        """Return the last versions, in the order in which pointers first named them.

        Only the first parents of the default branch count.
        """
        wanted = pointer_path(model) if model is not None else POINTERS
        listed = self._git(
            *("log", "--first-parent", "--diff-merges=first-parent"),
            *("--reverse", "--no-renames", "--name-only", "--format=%x00%H", self.commit, "--"),
            wanted,
        )
        if listed is None:
            raise UserError.one(str(self.directory), "its history cannot be read", "run: git fsck")
        named: dict[tuple[str, str], Merged | None] = {}
        for entry in listed.decode("utf-8", "replace").split("\0")[1:]:
            commit, *paths = entry.split("\n")
            for path in sorted(filter(None, paths)):
                merged = self._named_by(path, commit)
                if merged is not None:
                    named.setdefault((merged.model, merged.version), merged)
        return tuple(filter(None, named.values()))[-last:]

    def _named_by(self, path: str, commit: str) -> Merged | None:
        """Return the version that a pointer names at a commit; None if the pointer was removed."""
        model = model_of(path) or ""
        text = self.file(path, commit)
        if text is None or not is_model_name(model):
            return None
        pointer = read_pointer(text.decode("utf-8", "replace"))
        if pointer is None or pointer.model != model:
            return Merged(model, f"at {commit[:12]}", commit, None, f"{path} cannot be read")
        recorded = evidence_path(model, pointer.version)
        content = self.file(recorded, commit)
        evidence, problem = None, ""
        if content is None:
            problem = f"{recorded} is missing"
        elif digest_bytes(content) != pointer.evidence.digest:
            problem = f"{recorded} is not the evidence that the pointer names"
        else:
            try:
                evidence = parse_evidence(content, recorded)
            except UserError as error:
                problem = str(error.problems[0])
        return Merged(model, pointer.version, commit, evidence, problem)
