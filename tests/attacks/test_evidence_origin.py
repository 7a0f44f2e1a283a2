"""Evidence under the right name that nobody measured, or that was measured elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from bot.facts.proposed import head_proposal
from countersign_ml.attestation import sign
from countersign_ml.markdown import as_read
from policy.facts.evidence import Incumbent
from policy.facts.next_pointer import pointer_of
from policy.people.sign_off_record import MeasuredRecord
from tests.attacks import forged as f
from tests.bot import builders as a
from tests.bot.world import World, git, workflow

FROM_ELSEWHERE = 'cp "$EVIDENCE/forged.json" out/evidence.json'
OTHER = workflow("finetune").replace("name: finetune\n", "name: other\n", 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One version is live; anyone with write access may start a second workflow on main."""
    files: dict[str, str | None] = {".github/workflows/other.yml": forging(OTHER)}
    with World(tmp_path_factory.mktemp("world"), files) as found:
        f.shipped(found, "first")
        yield found


def forging(text: str) -> str:
    """A workflow that uploads what an attacker wrote, under any key."""
    return text.replace('cp "$EVIDENCE/$KEY.json" out/evidence.json', FROM_ELSEWHERE)


def bad(world: World, name: str) -> str:
    """What an honest run says of these rows: plainly worse than the live version."""
    worse = a.failing(2)
    changes = {"measurements": worse.measurements, "comparisons": worse.comparisons}
    return f.evidence(world, name, **changes).text()


def forge_good(world: World, name: str) -> None:
    """Lay the evidence that a forging workflow uploads."""
    world.prepare("forged", f.evidence(world, name).text())


def start(world: World, name: str, file: str, ref: str, repository: str = a.REPOSITORY) -> int:
    """Ada starts a workflow by hand with the inputs that the bot would give; return the status."""
    inputs = {"model": a.MODEL, "sha": "a" * 40, "key": f.key_of(world, name), "incumbent": "none"}
    answer = requests.post(
        f"{world.forge.api_url}/repos/{repository}/actions/workflows/{file}/dispatches",
        json={"ref": ref, "inputs": inputs},
        headers={"Authorization": f"Bearer {world.forge.actor('ada').account.token}"},
        timeout=30,
    )
    return answer.status_code


def newest_run(world: World, name: str) -> int:
    record = world.forge.repository(a.REPOSITORY)
    return max(n for n, run in record.runs.items() if run.title.endswith(f.key_of(world, name)))


def test_evidence_of_another_digest_under_the_right_key_is_refused(world: World) -> None:
    """The run of one proposal uploads the good evidence of another."""
    before = world.live()
    number = f.proposed(world, "bad rows", f.evidence(world, "good rows").text())
    assert f.refused(world, number, before)
    assert "about another proposal" in f.told(world, number)


def test_evidence_of_another_model_is_refused(world: World) -> None:
    """A good model's evidence, with this model's inputs."""
    before = world.live()
    number = f.proposed(world, "model", f.evidence(world, "model", model="billing").text())
    assert f.refused(world, number, before)
    assert "the evidence is about another model" in f.told(world, number)


def test_evidence_measured_against_another_live_version_is_refused(world: World) -> None:
    """Compared with a weak version that is not the live one."""
    before = world.live()
    weak = Incumbent(version="v1-33333333", artifact=a.ARTIFACTS[3])
    number = f.proposed(world, "weak", f.evidence(world, "weak", incumbent=weak).text())
    assert f.refused(world, number, before)
    assert "another live version" in f.told(world, number)


def test_a_live_version_under_a_wrong_name_is_refused(world: World) -> None:
    """The right file under a wrong version name, from which the numbers would continue."""
    before = world.live()
    now = f.live(world)
    assert now is not None
    named = Incumbent(version="v9-11111111", artifact=now.artifact.digest)
    number = f.proposed(world, "named", f.evidence(world, "named", incumbent=named).text())
    assert f.refused(world, number, before)
    assert "names another live version" in f.told(world, number)


