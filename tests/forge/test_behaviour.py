"""How GitHub behaves, asked through PyGithub and git alone.

By default the forge answers. With COUNTERSIGN_GITHUB_URL (API address), COUNTERSIGN_GITHUB_TOKEN,
COUNTERSIGN_GITHUB_REVIEWER_TOKEN (a second person with write access) and COUNTERSIGN_GITHUB_REPO a
real repository does: one whose default branch has a README.md and no rules that block merging.
"""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import github
import pytest
import requests
from github.Repository import Repository

from countersign_ml.forge import Forge
from tests.forge.conftest import NAME, Checkout

REAL = "COUNTERSIGN_GITHUB_URL"


@dataclass
class Place:
    """One GitHub: where it is, who acts, on which repository."""

    api_url: str
    token: str
    reviewer_token: str
    repository: str

    def repo(self, token: str | None = None) -> Repository:
        pause = (
            {}
            if REAL in os.environ
            else {"seconds_between_requests": 0.0, "seconds_between_writes": 0.0}
        )
        return github.Github(
            base_url=self.api_url, auth=github.Auth.Token(token or self.token), retry=None, **pause
        ).get_repo(self.repository)  # type: ignore[arg-type]


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    if REAL in os.environ:
        return Place(
            *(
                os.environ[name]
                for name in (
                    REAL,
                    "COUNTERSIGN_GITHUB_TOKEN",
                    "COUNTERSIGN_GITHUB_REVIEWER_TOKEN",
                    "COUNTERSIGN_GITHUB_REPO",
                )
            )
        )
    forge: Forge = request.getfixturevalue("forge")
    return Place(
        forge.api_url, forge.actor("ada").token.value, forge.actor("linus").token.value, NAME
    )


@pytest.fixture
def repo(place: Place) -> Repository:
    return place.repo()


@pytest.fixture
def work(place: Place, repo: Repository, tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "clone", repo.clone_url, "ada", place.token)


@pytest.fixture
def name() -> str:
    return f"topic-{uuid.uuid4().hex[:8]}"


def test_a_pull_request_from_push_to_merge(
    place: Place, repo: Repository, work: Checkout, name: str
) -> None:
    head = work.change(name, {f"{name}.txt": "one\ntwo\n"})
    pull = repo.create_pull(base=repo.default_branch, head=name, title="A change", body="Why")
    assert (pull.head.sha, pull.state, pull.merged, pull.commits) == (head, "open", False, 1)
    (file,) = pull.get_files()
    assert (file.filename, file.status, file.additions) == (f"{name}.txt", "added", 2)
    review = (
        place.repo(place.reviewer_token)
        .get_pull(pull.number)
        .create_review(event="APPROVE", body="Good")
    )
    assert (review.state, review.commit_id) == ("APPROVED", head)
    comment = pull.create_issue_comment("First")
    comment.edit("Second")
    assert [c.body for c in pull.get_issue_comments()] == ["Second"]
    merged = pull.merge(sha=head)
    commit = repo.get_commit(merged.sha)
    assert [p.sha for p in commit.parents][1] == head
    assert commit.commit.message.startswith(f"Merge pull request #{pull.number} from ")
    assert commit.commit.verification.verified
    again = repo.get_pull(pull.number)
    assert (again.merged, again.state, again.merge_commit_sha) == (True, "closed", merged.sha)


def test_authors_neither_approve_nor_block_their_own(
    repo: Repository, work: Checkout, name: str
) -> None:
    work.change(name, {f"{name}.txt": "x\n"})
    pull = repo.create_pull(base=repo.default_branch, head=name, title="Mine")
    for event in ("APPROVE", "REQUEST_CHANGES"):
        with pytest.raises(github.GithubException) as refused:
            pull.create_review(event=event, body="me")
        assert refused.value.status == 422
    assert pull.create_review(event="COMMENT", body="me").state == "COMMENTED"


def test_a_merge_with_an_old_sha_is_refused_with_409(
    repo: Repository, work: Checkout, name: str
) -> None:
    old = work.change(name, {f"{name}.txt": "x\n"})
    pull = repo.create_pull(base=repo.default_branch, head=name, title="Moves")
    new = work.change(name, {f"{name}.txt": "y\n"})
    with pytest.raises(github.GithubException) as refused:
        pull.merge(sha=old)
    assert refused.value.status == 409
    pull.merge(sha=new)
    with pytest.raises(github.GithubException) as twice:
        pull.merge(sha=new)
    assert twice.value.status == 405


def test_a_conflict_is_not_mergeable_and_answers_405(
    repo: Repository, work: Checkout, name: str
) -> None:
    work.change(f"{name}-a", {"README.md": f"{name} a\n"})
    work("checkout", "--quiet", "origin/HEAD")
    work.change(f"{name}-b", {"README.md": f"{name} b\n"})
    first, second = (
        repo.create_pull(base=repo.default_branch, head=f"{name}-{x}", title=x) for x in "ab"
    )
    first.merge()
    assert repo.get_pull(second.number).mergeable is False
    with pytest.raises(github.GithubException) as refused:
        second.merge()
    assert refused.value.status == 405


