"""Who stands in for a person whom only a trailer names: `/stand-in WHO DIGEST WHY` in a comment.

The digest is of the person and of every commit with the trailer, so that the comment covers no
later commit. Whether it counts is judged with the approvals, in `policy.people.sign_off`.
"""

from __future__ import annotations

from pydantic import ValidationError

from bot.facts.comment_commands import Command, heard
from bot.facts.snapshot import Snapshot
from countersign_ml.markdown import ZERO_WIDTH
from policy.people.co_authors import Credit, Lift


def credits_of(snapshot: Snapshot) -> tuple[Credit, ...]:
    """Return everyone whom only trailers name, by name; not who made a commit anyway."""
    made = {login.lower() for commit in snapshot.commits for login in commit.logins}
    made.add(snapshot.pull.author.lower())
    named: dict[tuple[str, bool], list[str]] = {}
    for commit in snapshot.commits:
        for login in dict.fromkeys(one.lower() for one in commit.co_authors):
            named.setdefault((login, True), []).append(commit.sha)
        for email in dict.fromkeys(one.lower() for one in commit.credited):
            named.setdefault((email, False), []).append(commit.sha)
    return tuple(
        Credit(who="_".join(who.split())[:320], account=account, commits=tuple(commits))
        for (who, account), commits in sorted(named.items())
        if not (account and who in made)
    )


def lifts_of(snapshot: Snapshot) -> tuple[Lift, ...]:
    """Return every lift that somebody stated, oldest first."""
    found = (_lift(command) for command in heard(snapshot.comments, "stand-in"))
    return tuple(lift for lift in found if lift is not None)


def _lift(command: Command) -> Lift | None:
    who, digest, reason = command.argument.split(" ", 2)
    try:
        return Lift(
            who=who.replace(ZERO_WIDTH, "").removeprefix("@"),  # as the bot shows it
            digest=digest,
            user=command.comment.author,
            reason=reason.strip(),
            comment=command.comment.id,
            stated=command.comment.created,
        )
    except ValidationError:
        return None
