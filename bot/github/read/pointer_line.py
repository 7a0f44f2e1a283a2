"""Every content that a pointer had on the default branch, along first parents as in the audit.

REST's list of commits that touch a path, and git's own, follow merged branches too, and may leave
the default branch for one of them. What a merged branch had in between was never live. GraphQL
lists commits with their parents and with the file at each, 100 a call, so the first parents are
picked out here. What is known below a commit is kept: after a merge, one call reads the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.github.api import Api, ApiError, path
from policy.facts.pointer_history import Moment, first_parents, moments

MOST_PAGES = 200
PAGE = 100
MOST_COMMITS = MOST_PAGES * PAGE
"""A branch with more commits behind it, merged ones included, is not read to its beginning."""
PLAIN = frozenset({0o100644, 0o100755})
QUERY = """
query(
  $owner: String!, $name: String!, $head: GitObjectID!, $path: String!, $first: Int!, $after: String
) {
  repository(owner: $owner, name: $name) {
    object(oid: $head) {
      ... on Commit {
        history(first: $first, after: $after) {
          pageInfo { hasNextPage endCursor }
          nodes {
            oid
            committedDate
            parents(first: 1) { nodes { oid } }
            file(path: $path) { oid mode }
          }
        }
      }
    }
  }
}
"""


class HistoryTooLongError(Exception):
    """More commits are behind the branch than are read; `read` are the newest of its moments."""

    def __init__(self, read: tuple[Moment, ...] = ()) -> None:
        super().__init__("the history is too long")
        self.read = read


class PointerLine:
    """Reads the contents of files along the first parents of one repository's commits."""

    def __init__(self, api: Api, repository: str) -> None:
        self._api = api
        self._owner, _, self._name = repository.partition("/")
        self._kept = path("repos", *repository.split("/"))

    def moments(self, head: str, file: str) -> tuple[Moment, ...]:
        """Return the file's contents (blob ids) up to a commit, oldest first.

        Raise HistoryTooLongError if that takes more than `MOST_PAGES` calls.
        """
        earlier = self._recall(head, file)
        if earlier is not None:
            return earlier
        pages = self._pages(head, file)
        seen: dict[str, dict[str, Any]] = {}
        line: list[Moment] = []

        def parents(commit: str) -> tuple[str, ...]:
            while commit not in seen:
                page = next(pages, None)
                if page is None:
                    raise ApiError("POST", "/graphql", 404, f"history of {head} without {commit}")
                seen.update((str(node["oid"]), node) for node in page)
            return tuple(str(one["oid"]) for one in seen[commit]["parents"]["nodes"])

        try:
            for commit in first_parents(head, parents):
                earlier = self._recall(commit, file)
                if earlier is not None:
                    break
                parents(commit)
                line.append(_moment(seen[commit]))
        except HistoryTooLongError as error:
            raise HistoryTooLongError(moments(reversed(line))[1:]) from error
        found = moments(reversed(line), earlier or ())
        self._api.remember(self._key(head, file), [[m.commit, m.at, m.content] for m in found])
        return found

    def _pages(self, head: str, file: str) -> Iterator[list[dict[str, Any]]]:
        named = {
            "owner": self._owner,
            "name": self._name,
            "head": head,
            "path": file,
            "first": PAGE,
        }
        after = None
        for _ in range(MOST_PAGES):
            answer = self._api.query(QUERY, {**named, "after": after})
            commit = (answer.get("repository") or {}).get("object") or {}
            if "history" not in commit:
                raise ApiError("POST", "/graphql", 404, f"no commit {head}")
            yield commit["history"]["nodes"]
            if not commit["history"]["pageInfo"]["hasNextPage"]:
                return
            after = commit["history"]["pageInfo"]["endCursor"]
        raise HistoryTooLongError

    def _key(self, commit: str, file: str) -> str:
        return f"pointer line {self._kept} {file} {commit}"

    def _recall(self, commit: str, file: str) -> tuple[Moment, ...] | None:
        kept = self._api.recall(self._key(commit, file))
        return None if kept is None else tuple(Moment(*one) for one in kept)


def _moment(node: dict[str, Any]) -> Moment:
    """Return what a commit had; a link or a folder is no pointer."""
    file: dict[str, Any] = node.get("file") or {}
    content = str(file["oid"]) if file.get("mode") in PLAIN else None
    return Moment(str(node["oid"]), str(node["committedDate"]), content)
