"""Every sentence that the bot says to a person; tables and layout stand in `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.facts.actions import DispatchRun
from bot.facts.snapshot import Run
from countersign_ml.markdown import code, plain
from policy.sentences import short

CHECK_NAME = "countersign"
COMMENT_MARKER = "<!-- countersign:pull-request -->"
KEYS_MARKER = "<!-- countersign:keys "
INCIDENT_LABEL = "countersign-incident"
KEY_HELD = "the base branch holds the key that the sign-off record is signed with"
POLICY_REMOVED = "policy/policy.yml is removed: without it nothing could be judged"
FIRST_POLICY = "the base branch has no policy yet, so nobody has to sign; this brings the first"
POLICY_READABLE = "the proposed policy can be read"
NOTHING_GOVERNED = "Nothing governed changes here."
NOTHING_GOVERNED_SUMMARY = (
    "This pull request changes no file below `models/` or `model_cards/` and none of the rules, so "
    "no version of a model can change with it."
)
POINTER_BY_HAND = (
    "pointer.json was changed by hand; restore it as the base branch has it. The release commit "
    "writes it once the evidence passes, and reverting a merge moves it back"
)
LEDGER_BY_HAND = (
    "only records below model_cards/ change; they are written by release commits and never by "
    "hand. Restore them as the base branch has them"
)
TARGET_BROKEN = "the pointer at the head cannot be read; revert the merge again as a whole"
OTHER_MODEL = "the evidence is about another model"
OTHER_KEY = (
    "its evidence is about another proposal or another live version than its run key names, or "
    "rests on evidence that never counted here, so it does not count; either somebody started the "
    "run by hand, or the bot and the runner are of different versions"
)
NOT_FIRST = "other evidence was recorded as the first of its run key"
OTHER_INCUMBENT = "the evidence names another live version than the base branch does"
NOTHING_TO_SHIP = "the evidence names no file to ship, or one that no pointer may name"
WHOLE = "recipe, data and contract are those of the version that it goes back to"
DRAFT = "this is a draft: nothing is measured until it is ready for review"
NOT_YET_SIGNABLE = "signatures count once the release commit is at the head; nobody has to act yet"
TOO_MANY_FILES = (
    "it changes 3,000 files or more, and GitHub lists no further; split the pull request"
)
TOO_MANY_COMMITS = (
    "it has 250 commits or more, and GitHub lists no further; squash them, so that every "
    "author is known"
)


def keys_marker(keys: str) -> str:
    """Return the hidden line by which a finished run finds its pull request, and tries count."""
    return f"\n{KEYS_MARKER}{keys} -->" if keys else ""


def incident_marker(model: str, version: str) -> str:
    return f"<!-- countersign:incident {model} {version} -->"


def irregular(paths: Sequence[str]) -> str:
    return f"{', '.join(paths[:5])}: links and submodules cannot be governed; commit plain files"


def bad_model_name(name: str) -> str:
    return f"{name!r} is no model name; use a-z, 0-9, dot, dash and underscore, at most 64"


def no_policy(where: str) -> str:
    return f"{where} is missing; merge a policy there first (countersign init writes one)"


def live_pointer_broken(model: str, branch: str) -> str:
    return f"models/{model}/pointer.json on {branch} cannot be read; mend it there first"


def base_moved(branch: str, model: str, paths: Sequence[str]) -> str:
    return (
        f"{branch} changed {', '.join(paths[:5])} of {model} since this branch left it; merge "
        f"{branch} into this branch (for pointer.json keep the one of {branch}), and it is "
        "measured again"
    )


def other_base(base: str, default: str) -> str:
    return f"It targets {base}. Only {default} ships, so it is judged once it targets {default}."


def conflicts(branch: str) -> str:
    return f"it conflicts with {branch}; merge {branch} into this branch"


def running(run: Run) -> str:
    return f"being measured: {run.url}"


def starting(dispatch: DispatchRun) -> str:
    return f"the run {dispatch.title} is being started for {dispatch.sha}"


def cannot_start(workflow: str, branch: str, reason: str) -> str:
    return (
        f"The run cannot be started: {plain(reason)}. See that .github/workflows/{workflow} is on "
        f"{branch}, that Actions are on, and that the App may write to Actions."
    )


def cannot_release(branch: str, reason: str) -> str:
    return (
        f"The release commit cannot be added to {code(branch)}: {plain(reason)}. See that the App "
        "may push to that branch, or propose from another one."
    )


def foreign_tag(tag: str) -> str:
    return (
        f"The tag {code(tag)} is there already, and is not the record that this bot would sign. "
        "Delete it, and let a ruleset keep countersign/* for the App."
    )


def run_broke(run: Run, problem: str, sha: str) -> str:
    why = problem or "it left no evidence"
    return (
        f"the run ended ({run.conclusion or 'unknown'}), but {why}: {run.url}. Mend the cause, "
        f"then comment `/train {sha}`"
    )


def measured_gone(digest: str) -> str:
    return (
        f"the evidence that was measured first ({short(digest)}) is gone with its run; measuring "
        "again does not replace it. Change the proposal, and it is measured anew"
    )


def evidence_unreadable(problem: str) -> str:
    return f"its evidence cannot be read: {problem}"


def stage_broke(stage: str, message: str) -> str:
    return f"{stage} broke" + (f" ({message})" if message else "")


def other_run(run: Run, problem: str) -> str:
    """Say why a run beside the one that decides does not count."""
    if run.status != "completed":
        return f"{run.url} is under way and will not count: the first evidence decides"
    return f"{run.url} does not count: {problem or 'the first evidence of a run key decides'}"


def tries(runs: int, keys: int) -> str:
    over = "1 run key" if keys == 1 else f"{keys} run keys"
    return (
        f"measured at least {runs} times in this pull request ({over}); the best of several runs "
        "looks better than it is"
    )


def measures_changed(things: Sequence[str]) -> str:
    named = " and ".join(", ".join(things).rsplit(", ", 1))
    return (
        f"This pull request changes the {named} that models are measured by, so its figures are "
        "not comparable with the records of earlier versions"
    )


def from_fork(repository: str) -> str:
    return (
        "it comes from a fork, and nothing from a fork is run on a GPU runner; a maintainer has to "
        f"push this branch to {repository} and open the pull request from there"
    )


def awaits_permission(author: str, sha: str) -> str:
    return (
        f"@{author} has no write access: somebody who has must look at the files, and then comment "
        f"`/train {sha}`"
    )


def quarantined(version: str) -> str:
    return (
        f"{version} was rolled back and is quarantined; propose a change that mends its cause, or "
        "have it forced where the policy allows that"
    )


def recorded(version: str) -> str:
    return f"the base branch holds the evidence of {version}, and it gives this pointer"


def not_recorded(version: str) -> str:
    return f"the base branch holds no evidence that gives this pointer of {version}"


def not_whole(version: str) -> str:
    return (
        f"recipe, data or contract are not those of {version}; revert the merge as a whole, or "
        "make a new proposal"
    )


def cards_touched(paths: Sequence[str]) -> str:
    return f"records are changed by hand: {', '.join(paths[:5])}; restore them"


def back_to_nothing(version: str) -> str:
    return f"{version} was the first version; after this none is live"


def pointer_removed(predecessor: str) -> str:
    return f"the pointer is removed, but {predecessor} was live before; revert to it instead"


def unsanctioned(merged_by: str) -> str:
    return f"@{merged_by} merged this while the countersign check was not green."


def merge_title(pull: int, title: str) -> str:
    return f"Merge pull request #{pull}: {title}"


def release_message(versions: Mapping[str, str]) -> str:
    names = ", ".join(f"{model} {version}" for model, version in sorted(versions.items()))
    return (
        f"Release {names}\n\nPointer, model card and evidence. Approve this commit to sign off; "
        "reverting its merge rolls back.\n"
    )


def how_to_sign(head: str) -> str:
    return f"Every gate holds. To sign, approve this pull request at its head, {code(head[:7])}."


ALL_HOLDS = "Every gate that was asked so far holds."
EVERY_FINDING = "The whole verdict, finding by finding"
TITLES = {
    "passed": "Passed: evidence and signatures hold",
    "spot-check": "Waiting for the spot-check",
    "sign": "Waiting for signatures",
    "measuring": "Waiting for evidence",
    "release": "Evidence passed; the release commit follows",
    "held": "Signed, and stopped for now",
    "failed": "Blocked",
    "inconclusive": "Inconclusive: what was measured cannot settle it",
}


def title(key: str, kinds: Sequence[str]) -> str:
    """Return the title of check and comment; a way back says so."""
    words = TITLES[key]
    return f"Rollback: {words[0].lower()}{words[1:]}" if "rollback" in kinds else words


def judged(word: str, told: str) -> str:
    """Say what the judge model's gate came to; the sentence is safe already."""
    return f"**Judge's win rate**: {word}; {told}."