def test_evidence_of_an_older_runner_is_refused(world: World) -> None:
    """A runner from before a gate existed measured, and its evidence says so."""
    before = world.live()
    old = head_proposal(a.facts_of(1), "0.0.9")
    number = f.proposed(world, "older", f.evidence(world, "older", proposal=old).text())
    assert f.refused(world, number, before)
    assert "about another proposal" in f.told(world, number)


def test_an_older_runner_that_states_the_digest_of_a_newer_is_refused(world: World) -> None:
    """The digest is right, but the facts next to it give another."""
    before = world.live()
    lying = f.proposal("lying").model_copy(update={"runner_version": "0.0.9"})
    number = f.proposed(world, "lying", f.evidence(world, "lying", proposal=lying).text())
    assert f.refused(world, number, before)


def test_evidence_that_another_workflow_uploads_does_not_count(world: World) -> None:
    """A workflow on main, in another file, uses the run's title and the artifact's name."""
    before = world.live()
    forge_good(world, "other workflow")
    assert start(world, "other workflow", "other.yml", "main") == 204
    number = f.proposed(world, "other workflow", bad(world, "other workflow"))
    assert f.refused(world, number, before)


def test_evidence_of_an_edited_workflow_on_a_branch_does_not_count(world: World) -> None:
    """finetune.yml by name, edited on a branch and started there by its author."""
    before = world.live()
    forge_good(world, "edited")
    world.push("edit", {".github/workflows/finetune.yml": forging(workflow("finetune"))})
    assert start(world, "edited", "finetune.yml", "edit") == 204
    number = f.proposed(world, "edited", bad(world, "edited"))
    assert f.refused(world, number, before)


def test_evidence_of_an_edited_workflow_on_a_tag_named_main_does_not_count(world: World) -> None:
    """The API reports a run of a tag `main` like a run of the branch."""
    before = world.live()
    forge_good(world, "tagged run")
    sha = world.push("tagged", {".github/workflows/finetune.yml": forging(workflow("finetune"))})
    git(world.clone, "push", "--quiet", "origin", f"{sha}:refs/tags/main")
    assert start(world, "tagged run", "finetune.yml", "refs/tags/main") == 204
    world.settle()
    record = world.forge.repository(a.REPOSITORY)
    run = record.runs[newest_run(world, "tagged run")]
    assert (run.branch, run.conclusion) == ("main", "success")
    number = f.proposed(world, "tagged run", bad(world, "tagged run"))
    assert f.refused(world, number, before)


def test_the_bot_itself_starts_the_branch_and_not_a_tag_of_its_name(world: World) -> None:
    """A tag `main` exists before the bot dispatches on main."""
    before = world.live()
    forge_good(world, "ambiguous")
    sha = world.push("moved", {".github/workflows/finetune.yml": forging(workflow("finetune"))})
    git(world.clone, "push", "--quiet", "--force", "origin", f"{sha}:refs/tags/main")
    number = f.proposed(world, "ambiguous", bad(world, "ambiguous"))
    run = world.forge.repository(a.REPOSITORY).runs[newest_run(world, "ambiguous")]
    assert run.head_sha != sha
    assert f.refused(world, number, before)


def test_evidence_of_a_run_that_a_pull_request_started_does_not_count(world: World) -> None:
    """The pull request makes finetune.yml run on `pull_request`, under the right title."""
    before = world.live()
    name, key = "on pull request", f.key_of(world, "on pull request")
    forge_good(world, name)
    text = forging(workflow("finetune")).replace(
        "on:\n  workflow_dispatch:", "on:\n  pull_request:\n  workflow_dispatch:"
    )
    text = text.replace("${{ inputs.model }} ${{ inputs.key }}", f"{a.MODEL} {key}")
    text = text.replace("evidence-${{ inputs.key }}", f"evidence-{key}")
    number = f.proposed(world, name, bad(world, name), {".github/workflows/finetune.yml": text})
    runs = world.forge.repository(a.REPOSITORY).runs.values()
    assert any(run.event == "pull_request" and run.title.endswith(key) for run in runs)
    assert f.refused(world, number, before)


