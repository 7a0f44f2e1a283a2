"""Which evidence of a run key was seen first, as this bot recorded it in a signed tag."""

from __future__ import annotations

from bot.github.api import Api, path
from countersign_ml.attestation import EnvelopeError, verify
from policy.errors import UserError
from policy.facts.statement import read_statement
from policy.people.sign_off_record import MEASURED_TYPE, MeasuredRecord, measured_tag


class MeasuredReader:
    """Reads one repository's records of first evidence."""

    def __init__(self, api: Api, repository: str, public_key: str) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))
        self._repository = repository.lower()
        self._key = public_key

    def first(self, model: str, key: str) -> tuple[str, str]:
        """Return the digest that is recorded for a key, and the tag if it is anything else.

        Both are empty if nothing is recorded. A digest that was read once is remembered. This
        bot may serve other repositories too, with other runners and the same key: what it recorded
        there says nothing here.
        """
        name = measured_tag(model, key)
        known = f"measured {self._base} {name}"
        kept: str | None = self._api.recall(known)
        if kept is not None:
            return kept, ""
        there = self._api.find(f"{self._base}/git/ref/tags/{name}")
        if there is None:
            return "", ""
        if there["object"]["type"] != "tag":
            return "", name
        tag = self._api.get(f"{self._base}/git/tags/{there['object']['sha']}")
        try:
            payload, _ = verify(str(tag["message"]), MEASURED_TYPE, {"own": self._key})
            record = read_statement(MeasuredRecord, payload, name)
        except (EnvelopeError, UserError):
            return "", name
        if record.tag() != name or record.repository.lower() != self._repository:
            return "", name
        self._api.remember(known, record.evidence)
        return record.evidence, ""
