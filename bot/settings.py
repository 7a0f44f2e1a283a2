"""The bot's settings, read once from the environment; every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from countersign_ml.attestation import KeyFormatError, public_key
from policy.errors import Problem, UserError

PREFIX = "COUNTERSIGN_"
_MAKE_KEY = "make one with: countersign key --new FILE"


@dataclass(frozen=True)
class Settings:
    """Where GitHub is, who the App is, and where the queue is kept."""

    app_id: int
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    signing_key: str = field(repr=False)
    """The private key that signs records; it is never the App's, which every API call uses."""
    github_api: str = "https://api.github.com"
    queue: str = ".countersign/queue.sqlite"
    host: str = "127.0.0.1"
    port: int = 8080
    old_webhook_secret: str = field(default="", repr=False)
    """It counts too, while the webhook's secret is being replaced."""
    log: str = "text"
    workers: int = 2
    """How many pieces of work this process does at once."""
    sweep_seconds: int = 300
    lease_seconds: float = 60
    """How long the work of a killed process rests before another takes it up."""
    seconds_between_requests: float = 0.25
    seconds_between_writes: float = 1.0

    @property
    def github_web(self) -> str:
        """Return where people look: github.com, or the server before `/api/v3`."""
        if self.github_api == "https://api.github.com":
            return "https://github.com"
        return self.github_api.removesuffix("/").removesuffix("/api/v3")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; raise one UserError that names every variable that is wrong."""
    problems: list[Problem] = []

    def text(name: str, default: str | None, remedy: str = "") -> str:
        value = environment.get(PREFIX + name, "").strip()
        if value:
            return value
        if default is None:
            problems.append(Problem(PREFIX + name, "not set", remedy))
        return default or ""

    def number(name: str, default: str | None, least: float, remedy: str = "") -> float:
        value = text(name, default, remedy)
        if not value:
            return least
        try:
            found = float(value)
        except ValueError:
            problems.append(Problem(PREFIX + name, f"{value!r} is not a number", "write digits"))
            return least
        if not least <= found < 2**53:
            problems.append(Problem(PREFIX + name, f"{value} is out of range", f"from {least:g}"))
        return found

    api = text("GITHUB_API", "https://api.github.com").rstrip("/")
    if urlsplit(api).scheme not in ("http", "https") or not urlsplit(api).hostname:
        problems.append(
            Problem(PREFIX + "GITHUB_API", f"{api!r} is no URL", "such as https://api.github.com")
        )
    key = _private_key(
        "PRIVATE_KEY",
        text("PRIVATE_KEY", None, "the App's private key: PEM text, or its path"),
        problems,
    )
    signing = _private_key("SIGNING_KEY", text("SIGNING_KEY", None, _MAKE_KEY), problems)
    if signing:
        try:
            public_key(signing)
        except KeyFormatError as error:
            problems.append(Problem(PREFIX + "SIGNING_KEY", str(error), _MAKE_KEY))
    settings = Settings(
        app_id=int(number("APP_ID", None, 1, "the number on the App's settings page")),
        private_key=key,
        signing_key=signing,
        webhook_secret=text("WEBHOOK_SECRET", None, "the secret of the App's webhook"),
        github_api=api,
        queue=text("QUEUE", ".countersign/queue.sqlite"),
        host=text("HOST", "127.0.0.1"),
        port=int(number("PORT", "8080", 0)),
        lease_seconds=number("LEASE_SECONDS", "60", 4),
        old_webhook_secret=text("WEBHOOK_SECRET_OLD", ""),
        log=text("LOG", "text"),
        workers=int(number("WORKERS", "2", 1)),
        sweep_seconds=int(number("SWEEP_SECONDS", "300", 1)),
        seconds_between_requests=number("SECONDS_BETWEEN_REQUESTS", "0.25", 0),
        seconds_between_writes=number("SECONDS_BETWEEN_WRITES", "1", 0),
    )
    if settings.log not in ("text", "json"):
        problems.append(Problem(PREFIX + "LOG", f"{settings.log!r} is no format", "text or json"))
    if settings.port > 65535:
        problems.append(Problem(PREFIX + "PORT", f"{settings.port} is out of range", "0 to 65535"))
    if problems:
        raise UserError(problems)
    return settings


def _private_key(name: str, value: str, problems: list[Problem]) -> str:
    where = PREFIX + name
    if not value:
        return ""
    if "-----BEGIN" not in value:
        try:
            value = Path(value).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            problems.append(
                Problem(where, f"{value}: {reason}", "give PEM text or a readable path")
            )
            return ""
    if "PRIVATE KEY-----" not in value:
        remedy = _MAKE_KEY if name == "SIGNING_KEY" else "download it from the App's page"
        problems.append(Problem(where, "no PEM private key", remedy))
        return ""
    return value
