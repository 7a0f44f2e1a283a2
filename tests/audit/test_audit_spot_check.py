"""The audit proves who signed the sample of each version, and that they were allowed to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countersign_ml.audit.judging.audit_result import Audit
from policy.facts.evidence import Evidence
from policy.people.spot_check_signatures import SpotCheckSignature
from tests.audit import audit_builders as a
from tests.policy import builders as measured
from tests.policy import spot_checks

RULES = measured.POLICY.replace("[grace]", "[grace, linus, ada]") + spot_checks.SECTION
Recorded = Callable[[Evidence], tuple[SpotCheckSignature, ...]]


def shipped(folder: Path, recorded: Recorded, **changes: Any) -> Audit:
    """The audit of one version whose record has these signatures of its sample."""
    repository = a.Repository(folder, rules=RULES)
    shown = a.evidence_of(1, None).model_copy(
        update={"spot_check": spot_checks.sample(against="base")}
    )
    head = repository.propose(1, evidence=shown)
    facts: dict[str, Any] = {
        "spot_checks": recorded(shown),
        "writers": (a.ADA, a.GRACE, "linus", a.OMAR),
        "roles": {"ml-lead": (a.ADA, a.GRACE, "linus"), "operations": (a.OMAR,)},
    }
    repository.tag(repository.record(head, **{**facts, **changes}))
    repository.merge(head)
    return repository.audit()


def signed(*users: str, **changes: Any) -> Recorded:
    return lambda shown: tuple(spot_checks.signature(shown, user, **changes) for user in users)


def test_a_signed_sample_is_proven_with_who_signed_and_how_they_agree(tmp_path: Path) -> None:
    change = a.last(shipped(tmp_path, signed("grace")))
    assert change.proven
    found = a.named(change.finding, f"spot-check of {a.MODEL}")
    assert [part.sentence for part in found.parts] == [
        f"read and signed by @grace ({spot_checks.WHEN})",
        "@grace and the judge model agree on 3 of 3 rows (100 %, Cohen's kappa 1.00)",
    ]
    assert change.sign_off is not None
    (said,) = change.sign_off.as_json()["spot_checks"]
    assert (said["login"], said["marks"]) == ("grace", spot_checks.MARKS)


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (signed(), "1 reader missing"),
        (signed("ada"), "people who take part in a proposal cannot sign its sample"),
        (signed("omar"), "the signer did not hold ml-lead with write access"),
        (signed("grace", marks="AB"), "the marks do not match the 4 rows"),
        (
            signed("grace", sample="sha256:" + "0" * 64),
            "a different sample from the one in the evidence",
        ),
        (signed("grace", evidence="sha256:" + "0" * 64), "signed for other evidence"),
        (signed("linus", "grace"), ""),
        (
            lambda shown: (
                spot_checks.signature(shown, marks="BA=A"),
                spot_checks.signature(shown),
            ),
            "two signatures by one person",
        ),
    ],
)
def test_a_record_whose_spot_check_cannot_be_true_proves_nothing(
    tmp_path: Path, recorded: Recorded, why: str
) -> None:
    change = a.last(shipped(tmp_path, recorded))
    sentences = "; ".join(a.blocking(change).values())
    assert change.proven == (not why)
    assert why in sentences


def test_a_role_holder_whom_the_policy_then_did_not_name_proves_nothing(tmp_path: Path) -> None:
    roles = {"ml-lead": (a.GRACE, "ken"), "operations": (a.OMAR,)}
    writers = (a.ADA, a.GRACE, "ken", a.OMAR)
    change = a.last(shipped(tmp_path, signed("ken"), roles=roles, writers=writers))
    assert "the record lists @ken as ml-lead" in "; ".join(a.blocking(change).values())


def test_a_signer_who_appears_in_a_commit_proves_nothing(
    tmp_path: Path,
) -> None:
    """Ada's commits name her, but the record names another author."""
    change = a.last(shipped(tmp_path, signed("ada"), author="olga"))
    assert "people who take part in a proposal" in "; ".join(a.blocking(change).values())


def test_a_record_without_a_spot_check_has_the_bytes_that_it_always_had(tmp_path: Path) -> None:
    repository = a.Repository(tmp_path)
    record = repository.record(repository.propose(1))
    assert b"spot_checks" not in record.payload()
