"""Who exists: users, organisations, teams, Apps, and the tokens that they use.

All records here and in the modules next to it are plain and mutable, and guarded by `World.lock`.
Times are seconds since the epoch, by the world's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass
class Account:
    """A user, an organisation, or an App's bot."""

    id: int
    login: str
    kind: Literal["User", "Organization", "Bot"]
    name: str
    email: str
    token: str
    created: float

    @property
    def noreply(self) -> str:
        """The address GitHub writes into commits made in this account's name."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass
class Team:
    """A team of an organisation; `members` maps a login to `member` or `maintainer`."""

    id: int
    org: str
    slug: str
    name: str
    members: dict[str, str]
    created: float


@dataclass
class App:
    """A GitHub App with its single installation."""

    id: int
    slug: str
    name: str
    bot: Account
    private_key_pem: str
    public_key_pem: str
    installation_id: int
    webhook_url: str | None
    webhook_secret: str
    events: list[str]
    permissions: dict[str, str]
    created: float
    account: str | None = None

    @property
    def app_id(self) -> int:
        """The number that goes into a JWT's `iss`."""
        return self.id


@dataclass
class Token:
    """A bearer secret; an App's token has its own permissions."""

    value: str
    account: Account
    app: App | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repositories: frozenset[int] | None = None
    expires: float | None = None
    quiet: bool = False  # a workflow's GITHUB_TOKEN: its events start no workflows
