"""A first commit from a folder, an App's key and a user's token."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from countersign_ml.forge.deeds.ref_moves import moved
from countersign_ml.forge.git.bare_repository import ZERO, Person
from countersign_ml.forge.request.auth import Actor
from countersign_ml.forge.state.account_records import Account, Token
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.world_state import World
from policy.errors import UserError


def app_key(pem: str | None) -> rsa.RSAPrivateKey:
    """The App's key from its PEM text, or a new one."""
    if pem is None:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UserError.one("private_key_pem", "is not an RSA private key", "give it in PEM form")
    return key


def grant_token(world: World, account: Account) -> None:
    """Make the account's personal access token valid, with all rights of its user."""
    world.tokens[account.token] = Token(account.token, account)


def seed(world: World, record: Repository, folder: Path, actor: Actor, message: str) -> str:
    """Commit the folder's files, except ignored ones, to the default branch; return the SHA."""
    if not folder.is_dir():
        raise UserError.one(str(folder), "is not a folder", "name the folder to commit")
    store = record.store
    index = store.path / "index.seed"
    place = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(folder.resolve())}
    try:
        store.text(
            "--git-dir", str(store.path), "add", "--all", "--", str(folder.resolve()), extra=place
        )
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
