"""GraphQL: `POST /api/graphql`, the part of GitHub's schema about one repository's commits.

graphql-core parses, validates and executes, so that a wrong field or type is refused as on GitHub.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from flask import Blueprint, Response
from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync

from countersign_ml.forge.git import git_history
from countersign_ml.forge.git.bare_repository import CommitObject, Person, TreeEntry
from countersign_ml.forge.request.answers import ApiError, body, reply, world
from countersign_ml.forge.request.auth import readable, signed_in
from countersign_ml.forge.shapes.shapes_common import when
from countersign_ml.forge.state.account_records import Account, Json
from countersign_ml.forge.state.repository_record import Repository
from policy.people.co_authors import trailers

routes = Blueprint("graphql", __name__, url_prefix="/api/graphql")
MOST = 100
"""The largest page."""
SCHEMA = """
scalar DateTime
scalar GitObjectID
type Query { repository(owner: String!, name: String!, followRenames: Boolean = true): Repository }
type Repository {
  databaseId: Int
  nameWithOwner: String!
  object(expression: String, oid: GitObjectID): GitObject
}
interface GitObject { oid: GitObjectID! }
type Blob implements GitObject { oid: GitObjectID! byteSize: Int! }
type Tree implements GitObject { oid: GitObjectID! }
type Tag implements GitObject { oid: GitObjectID! }
type Commit implements GitObject {
  oid: GitObjectID!
  message: String!
  committedDate: DateTime!
  authoredDate: DateTime!
  file(path: String!): TreeEntry
  parents(after: String, first: Int): CommitConnection!
  history(after: String, first: Int, path: String): CommitHistoryConnection!
  authors(after: String, first: Int): GitActorConnection!
}
type TreeEntry { oid: GitObjectID! name: String! path: String type: String! mode: Int! }
type GitActor { name: String email: String user: User }
type User { databaseId: Int login: String! }
type PageInfo { endCursor: String hasNextPage: Boolean! }
type CommitConnection { nodes: [Commit] pageInfo: PageInfo! totalCount: Int! }
type CommitHistoryConnection { nodes: [Commit] pageInfo: PageInfo! totalCount: Int! }
type GitActorConnection { nodes: [GitActor] pageInfo: PageInfo! totalCount: Int! }
"""


@cache
def schema() -> GraphQLSchema:
    """The schema, built once; a Git object's type is in its dictionary."""
    return build_schema(SCHEMA)


@routes.post("")
def query() -> Response:
    """POST a query. Errors are in the answer, and its status is 200, as on GitHub."""
    signed_in()
    data = body()
    if not isinstance(data.get("query"), str):
        raise ApiError(400, "A query attribute must be specified and must be a string.")
    root = {"repository": _repository}
    done = graphql_sync(schema(), data["query"], root, variable_values=data.get("variables"))
    answer: Json = {"data": done.data} if done.data is not None else {}
    if done.errors:
        answer["errors"] = [_error(error) for error in done.errors]
    return reply(json.loads(json.dumps(answer)))


def _error(error: GraphQLError) -> Json:
    shape = dict(error.formatted)
    kind = (error.extensions or {}).get("type")
    shape.pop("extensions", None)
    return {"type": kind, **shape} if kind else dict(shape)


def _refused(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _repository(_info: Any, owner: str, name: str, **_: Any) -> Json:
    try:
        record = readable(owner, name, "contents")
    except ApiError:
        message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
        raise _refused("NOT_FOUND", message) from None
    return {
        "databaseId": record.id,
        "nameWithOwner": record.full_name,
        "object": lambda _info, **named: _object(record, **named),
    }


def _object(record: Repository, oid: str | None = None, expression: str | None = None) -> Any:
    """The object of that id or expression; null if there is none."""
    name = oid or expression or ""
    if oid is not None and len(oid) != 40:
        raise _refused("INVALID", f"Variable oid is invalid: {oid}")
    if ":" in name:
        at, _, path = name.partition(":")
        commit = record.store.resolve(at)
        entry = record.store.entry(commit, path) if commit else None
        return {"__typename": entry.kind.title(), "oid": entry.sha} if entry else None
    commit = record.store.resolve(name)
    return _commit(record, record.store.commit(commit)) if commit else None


def _commit(record: Repository, found: CommitObject) -> Json:
    def parents(_info: Any, **page: Any) -> Json:
        listed = git_history.commits(record.store, list(found.parents))
        return _connection("parents", [_commit(record, each) for each in listed], **page)

    def history(_info: Any, path: str | None = None, **page: Any) -> Json:
        shas = git_history.log(record.store, found.sha, path=path)
        at, some = _page("history", len(shas), **page)
        listed = git_history.commits(record.store, shas[at : at + some])
        return _answer([_commit(record, each) for each in listed], at, len(shas))

    def authors(_info: Any, **page: Any) -> Json:
        return _connection("authors", _authors(found), **page)

    return {
        "__typename": "Commit",
        "oid": found.sha,
        "message": found.message.rstrip("\n"),
        "committedDate": when(found.committer.seconds),
        "authoredDate": when(found.author.seconds),
        "file": lambda _info, path: _entry(record.store.entry(found.sha, path)),
        "parents": parents,
        "history": history,
        "authors": authors,
    }


def _entry(found: TreeEntry | None) -> Json | None:
    if found is None:
        return None
    name = found.path.rsplit("/", 1)[-1]
    mode = int(found.mode, 8)
    return {"oid": found.sha, "name": name, "path": found.path, "type": found.kind, "mode": mode}


def _authors(commit: CommitObject) -> list[Json]:
    """The author and the co-authors of the trailers, each address once, the author first."""
    people = [commit.author, *(Person(*who, 0) for who in trailers(commit.message))]
    once = {person.email.lower(): person for person in reversed(people)}
    return [
        {"name": person.name, "email": person.email, "user": _user(person.email)}
        for person in dict.fromkeys(people)
        if once[person.email.lower()] is person
    ]


def _user(email: str) -> Json | None:
    """The user with that address; Apps' bots are no users."""
    account: Account | None = world().account_by_email(email)
    if account is None or account.kind != "User":
        return None
    return {"databaseId": account.id, "login": account.login}


def _page(
    name: str, total: int, first: int | None = None, after: str | None = None
) -> tuple[int, int]:
    """Where a page starts and how much it may hold; GitHub requires `first`, at most 100."""
    if first is None:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}`."
        raise _refused("MISSING_PAGINATION_BOUNDARIES", message)
    if not 0 <= first <= MOST:
        message = f"Requesting {first} records on the `{name}` exceeds the `first` limit of {MOST}."
        raise _refused("EXCESSIVE_PAGINATION", message)
    try:
        at = int((after or " -1").rsplit(" ", 1)[1]) + 1
    except (ValueError, IndexError):
        raise _refused("INVALID_CURSOR_ARGUMENTS", f"`{after}` is not a valid cursor.") from None
    return at, min(first, max(0, total - at))


def _answer(nodes: list[Json], at: int, total: int) -> Json:
    end = at + len(nodes)
    cursor = f"{nodes[-1].get('oid', 'node')} {end - 1}" if nodes else None
    return {
        "nodes": nodes,
        "totalCount": total,
        "pageInfo": {"endCursor": cursor, "hasNextPage": end < total},
    }


def _connection(name: str, nodes: list[Json], **page: Any) -> Json:
    at, some = _page(name, len(nodes), **page)
    return _answer(nodes[at : at + some], at, len(nodes))