def merged_line(sha: str | None, merged_by: str) -> str:
    return f"Merged as {sha or 'unknown'} by {plain(merged_by) or 'unknown'}."


def signed_line(signed: Mapping[str, Sequence[str]]) -> str:
    if not signed:
        return "Nobody's approval of the head counts as a signature."
    people = [
        f"{plain(login)} ({', '.join(roles) if roles else 'code owner or other'})"
        for login, roles in signed.items()
    ]
    return f"Signed by {', '.join(people)}."


def deployment(model: str, version: str) -> str:
    return f"{model} {version}"


def more(count: int) -> str:
    return f"and {count} more"


FINDINGS = "Findings in the data:"
NOTHING_TO_LOOK_AT = "there is no such pull request, or it changes nothing governed"
CUT = "_Cut here, because a comment holds 65,536 characters; the evidence artifact has it all._"


def model_line(model: str, key: str) -> str:
    return f"{code(model)}, run key {code(key)}" if key else code(model)


def rules_changed(paths: Sequence[str]) -> str:
    named = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return f"{named}: judged by the rules of the base branch, not by these"


def key_missing(branch: str) -> str:
    return (
        f"policy/keys on {branch} does not hold the public key that this bot signs with, so nobody "
        "could verify who signed; merge it there first (countersign key prints it)"
    )


def recorded_as(tag: str) -> str:
    return f"Who signed is recorded in the tag {code(tag)}."


def dismissal_refused(actor: str, reviewer: str) -> str:
    return (
        f"@{actor} dismissed what @{reviewer} requested, and that does not count: only @{reviewer} "
        "can take it back, or somebody who holds a role and has no part in this"
    )


def live_figures(version: str) -> str:
    return f"What is live now, {code(version)}, as it was measured when it was released:"


def no_record_at_head(model: str) -> str:
    return f"{model} has no readable pointer and evidence at the merged head."


def queued_alone(number: int) -> str:
    return f"Pull request #{number} is green, and this merge group changes nothing else governed."


def queue_ref_unreadable(ref: str) -> str:
    return f"{ref} names no pull request of the merge queue."


def queued_not_green(number: int, title: str) -> str:
    return f"Pull request #{number} is not green: {title}"


def queued_mixture(number: int, paths: Sequence[str]) -> str:
    return (
        f"The merge group holds {', '.join(paths[:5])} otherwise than pull request #{number} or "
        "the base branch does; nobody measured or signed that"
    )
