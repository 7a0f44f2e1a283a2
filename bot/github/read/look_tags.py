"""Which looks at a model's held-out rows this bot recorded in signed tags, and which it did not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from bot.facts.looks import MAX_FOREIGN, KnownLooks, UnrecordedLook
from bot.facts.model_facts import Run
from bot.github.api import Api, ApiError, path
from countersign_ml.attestation import EnvelopeError, verify
from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from policy.facts.look import LOOK_TYPE, LookRecord, look_tags
from policy.facts.statement import read_statement

_NAME = re.compile(r"(?P<rows>[0-9a-f]{16})/(?P<number>[1-9][0-9]{0,5})-(?P<key>[0-9a-f]{16})")


Asked = tuple[int, str]
"""A pull request's number, and who asked there."""


class LookReader:
    """Reads one repository's records of looks."""

    def __init__(self, api: Api, repository: str, public_key: str) -> None:
        self._api = api
        self._base = path("repos", *repository.split("/"))
        self._repository = repository.lower()
        self._key = public_key

    def of(self, model: str, own: Iterable[str] = (), *, afresh: bool = False) -> KnownLooks:
        """Return the looks at a model's rows, whichever pull request asked.

        What this process read or wrote is remembered; before a check turns green it is read
        `afresh`. A record lists those before it, so of each rows the latest ones are enough, and
        those of the keys in `own`, which say who asked.
        """
        wanted = frozenset(own)
        prefix = look_tags(model)
        known = looks_known_as(self._base, model)
        listed: list[dict[str, dict[str, str]]] | None = self._api.recall(known)
        if afresh or listed is None:
            listed = list(self._api.pages(f"{self._base}/git/matching-refs/tags/{prefix}"))
            self._api.forget(known)
            self._api.remember(known, listed)
        named = {str(item["ref"]).removeprefix("refs/tags/"): item["object"] for item in listed}
        places = {name: _NAME.fullmatch(name.removeprefix(prefix)) for name in named}
        foreign = [name for name, place in places.items() if place is None]
        ordered = sorted(
            (place for place in places.values() if place is not None),
            key=lambda place: (-int(place["number"]), place["key"]),
        )
        records: list[LookRecord] = []
        listed_before: set[tuple[str, str]] = set()
        unread: set[tuple[str, str]] = set()
        for place in ordered:
            name = prefix + place[0]
            listed_already = (place["rows"], place["key"]) in listed_before
            if listed_already and place["key"] not in wanted:
                unread.add((place["rows"], place["key"]))
                continue
            if len(foreign) >= MAX_FOREIGN:
                return KnownLooks(tuple(records), tuple(foreign), crowded=True)
            record = self._record(name, named[name])
            if record is None or record.model != model:
                foreign.append(name)
                continue
            records.append(record)
            listed_before |= {(place["rows"], key) for key in (*record.earlier, record.key)}
        return KnownLooks(tuple(records), tuple(foreign), frozenset(unread))

    def unrecorded(
        self, model: str, runs: Iterable[Run], known: KnownLooks, own: Mapping[str, Asked]
    ) -> tuple[UnrecordedLook, ...]:
        """Return the looks that these completed runs gave and that no record has, oldest first.

        Whether the run ended well, and whether its pull request is still open, does not matter:
        its artifact shows the figures. `own` says which pull request and who asked for a key.
        """
        if known.crowded:
            return ()  # deciding says what has to be removed first
        found: dict[tuple[str, str], UnrecordedLook] = {}
        for run in sorted(runs, key=lambda run: (run.id, run.artifact)):
            key = run.title.rpartition(" ")[2]
            if run.evidence is None or run.status != "completed" or key in known.keys:
                continue
            for look in self._looks(model, run.evidence, key, own):
                found.setdefault((look.rows, key), look)
        return tuple(found.values())

    def _looks(
        self, model: str, text: bytes, key: str, own: Mapping[str, Asked]
    ) -> Iterator[UnrecordedLook]:
        try:
            evidence = parse_evidence(text, "evidence.json")
        except UserError:
            return
        measured = evidence.measurement("candidate") or evidence.measurement("merged")
        if measured is None:
            return  # it ended before the evaluation: nobody saw a figure
        pull, user = own[key] if key in own else self._asked(evidence.commit)
        yield UnrecordedLook(model, measured.rows, key, evidence.digest(), pull, user)

    def _asked(self, commit: str) -> Asked:
        """Return the pull request that brought a commit, and its author; 0 and "" if unknown."""
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            return 0, ""
        try:
            items = self._api.find(f"{self._base}/commits/{commit}/pulls") or []
        except ApiError as error:
            if error.status not in (409, 422):  # the commit is not there any more
                raise
            items = []
        first = min(items, key=lambda item: int(item["number"]), default=None)
        if first is None:
            return 0, ""
        return int(first["number"]), str((first.get("user") or {}).get("login") or "")

    def _record(self, name: str, tagged: dict[str, str]) -> LookRecord | None:
        if tagged["type"] != "tag":
            return None
        tag = self._api.fixed(f"{self._base}/git/tags/{tagged['sha']}")
        try:
            payload, _ = verify(str(tag["message"]), LOOK_TYPE, {"own": self._key})
            record = read_statement(LookRecord, payload, name)
        except (EnvelopeError, UserError):
            return None
        here = record.repository.lower() == self._repository  # the bot may serve others too
        return record if here and record.tag() == name else None


def looks_known_as(base: str, model: str) -> str:
    """Return the name under which the tags of a model's looks are remembered."""
    return f"looks {base} {model}"
