"""First content and first keys: a folder committed as the default branch, a user's token."""

from __future__ import annotations

from pathlib import Path

from forge.auth import Actor
from forge.git import ZERO, Person
from forge.moves import moved
from forge.records import Account, Token
from forge.state import Repository, World
from policy.errors import UserError


def grant_token(world: World, account: Account) -> None:
    """Make the account's personal access token valid; it may do all that its user may."""
    world.tokens[account.token] = Token(account.token, account)


def seed(world: World, record: Repository, folder: Path, actor: Actor, message: str) -> str:
    """Commit the folder's files, as .gitignore allows, onto the default branch; return the SHA."""
    if not folder.is_dir():
        raise UserError.one(str(folder), "is no folder", "name the folder to commit")
    store = record.store
    index = store.path / "index.seed"
    place = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(folder.resolve())}
    try:
        store.text("--git-dir", str(store.path), "add", "--all", "--", str(folder.resolve()),
                   extra=place)
        tree = store.text("write-tree", extra=place)
    finally:
        index.unlink(missing_ok=True)
    who = actor.account
    person = Person(who.name or who.login, who.email or who.noreply, int(world.clock()))
    ref = f"refs/heads/{record.default_branch}"
    old = store.ref(ref)
    made = store.write_commit(tree, [old] if old else [], message + "\n", person, person)
    store.move(ref, made)
    moved(world, record, ref, old or ZERO, made, who)
    return made