def test_renames_show_both_names(repo: Repository, work: Checkout, name: str) -> None:
    text = "".join(f"{name} {n}\n" for n in range(30))
    work.change(f"{name}-a", {f"{name}-old.txt": text})
    repo.create_pull(base=repo.default_branch, head=f"{name}-a", title="Add").merge()
    work("fetch", "--quiet")
    work("checkout", "--quiet", "-b", f"{name}-b", f"origin/{repo.default_branch}")
    work.change(f"{name}-b", {f"{name}-old.txt": None, f"{name}-new.txt": f"{text}more\n"})
    pull = repo.create_pull(base=repo.default_branch, head=f"{name}-b", title="Rename")
    (file,) = pull.get_files()
    assert (file.status, file.previous_filename, file.filename) == (
        "renamed",
        f"{name}-old.txt",
        f"{name}-new.txt",
    )


def test_a_commit_is_made_from_blob_tree_and_ref(repo: Repository, name: str) -> None:
    base = repo.get_branch(repo.default_branch).commit
    blob = repo.create_git_blob(base64.b64encode(b"\x00binary").decode(), "base64")
    tree = repo.create_git_tree(
        [github.InputGitTreeElement("a/b.bin", "100644", "blob", sha=blob.sha)],
        repo.get_git_tree(base.commit.tree.sha),
    )
    commit = repo.create_git_commit("By API", tree, [repo.get_git_commit(base.sha)])
    ref = repo.create_git_ref(f"refs/heads/{name}", commit.sha)
    assert repo.get_contents("a/b.bin", ref=name).decoded_content == b"\x00binary"  # type: ignore[union-attr]
    compared = repo.compare(repo.default_branch, name)
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 1, 0)
    with pytest.raises(github.GithubException) as refused:
        ref.edit(repo.create_git_commit("Root", tree, []).sha, force=False)
    assert refused.value.status == 422
    ref.edit(base.sha, force=True)
    ref.delete()
    with pytest.raises(github.UnknownObjectException):
        repo.get_branch(name)


def test_lists_come_in_pages_with_links(place: Place, repo: Repository) -> None:
    issue = repo.create_issue("Many comments")
    for n in range(5):
        issue.create_comment(str(n))
    url = f"{issue.url}/comments?per_page=2"
    seen: list[str] = []
    headers = {"Authorization": f"Bearer {place.token}"}
    while url:
        answer = requests.get(url, headers=headers, timeout=20)
        seen += [c["body"] for c in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    assert seen == ["0", "1", "2", "3", "4"]
    issue.edit(state="closed")


def test_a_known_etag_answers_304_and_costs_nothing(place: Place, repo: Repository) -> None:
    headers = {"Authorization": f"Bearer {place.token}"}
    first = requests.get(repo.url, headers=headers, timeout=20)
    again = requests.get(
        repo.url, headers=headers | {"If-None-Match": first.headers["ETag"]}, timeout=20
    )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]


def test_what_is_wrong_is_said_with_githubs_status(place: Place, repo: Repository) -> None:
    with pytest.raises(github.UnknownObjectException):
        repo.get_pull(999_999)
    with pytest.raises(github.GithubException) as same:
        repo.create_pull(base=repo.default_branch, head=repo.default_branch, title="Nothing")
    assert same.value.status == 422
    with pytest.raises(github.BadCredentialsException):
        place.repo("not-a-token")
    raw = requests.post(
        f"{repo.url}/issues",
        data="{",
        timeout=20,
        headers={"Authorization": f"Bearer {place.token}"},
    )
    assert raw.status_code == 400
    long = requests.post(
        f"{repo.url}/issues",
        json={"title": "x", "body": "x" * 65_537},
        timeout=20,
        headers={"Authorization": f"Bearer {place.token}"},
    )
    assert long.status_code == 422


def test_closing_reopening_and_retargeting(repo: Repository, work: Checkout, name: str) -> None:
    work.change(f"{name}-base", {f"{name}-base.txt": "x\n"})
    work("checkout", "--quiet", f"origin/{repo.default_branch}")
    work.change(name, {f"{name}.txt": "x\n"})
    pull = repo.create_pull(base=repo.default_branch, head=name, title="Moves about")
    pull.edit(base=f"{name}-base")
    assert repo.get_pull(pull.number).base.ref == f"{name}-base"
    pull.edit(state="closed")
    pull.edit(state="open")
    work("push", "--quiet", "origin", f":{name}")
    assert repo.get_pull(pull.number).state == "closed"
