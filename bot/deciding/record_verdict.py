"""The sign-off record of a green verdict, from the facts that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.deciding import messages, signing
from bot.facts.model_state import ModelState
from bot.facts.snapshot import ModelFacts, Snapshot
from policy.canonical import digest_of, git_blob_sha
from policy.facts.attempt import RecordedAttempt
from policy.people.sign_off import latest_states
from policy.people.sign_off_record import RecordedModel, RecordedReview, SignOffRecord
from policy.verdict import Finding, Outcome


def judge_key(snapshot: Snapshot) -> Finding:
    """Return whether the base branch holds the key that this bot signs records with."""
    held = {_plain(key) for key in snapshot.keys}
    if snapshot.own_key and _plain(snapshot.own_key) in held:
        return Finding("record", Outcome.PASSED, messages.KEY_HELD)
    return Finding("record", Outcome.FAILED, messages.key_missing(snapshot.default_branch))


def record_of(snapshot: Snapshot, states: Sequence[ModelState]) -> SignOffRecord:
    """Return the record of who approved this head, of those only who reviewed, overrode or read."""
    facts = signing.facts_of(snapshot, None)
    reviews = sorted(latest_states(facts.reviews).values(), key=lambda review: review.order)
    people = {review.user.lower() for review in reviews}
    people |= {o.user.lower() for state in states for o in state.overrides}
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
            "pull": snapshot.pull.number,
            "title": snapshot.pull.title,
            "head": snapshot.pull.head_sha,
            "base": snapshot.base_head,
            "rules": digest_of([snapshot.policy, snapshot.codeowners, sorted(snapshot.keys)]),
            "branch": snapshot.default_branch,
            "author": snapshot.pull.author,
            "contributors": sorted(facts.contributors),
            "reviews": tuple(
                RecordedReview.model_validate(
                    {
                        "id": review.id,
                        "user": review.user,
                        "state": review.state,
                        "commit": review.commit,
                        "submitted": review.submitted,
                    }
                )
                for review in reviews
            ),
            "kept": {commit: snapshot.trees[commit] for commit in sorted(facts.kept)},
            "writers": _among(facts.writers, people),
            "roles": _reviewing(facts.roles, people),
            "teams": _reviewing(facts.teams, people),
            "emails": dict(facts.emails),
            "models": tuple(_model(state, models[state.model]) for state in states),
            "overrides": tuple(o for state in states for o in state.overrides),
            "spot_checks": readings,
            "recovery": {
                state.model: state.evidence.text()
                for state in states
                if state.kind == "rollback" and state.evidence is not None
            },
            "attempts": tuple(
                RecordedAttempt(
                    model=state.model,
                    number=attempt.number,
                    user=attempt.record.user,
                    asked=attempt.record.asked,
                    reason=attempt.record.reason,
                    comment=attempt.record.comment,
                    evidence=attempt.evidence.text(),
                )
                for state in states
                for attempt in state.attempts
                if attempt.record is not None and attempt.evidence is not None
            ),
            "at": snapshot.now,
        }
    )


def _model(state: ModelState, facts: ModelFacts) -> RecordedModel:
    return RecordedModel.model_validate(
        {
            "model": state.model,
            "kind": state.kind,
            "before": _blob(facts.base_pointer),
            "after": _blob(facts.head_pointer),
            "evidence": state.evidence.digest() if state.evidence is not None else None,
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
