"""Every sentence of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from countersign_ml.audit.history.audit_facts import CardEdit, CommitFacts
from policy.facts.attempt import RecordedAttempt

FIRST_COMMIT = "the first commit of the history: no rules were in force before it"
FIRST_VERSION = "the first version: it names no predecessor, and none was live"
NO_POLICY = "the commit before has no policy, so nothing says what had to hold"
RECORD_OF_BOTH = "merged as the head that people signed"
NO_RECORDS_AT_ALL = "this clone holds no sign-off records: fetch them with git fetch --tags"
TO_NOTHING = "nothing is left live, so there is no evidence to judge"
NO_POINTER = "no pointer can be read, so nothing names the evidence"
FOUNDED = "these rules are where trust begins: no key was in force before them"


def short(commit: str) -> str:
    return commit[:12]


def by(commit: CommitFacts) -> str:
    """Return a commit with who committed it and when, as it says itself."""
    return f"{short(commit.id)} by {commit.committer or 'nobody named'} on {commit.at or 'no date'}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names, the first few and how many more."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def files(names: Sequence[str]) -> str:
    return f"{len(names)} file{'' if len(names) == 1 else 's'} ({listed(names)})"


# Movement


def forward(old: str, new: str) -> str:
    return f"forward from {old} to {new}, which names {old} as its predecessor"


def back(old: str, new: str) -> str:
    return f"back from {old} to {new}, which was live before"


def to_nothing(old: str) -> str:
    return f"back from {old}, the first version, to none"


def to_nothing_with_predecessor(old: str, predecessor: str) -> str:
    return f"the pointer was removed although {old} had the predecessor {predecessor}"


def unreadable_pointer(which: str) -> str:
    return f"the pointer {which} this commit cannot be read"


def neither_way(old: str, new: str) -> str:
    return f"{new} neither names {old} as its predecessor nor was live before"


def other_model(named: str) -> str:
    return f"the pointer is of another model, {named}"


def quarantined(version: str) -> str:
    return f"its artifact is that of {version}, which was rolled back before"


# Files


def evidence_missing(path: str) -> str:
    return f"{path}, the evidence that the pointer names, is not there at this commit"


def evidence_misplaced(path: str, expected: str) -> str:
    return f"the pointer names {path} as its evidence; it must lie at {expected}"


def evidence_differs(path: str, found: str, named: str) -> str:
    return f"{path} has the digest {found}; the pointer names {named}"


def evidence_matches(path: str, digest: str) -> str:
    return f"{path} is there and has the digest that the pointer names, {digest}"


def pointer_rebuilt(version: str) -> str:
    return f"a release of this evidence writes this very pointer, {version}"


def pointer_not_rebuilt(fields: Sequence[str]) -> str:
    return f"a release of this evidence writes another pointer: {listed(fields)} differ"


NO_RELEASE = "a release of this evidence writes no pointer at all"


def inputs_match(digest: str) -> str:
    return f"recipe, contract and data at this commit give the proposal that was measured, {digest}"


def inputs_differ(found: str, named: str) -> str:
    return f"recipe, contract and data at this commit give {found}; what was measured is {named}"


def irregular(paths: Sequence[str]) -> str:
    return f"links or submodules among the model's files: {listed(paths)}"


def card_missing(path: str) -> str:
    return f"{path}, the model card, is not there at this commit"


def card_there(path: str) -> str:
    return f"{path} is there"


# Record


def direct_push(commit: CommitFacts) -> str:
    return f"direct push: {by(commit)} has one parent, and no record speaks for it"


def bypass(commit: CommitFacts) -> str:
    return f"bypass: {by(commit)} merged {short(commit.parents[1])}, and no record speaks for it"


def also_unreadable(tags: Sequence[str]) -> str:
    return f"what was merged carries tags that hold no record: {listed(tags)}"


def signed_by_key(tag: str, key: str, parent: str) -> str:
    return f"{tag} is signed by {key}, in force since before {short(parent)}"


def not_signed(tag: str, problem: str, keys: Sequence[str], parent: str) -> str:
    known = listed(keys) if keys else "none"
    return f"{tag}: {problem} (keys in force at {short(parent)}: {known})"


RELATIONS = {
    "merged": "the commit merged the very head that the record is about, {head}",
    "queued": "a merge queue's commit merged the head that the record is about, {head}",
    "squashed": "one commit with exactly the changes of the head that the record is about, {head}",
}


def related(relation: str, head: str) -> str:
    return RELATIONS[relation].format(head=short(head))


def other_head(head: str, commit: CommitFacts, brought: str) -> str:
    if brought:
        return f"the record is about {short(head)}; {by(commit)} merged {short(brought)}"
    return f"the record is about {short(head)}; {by(commit)} changed something else"


def tag_moved(target: str, head: str) -> str:
    return f"the tag points at {short(target)}; its record is about {short(head)}"


MOVE_RECORDED = "the record names the pointer before and after, blob by blob"
MOVE_NOT_RECORDED = "the record names another pointer before or after"


def kind_differs(recorded: str, found: str) -> str:
    return f"the record calls it a {recorded}; by its history it is a {found}"


def evidence_recorded(recorded: str | None, found: str | None) -> str:
    return f"the record was made on the evidence {recorded}; here it is {found}"


def base_holds(base: str, parent: str) -> str:
    if base == parent:
        return f"judged under the rules of {short(base)}, the commit before"
    return f"judged under the rules of {short(base)}, unchanged until {short(parent)}"


def base_elsewhere(base: str) -> str:
    return f"judged under {short(base)}, which is not a commit of this branch before this one"


def base_moved(base: str, paths: Sequence[str]) -> str:
    return f"judged under {short(base)}; since then the branch changed {files(paths)}"


def branch_holds(branch: str) -> str:
    return f"signed for the branch {branch}"


def branch_differs(recorded: str, branch: str) -> str:
    return f"signed for the branch {recorded}, not for {branch}"


def repository_holds(name: str) -> str:
    return f"signed for the repository {name}"


def repository_differs(recorded: str, expected: Sequence[str]) -> str:
    return f"signed for the repository {recorded}, not for {listed(expected)}"


# Signers


def role_holders(role: str, logins: Sequence[str]) -> str:
    named = listed([f"@{login}" for login in logins])
    return f"the record lets {named} sign as {role}; the policy of that day does not"


ROLES_HOLD = "whoever holds a role in the record holds it under the policy of that day"


def own_commits(logins: Sequence[str]) -> str:
    named = listed([f"@{login}" for login in logins])
    return f"{named} approved, and stands in a commit of the pull request"


NO_OWN_COMMITS = "nobody who approved stands in a commit of the pull request"


def kept_not_allowed(commits: Sequence[str]) -> str:
    return f"approvals of {listed([short(commit) for commit in commits])} do not count here"


def owners_broken(path: str) -> str:
    return f"{path} cannot be read, so nobody can tell who owns what"


# Overrides


def override(user: str, role: str, gate: str, reason: str) -> str:
    return f"{gate} forced by @{user} as {role}: {reason}"


def override_refused(gate: str, user: str, why: str) -> str:
    return f"@{user} could not force {gate}: {why}"


OVERRIDE_NOT_ALLOWED = "the policy of that day lets nobody force it"
OVERRIDE_ROLE = "the role may not, or the person does not hold it"
OVERRIDE_OWN = "who takes part in a proposal cannot force it"
OVERRIDE_EVIDENCE = "it was stated about other evidence"


# Spot-check


SPOT_CHECK_EVIDENCE = "it was signed about other evidence"
SPOT_CHECK_SAMPLE = "it names another sample than the evidence holds"
SPOT_CHECK_OWN = "who takes part in a proposal cannot sign its sample"
SPOT_CHECK_TWICE = "the record holds two signatures by one person"


def spot_check_refused(roles: Sequence[str], rows: int) -> str:
    return (
        f"either they did not hold {' or '.join(roles)} with write access, or their marks are not "
        f"of {rows} rows"
    )


# Release commit, cards, tip, rules

UNTOUCHED = "pointer, card, evidence, inputs and rules are exactly those of the signed head"


def touched(head: str, paths: Sequence[str]) -> str:
    return f"this commit has other content than the signed head {short(head)} in {files(paths)}"


def strays(head: str, paths: Sequence[str]) -> str:
    return f"this commit also changes what the signed head {short(head)} does not: {files(paths)}"


CARDS_KEPT = "card and evidence are as they were released"


def edited(edit: CardEdit) -> str:
    verb = "removed" if edit.removed else "edited"
    return f"{edit.path} was {verb} later, in {by(edit.commit)}"


def tip_holds(version: str) -> str:
    return f"the model's files on the branch are those that {version} was made from"


def tip_differs(version: str) -> str:
    return f"changed without a version: data, recipe or contract are not those of {version}"


def tip_inputs_in(commits: Sequence[CommitFacts]) -> str:
    return f"changed without a version in {listed([by(commit) for commit in commits])}"


NO_VERSION = "no version is live"


def rules_unsigned(commit: CommitFacts) -> str:
    return bypass(commit) if commit.is_merge else direct_push(commit)


def recovery_unreadable(problem: str) -> str:
    return f"the record's recovery evidence cannot be read: {problem}"


NO_RECOVERY = "no verified record holds the evidence of a recovery run"
RECOVERY_BINDS = "the recovery run was about this way back: these inputs, from and to these files"
RECOVERY_ELSEWHERE = "the recovery run was about another way back"


def not_recorded(version: str) -> str:
    return f"the evidence of {version} was not on the branch before, or gives another pointer"


def recorded(version: str) -> str:
    return f"the evidence of {version} was on the branch before and gives this very pointer"


def no_time(at: str) -> str:
    return f"the record names no moment at which it was made: {at!r}"


def spent(commit: str) -> str:
    return f"the record already spoke for {short(commit)}; it speaks once"


def attempt_asked(one: RecordedAttempt) -> str:
    return f"@{one.user} asked on {one.asked}: {one.reason}"


def attempt_unreadable(number: int) -> str:
    return f"the record's evidence of attempt {number} cannot be read, or is of another model"


def attempt_not_listed(number: int, user: str, at: str) -> str:
    return (
        f"@{user} had asked for attempt {number} by {at}, and the record does not say how it ended"
    )