def test_a_forks_runs_and_branches_give_no_evidence(world: World) -> None:
    """The same workflow, run in a fork on its main, with the rows proposed from there."""
    before = world.live()
    forge_good(world, "fork")
    fork = world.forge.fork(a.REPOSITORY, by="ada")
    url = f"{world.forge.url}/{fork.full_name}.git"
    token = world.forge.actor("ada").account.token
    git(world.clone, "checkout", "--quiet", "--force", "-B", "fork", "origin/main")
    (world.clone / f"{f.FOLDER}data/train.jsonl").write_text("fork")
    text = forging(workflow("finetune"))
    (world.clone / ".github/workflows/finetune.yml").write_text(text)
    git(world.clone, "commit", "--quiet", "--all", "-m", "Fork")
    git(
        world.clone,
        "push",
        "--quiet",
        url.replace("://", f"://ada:{token}@"),
        "HEAD:refs/heads/main",
    )
    world.settle()
    assert start(world, "fork", "finetune.yml", "main", fork.full_name) == 204
    world.settle()
    number = world.open("ada:main", "From a fork")
    world.settle()
    assert f.refused(world, number, before)
    assert "it comes from a fork" in f.told(world, number)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_somebody_started_by_hand_does_not_count(world: World, when: str) -> None:
    """Someone with write access starts finetune.yml on main and hopes for a luckier measurement."""
    before = world.live()
    name = f"lucky {when}"
    honest, lucky = bad(world, name), f.evidence(world, name).text()
    if when == "before":
        world.prepare(f.key_of(world, name), lucky)
        assert start(world, name, "finetune.yml", "main") == 204
        world.settle()
    number = f.proposed(world, name, honest)
    if when == "after":
        world.prepare(f.key_of(world, name), lucky)
        assert start(world, name, "finetune.yml", "main") == 204
    assert f.refused(world, number, before)


def test_running_a_measurement_again_adds_evidence_that_does_not_count(world: World) -> None:
    """The second attempt of the run uploads better figures under the same name."""
    before = world.live()
    number = f.proposed(world, "again", bad(world, "again"))
    world.prepare(f.key_of(world, "again"), f.evidence(world, "again").text())
    run = newest_run(world, "again")
    assert f.as_person(world, "ada", "POST", f"/actions/runs/{run}/rerun") == 201
    assert f.refused(world, number, before)
    assert "recorded as the first of its run key" in f.told(world, number)


def test_asking_for_another_run_of_what_failed_starts_none(world: World) -> None:
    """`/train` after a red verdict, with better figures ready."""
    before = world.live()
    number = f.proposed(world, "asked", bad(world, "asked"))
    world.prepare(f.key_of(world, "asked"), f.evidence(world, "asked").text())
    time.sleep(1.1)  # GitHub's times have seconds
    head = world.pull(number)["head"]["sha"]
    world.api("ada", "POST", f"/issues/{number}/comments", {"body": f"/train {head}"})
    assert f.refused(world, number, before)
    assert world.runs()[f"finetune {a.MODEL} {f.key_of(world, 'asked')}"] == 1


def test_a_record_that_the_bot_signed_elsewhere_does_not_stand_for_evidence_here(
    world: World,
) -> None:
    """Ada runs a runner in a repository of her own, and copies the bot's record of it."""
    before = world.live()
    good = f.evidence(world, "elsewhere")
    pointer = pointer_of(good)
    assert pointer is not None
    record = MeasuredRecord(
        repository="ada/playground",
        model=a.MODEL,
        key=f.key_of(world, "elsewhere"),
        evidence=good.digest(),
        at="2026-03-01T10:00:00Z",
    )
    signed = sign(record.payload(), world.settings.signing_key)
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "tag", "--annotate", "--message", signed, record.tag(), "origin/main")
    git(world.clone, "push", "--quiet", "origin", f"refs/tags/{record.tag()}")
    files: dict[str, str | None] = {f.POINTER: pointer.text(), pointer.evidence.path: good.text()}
    number = f.proposed(world, "elsewhere", bad(world, "elsewhere"), files)
    assert f.refused(world, number, before)
    assert record.tag() in as_read(f.told(world, number))


def test_control_honest_evidence_of_the_bots_own_run_gets_through(world: World) -> None:
    """The same world, nothing forged."""
    before = world.live()
    f.shipped(world, "honest")
    assert world.live() != before
