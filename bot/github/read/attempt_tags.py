"""Which attempts of a proposal people requested, as this bot recorded them in signed tags."""

from __future__ import annotations

from bot.github.api import Api, path
from countersign_ml.attestation import EnvelopeError, verify
from policy.errors import UserError
from policy.facts.attempt import ATTEMPT_TYPE, AttemptRecord, attempt_tags
from policy.facts.statement import read_statement


class AttemptReader:
    """Reads one repository's records of attempts."""

    def __init__(self, api: Api, repository: str, public_key: str) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))
        self._repository = repository.lower()
        self._key = public_key

    def of(
        self, model: str, proposal: str, *, afresh: bool = False
    ) -> tuple[tuple[AttemptRecord, ...], str]:
        """Return a proposal's attempts after the first, by number, and a tag that is no record.

        A tag that somebody else wrote is named: nobody can know what was there before. What this
        process read or wrote is remembered. Before a check turns green it is read `afresh`, because
        another process may have recorded an attempt.
        """
        prefix = attempt_tags(model, proposal)
        known = known_as(self._base, prefix)
        listed: list[dict[str, dict[str, str]]] | None = self._api.recall(known)
        if afresh or listed is None:
            listed = list(self._api.pages(f"{self._base}/git/matching-refs/tags/{prefix}"))
            self._api.forget(known)
            self._api.remember(known, listed)
        found = []
        for item in listed:
            name = str(item["ref"]).removeprefix("refs/tags/")
            record = self._record(name, item["object"])
            if record is None or record.model != model or record.proposal != proposal:
                return (), name
            found.append(record)
        return tuple(sorted(found, key=lambda record: record.number)), ""

    def _record(self, name: str, tagged: dict[str, str]) -> AttemptRecord | None:
        if tagged["type"] != "tag":
            return None
        tag = self._api.fixed(f"{self._base}/git/tags/{tagged['sha']}")
        try:
            payload, _ = verify(str(tag["message"]), ATTEMPT_TYPE, {"own": self._key})
            record = read_statement(AttemptRecord, payload, name)
        except (EnvelopeError, UserError):
            return None
        here = record.repository.lower() == self._repository  # the bot may serve others too
        return record if here and record.tag() == name else None


def known_as(base: str, prefix: str) -> str:
    """Return the name under which the tags below a prefix are remembered."""
    return f"attempts {base} {prefix}"
