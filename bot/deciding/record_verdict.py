"""The sign-off record of a green verdict, from the facts that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from bot.deciding import signing
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import ModelState
from bot.facts.snapshot import Snapshot
from countersign_ml.attestation import fingerprint
from policy.canonical import digest_of, git_blob_sha
from policy.errors import UserError
from policy.facts.attempt import RecordedAttempt
from policy.facts.pointer_history import read_pointer
from policy.people.co_authors import GITHUB
from policy.people.revoked_keys import REVOKED_KEYS, read_revoked
from policy.people.sign_off import Review, latest_states, lifted
from policy.people.sign_off_record import RecordedLook, RecordedModel, RecordedReview, SignOffRecord
from policy.verdict import Finding, Outcome


def judge_key(snapshot: Snapshot) -> Finding:
    """Return whether the base branch has the key that this bot signs records with."""
    try:
        revoked = {one.sha256 for one in read_revoked(snapshot.revoked_keys)}
    except UserError as error:
        return Finding("record", Outcome.ERRORED, str(error.problems[0]))
    if revoked and fingerprint(snapshot.own_key) in revoked:
        sentence = (
            f"{REVOKED_KEYS} on {snapshot.default_branch} revokes the key that this bot signs "
            "with; make another one (countersign key --new FILE), merge its public key into "
            "policy/keys, and start the bot with it"
        )
        return Finding("record", Outcome.FAILED, sentence)
    held = {_plain(key) for key in snapshot.keys}
    if snapshot.own_key and _plain(snapshot.own_key) in held:
        return Finding(
            "record", Outcome.PASSED, "the base branch has the key that signs the sign-off record"
        )
    sentence = (
        f"policy/keys on {snapshot.default_branch} does not have the public key that this bot "
        "signs with, so nobody could verify who signed; merge it there first (countersign key "
        "prints it)"
    )
    return Finding("record", Outcome.FAILED, sentence)


def record_of(snapshot: Snapshot, states: Sequence[ModelState]) -> SignOffRecord:
    """Return the record of who approved this head; only people who reviewed, overrode or read."""
    facts = signing.facts_of(snapshot, None)
    reviews = sorted(latest_states(facts.reviews).values(), key=lambda review: review.order)
    people = {review.user.lower() for review in reviews}
    people |= {o.user.lower() for state in states for o in state.judged.overrides}
    readings = tuple(
        one
        for state in states
        if state.spot_check is not None
        for one in state.spot_check.signatures
    )
    people |= {one.user.lower() for one in readings}
    models = {model.name: model for model in snapshot.models}
    return SignOffRecord.model_validate(
        {
            "repository": snapshot.repository,
            "server": urlsplit(snapshot.web).hostname or GITHUB,
            "pull": snapshot.pull.number,
            "title": snapshot.pull.title,
            "head": snapshot.pull.head_sha,
            "base": snapshot.base_head,
            "rules": digest_of([snapshot.policy, snapshot.codeowners, sorted(snapshot.keys)]),
            "branch": snapshot.default_branch,
            "author": snapshot.pull.author,
            "contributors": sorted(facts.contributors),
            "credits": facts.credits,
            "lifts": tuple(lifted(facts).values()),
            "assistants": facts.assistants,
            "reviews": tuple(map(_review, reviews)),
            "kept": {commit: snapshot.trees[commit] for commit in sorted(facts.kept)},
            "writers": _among(facts.writers, people),
            "roles": _reviewing(facts.roles, people),
            "teams": _reviewing(facts.teams, people),
            "emails": dict(facts.emails),
            "models": tuple(_model(state, models[state.model]) for state in states),
            "overrides": tuple(o for state in states for o in state.judged.overrides),
            "spot_checks": readings,
            "recovery": {
                state.model: state.evidence.text()
                for state in states
                if state.kind == "rollback" and state.evidence is not None
            },
            "looks": tuple(look for state in states for look in _looks(state)),
            "attempts": tuple(attempt for state in states for attempt in _attempts(state)),
            "at": snapshot.now,
        }
    )


def _review(review: Review) -> RecordedReview:
    return RecordedReview.model_validate(
        {
            "id": review.id,
            "user": review.user,
            "state": review.state,
            "commit": review.commit,
            "submitted": review.submitted,
            "account": review.account,
        }
    )


def _attempts(state: ModelState) -> Iterator[RecordedAttempt]:
    for attempt in state.judged.attempts.states:
        if attempt.record is not None and attempt.evidence is not None:
            yield RecordedAttempt(
                model=state.model,
                number=attempt.number,
                user=attempt.record.user,
                asked=attempt.record.asked,
                reason=attempt.record.reason,
                comment=attempt.record.comment,
                evidence=attempt.evidence.text(),
            )


def _looks(state: ModelState) -> Iterator[RecordedLook]:
    look = state.judged.look
    if look is not None:
        yield RecordedLook(model=state.model, rows=look.rows, key=look.key, number=look.number)


def _model(state: ModelState, facts: ModelFacts) -> RecordedModel:
    after = read_pointer(facts.head_pointer)
    return RecordedModel.model_validate(
        {
            "model": state.model,
            "kind": state.kind,
            "before": _blob(facts.base_pointer),
            "after": _blob(facts.head_pointer),
            "evidence": state.evidence.digest() if state.evidence is not None else None,
            "artifact": after.artifact.digest if after is not None else None,
        }
    )


def _blob(text: str | None) -> str | None:
    return git_blob_sha(text.encode()) if text is not None else None


def _reviewing(named: Mapping[str, frozenset[str]], people: set[str]) -> dict[str, tuple[str, ...]]:
    return {name: _among(logins, people) for name, logins in sorted(named.items())}


def _among(logins: frozenset[str], people: set[str]) -> tuple[str, ...]:
    return tuple(sorted(login for login in logins if login.lower() in people))


def _plain(key: str) -> str:
    return "".join(key.split())
