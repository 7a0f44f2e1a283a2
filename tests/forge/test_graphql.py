"""GraphQL: commits as GitHub's schema shows them, and its refusals."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from countersign_ml.forge import Forge
from tests.forge.conftest import NAME, Checkout

QUERY = """query($oid: GitObjectID!) { repository(owner: "acme", name: "support") {
  object(oid: $oid) { __typename ... on Commit { %s } } } }"""


def asked(forge: Forge, query: str, **variables: Any) -> dict[str, Any]:
    answer = requests.post(
        f"{forge.url}/api/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"bearer {forge.actor('ada').token.value}"},
        timeout=10,
    )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def commit(forge: Forge, oid: str, fields: str) -> dict[str, Any]:
    answer = asked(forge, QUERY % fields, oid=oid)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["repository"]["object"]
    return found


def test_history_comes_in_pages_with_parents_and_the_file_of_each_commit(
    forge: Forge, checkout: Checkout
) -> None:
    checkout.change("topic", {"x.txt": "1\n"})
    checkout.change("topic", {"x.txt": "2\n"})
    head = checkout("rev-parse", "HEAD")
    fields = """history(first: 1 %s) { pageInfo { endCursor hasNextPage }
      nodes { oid parents(first: 1) { nodes { oid } } file(path: "x.txt") { oid mode type } } }"""
    first = commit(forge, head, fields % "")["history"]
    assert first["nodes"][0]["oid"] == head
    assert first["nodes"][0]["file"]["oid"] == checkout("rev-parse", "HEAD:x.txt")
    assert first["nodes"][0]["file"]["mode"] == 0o100644
    assert first["pageInfo"]["hasNextPage"]
    after = f', after: "{first["pageInfo"]["endCursor"]}"'
    second = commit(forge, head, fields % after)["history"]
    assert second["nodes"][0]["oid"] == first["nodes"][0]["parents"]["nodes"][0]["oid"]
    assert commit(forge, head, 'file(path: "none") { oid }')["file"] is None


def test_authors_are_the_author_and_the_trailers_each_with_its_user(
    forge: Forge, checkout: Checkout
) -> None:
    linus = forge.actor("linus").account
    message = f"Words\n\nCo-authored-by: L <{linus.noreply}>\nCo-authored-by: X <x@x.example>"
    checkout("checkout", "--quiet", "-B", "topic")
    checkout("commit", "--quiet", "--allow-empty", "-m", message)
    checkout("push", "--quiet", "--force", "origin", "topic")
    fields = "authors(first: 10) { nodes { name email user { login databaseId } } }"
    nodes = commit(forge, checkout("rev-parse", "HEAD"), fields)["authors"]["nodes"]
    assert [node["email"] for node in nodes[1:]] == [linus.noreply, "x@x.example"]
    assert nodes[1]["user"] == {"login": "linus", "databaseId": linus.id}
    assert nodes[2]["user"] is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ viewer { login } }", "Cannot query field 'viewer'"),
        ('{ repository(owner: "acme") { databaseId } }', "of type 'String!' is required"),
        ("{ repository", "Syntax Error"),
    ],
)
def test_a_query_outside_the_schema_is_refused(forge: Forge, query: str, told: str) -> None:
    assert told in asked(forge, query)["errors"][0]["message"]


def test_a_page_needs_a_size_of_at_most_100(forge: Forge, checkout: Checkout) -> None:
    head = checkout("rev-parse", "HEAD")
    for argument, kind in (
        ("(first: 101)", "EXCESSIVE_PAGINATION"),
        ("", "MISSING_PAGINATION_BOUNDARIES"),
    ):
        answer = asked(forge, QUERY % f"history{argument} {{ totalCount }}", oid=head)
        assert answer["errors"][0]["type"] == kind


def test_an_unknown_repository_is_null_and_says_so(forge: Forge) -> None:
    answer = asked(forge, '{ repository(owner: "acme", name: "none") { databaseId } }')
    assert answer["data"] == {"repository": None}
    assert answer["errors"][0]["type"] == "NOT_FOUND"
    assert NAME not in str(answer)


def test_nobody_asks_without_a_token(forge: Forge) -> None:
    answer = requests.post(f"{forge.url}/api/graphql", json={"query": "{ __typename }"}, timeout=10)
    assert answer.status_code == 401
