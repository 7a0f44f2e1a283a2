"""The sample in the pull request: who has to read it, how it is signed, what is shown when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.deciding.decide import decide
from bot.deciding.spot_checks import Open, chosen_by
from bot.facts.actions import CommitRelease, Merge, RecordSignOff, Reply
from bot.facts.snapshot import Comment, Commit, Snapshot
from bot.report import model_card
from bot.report.verdict_tree import tree
from countersign_ml.markdown import LIMIT
from policy.facts.evidence import Evidence, Sample
from policy.facts.spot_check import MAX_CHARACTERS, MAX_ID, MAX_ROWS, MAX_TEXT
from policy.verdict import Outcome
from tests.bot import builders as a
from tests.bot.builders import check_of, comment_of, conclusion, of_kind, signed, snapshot
from tests.policy import spot_checks
from tests.policy.builders import POLICY

ASKING = POLICY.replace("[grace]", "[grace, linus]") + spot_checks.SECTION
EARLY, WHEN = "2026-01-02T03:04:04Z", "2026-01-02T05:00:00Z"
SHOWN = a.evidence(spot_check=spot_checks.sample())
DIGEST = spot_checks.sample().digest().removeprefix("sha256:")
SIGN = f"/spot-check {DIGEST[:12]} A B = ?"


def said(author: str, body: str, number: int = 60, **changes: Any) -> Comment:
    facts = {"by_bot": author == a.BOT, "created": WHEN, "updated": WHEN, **changes}
    return Comment(number, author, body=body, **facts)


def asked(*comments: Comment, shown: Evidence = SHOWN, **changes: Any) -> Snapshot:
    """Every gate of version 2 holds, and the policy asks a lead to read the sample."""
    facts: dict[str, Any] = {
        "released": False,
        "policy": ASKING,
        "comments": comments,
        "writers": frozenset({"ada", "grace", "linus", "omar", "ken"}),
        "roles": {"ml-lead": frozenset({"grace", "linus"}), "operations": frozenset({"omar"})},
    }
    return snapshot(shown=shown, **{**facts, **changes})


def answers(pull: Snapshot) -> list[str]:
    return [reply.body for reply in of_kind(decide(pull), Reply)]


def test_nothing_is_released_before_somebody_read_the_sample() -> None:
    decision = decide(asked(reviews=signed()))
    assert not of_kind(decision, CommitRelease)
    assert not of_kind(decision, Merge)
    assert decision.title == "Waiting for the spot-check"
    assert conclusion(asked()) == "action_required"


def test_the_tree_says_under_sign_off_who_has_to_read_it() -> None:
    whole = tree(decide(asked()).verdict.parts)
    assert f"  - spot-check of {a.MODEL}: **missing**" in whole
    assert "@&#8203;grace, @&#8203;linus could sign the sample" in whole
    assert "could sign the sample" in check_of(asked()).summary.split("###")[0]


def test_a_signature_brings_the_release_whose_card_tells_of_it() -> None:
    pull = asked(said("grace", SIGN))
    (commit,) = of_kind(decide(pull), CommitRelease)
    (text,) = [change.text for change in commit.files if change.path.endswith(".md")]
    assert "## Spot-check" in text
    assert f"grace, {WHEN}: the candidate better on 1, the other on 1" not in text
    assert (
        f"- grace, {WHEN}: the candidate better on 2, the other on 0, 1 ties, 1 undecided" in text
    )
    assert "agree on 3 of 3 rows (100 %, Cohen's kappa 1.00)" in text
    assert answers(pull) == []


def test_a_signed_release_merges_with_a_record_that_names_the_sample() -> None:
    pull = replace(a.after_release(asked(said("grace", SIGN))), reviews=tuple(signed()))
    decision = decide(pull)
    assert of_kind(decision, Merge)
    (recorded,) = of_kind(decision, RecordSignOff)
    (one,) = recorded.record.spot_checks
    assert (one.user, one.marks, one.evidence) == ("grace", "AB=?", SHOWN.digest())
    assert one.sample == spot_checks.sample().digest()


def test_who_reads_and_does_not_approve_stands_in_the_record_with_their_role() -> None:
    pull = replace(a.after_release(asked(said("linus", SIGN))), reviews=tuple(signed()))
    (recorded,) = of_kind(decide(pull), RecordSignOff)
    assert recorded.record.roles["ml-lead"] == ("grace", "linus")
    assert "linus" in recorded.record.writers


def test_a_signature_that_is_gone_takes_the_green_check_back() -> None:
    pull = replace(a.after_release(asked(said("grace", SIGN))), reviews=tuple(signed()))
    assert conclusion(pull) == "success"
    assert conclusion(replace(pull, comments=())) == "action_required"


def test_a_way_back_needs_no_reader() -> None:
    pull = a.rollback(reviews=signed(), shown=a.recovery(), policy=ASKING)
    assert conclusion(pull) == "success"


def test_without_the_section_a_sample_is_nobodys_business() -> None:
    pull = snapshot(reviews=signed(), shown=SHOWN, comments=(said("grace", SIGN),))
    assert conclusion(pull) == "success"
    assert "requires no spot-check" in answers(pull)[0]


def test_a_pull_request_without_evidence_says_who_will_have_to_read() -> None:
    body = comment_of(asked(measured_yet=False))
    assert f"spot-check of {a.MODEL}: **missing**" in body
    assert "/spot-check" not in body


def test_evidence_without_a_sample_blocks_where_one_is_asked_for() -> None:
    pull = asked(shown=a.evidence())
    assert conclusion(pull) == "failure"
    assert "no sample was drawn" in check_of(pull).summary


# Blind, and then not


def samples() -> tuple[Sample, ...]:
    said = {"incumbent": "the live one says this", "candidate": '{"label": "delivery"}'}
    texts = {"input": "secret row", "expected": '{"label": "delivery"}', "answers": said}
    return tuple(Sample(id=f"t{number}", **texts) for number in (1, 9))


def test_until_it_is_signed_nobody_is_told_whose_answers_they_are() -> None:
    odd = spot_checks.sample(seed="8").model_copy(
        update={
            "rows": tuple(
                one.model_copy(update={"candidate": "first", "judged": "first"})
                for one in spot_checks.sample().rows
            )
        }
    )
    bodies = []
    for sample in (spot_checks.sample(), odd):
        shown = a.evidence(spot_check=sample, samples=samples())
        pull = asked(shown=shown)
        bodies.append(comment_of(pull) + check_of(pull).text)
    told = [
        [line for line in body.splitlines() if line.startswith("|") and "parcel" in line]
        for body in bodies
    ]
    assert told[0] == told[1]
    assert bodies[0].count("1 row is hidden until the spot-check is signed.") == 4
    assert bodies[0].count("secret row") == 4


def test_a_row_that_the_sample_cannot_name_by_its_id_is_held_back_too() -> None:
    """The sample tells a long id by its beginning, so the row could not be found among others."""
    (row, _) = samples()
    long = row.model_copy(update={"id": "t" * (MAX_ID + 1)})
    pull = asked(shown=a.evidence(spot_check=spot_checks.sample(), samples=(long,)))
    assert "secret row" not in comment_of(pull)


def test_once_it_is_signed_the_table_tells_whose_they_were_and_what_everybody_said() -> None:
    pull = a.after_release(asked(said("grace", SIGN)))
    body = comment_of(pull)
    assert "| Row | Input | Expected | A | B | Candidate | @&#8203;grace | Judge |" in body
    assert (
        '| 2 | `Where is my parcel 2?` | `{"label": "delivery"}` | `{"label": "delivery"}` |'
        in body
    )
    assert "| B | B | B |" in body
    assert "| B | ? | B |" in body
    assert "held back" not in body


def test_with_two_readers_it_stays_blind_after_the_first() -> None:
    policy = ASKING.replace("sign: {ml-lead: 1}", "sign: {ml-lead: 2}")
    pull = asked(said("grace", SIGN), policy=policy)
    assert "Judge |" not in comment_of(pull)
    assert conclusion(pull) == "action_required"
    both = asked(said("grace", SIGN), said("linus", SIGN, 61), policy=policy)
    assert of_kind(decide(both), CommitRelease)


def test_a_sample_of_the_largest_size_stands_whole_in_the_comment() -> None:
    length = MAX_CHARACTERS // MAX_ROWS // 4
    rows = tuple(
        spot_checks.row(
            number,
            id=f"row {number}",
            input=f"{number} " + "i" * (length - 3),
            expected="e" * length,
            first="f" * length,
            second="s" * length,
        )
        for number in range(1, MAX_ROWS + 1)
    )
    shown = a.evidence(spot_check=spot_checks.sample().model_copy(update={"rows": rows}))
    body = comment_of(asked(shown=shown))
    assert len(body) <= LIMIT
    assert all(f"| {number} | `{number} " in body for number in range(1, MAX_ROWS + 1))
    assert "rows are left out here" not in body


def test_texts_that_swell_are_cut_where_everybody_sees_it() -> None:
    rows = tuple(
        spot_checks.row(
            number, id=f"{number}", input="x", expected="x", first="`" * 200, second="|" * 500
        )
        for number in range(1, MAX_ROWS + 1)
    )
    shown = a.evidence(spot_check=spot_checks.sample().model_copy(update={"rows": rows}))
    body = comment_of(asked(shown=shown))
    assert len(body) <= LIMIT
    assert "characters are cut here" in body
    assert MAX_TEXT > 200


def test_what_a_model_said_is_neither_markup_nor_a_mention() -> None:
    bad = "</summary></details> @omar | ![x](http://e/x) <img src=x> /spot-check"
    rows = tuple(
        spot_checks.row(number, input=bad, expected=bad, first=bad, second=f"{bad}`\n# x")
        for number in range(1, 5)
    )
    shown = a.evidence(spot_check=spot_checks.sample().model_copy(update={"rows": rows}))
    digest = shown.spot_check.digest()[7:19] if shown.spot_check else ""
    for pull in (
        asked(shown=shown),
        a.after_release(asked(said("grace", f"/spot-check {digest} A B = ?"), shown=shown)),
    ):
        tokens = MarkdownIt("commonmark").enable("table").parse(comment_of(pull))
        inside = [child for token in tokens for child in token.children or ()]
        assert not [t for t in inside if t.type in ("image", "html_inline")]
        assert {t.content for t in inside if bad[:10] in t.content and t.type == "text"} == set()


def test_the_card_without_a_signature_is_what_it_was() -> None:
    assert model_card.render(SHOWN, a.pointer(2), a.CARD) == model_card.render(
        a.evidence(), a.pointer(2), a.CARD
    )


# What does not count, and is answered


@pytest.mark.parametrize(
    ("author", "body", "changes", "why"),
    [
        ("grace", "/spot-check", {}, ["it names no sample", "0 marks for 4 rows"]),
        ("grace", f"/spot-check {DIGEST[:11]} A B = ?", {}, ["is no digest of a sample"]),
        ("grace", "/spot-check A B = ?", {}, ["is no digest of a sample", "3 marks for 4 rows"]),
        ("grace", f"/spot-check {'0' * 12} A B = ?", {}, ["is not the sample that is here now"]),
        ("grace", f"/spot-check {DIGEST} A B", {}, ["2 marks for 4 rows"]),
        (
            "grace",
            f"/spot-check {DIGEST} A tie C ? ?",
            {},
            ["`tie` at 2, `C` at 3", "5 marks for 4 rows"],
        ),
        ("grace", f"/spot-check {DIGEST} ? ? ? ?", {}, ["more than half of the rows"]),
        ("grace", f"/spot-check {DIGEST} A ? ? ?", {}, ["more than half of the rows"]),
        ("grace", SIGN, {"updated": "2026-01-02T06:00:00Z"}, ["the comment was edited"]),
        ("grace", SIGN, {"created": EARLY, "updated": EARLY}, ["before this evidence"]),
        ("ken", SIGN, {}, ["the role ml-lead"]),
        ("ada", SIGN, {}, ["has a part in a proposal", "the role ml-lead"]),
        (
            "ada",
            f"/spot-check {'0' * 12} A X",
            {"updated": "2026-01-02T06:00:00Z"},
            [
                "was edited",
                "has a part",
                "and the role",
                "is not the sample",
                "`X` at 2",
                "2 marks",
            ],
        ),
    ],
)
def test_every_defect_is_answered_at_once_and_counts_for_nothing(
    author: str, body: str, changes: dict[str, str], why: list[str]
) -> None:
    comment = said(author, body, **changes)
    pull = asked(comment)
    (answer,) = answers(pull)
    assert [part for part in why if part not in answer] == []
    assert f"/spot-check {DIGEST[:12]} ? ? ? ?" in answer
    assert conclusion(pull) == "action_required"
    reply = said(a.BOT, f"<!-- countersign:spot-check {comment.id} -->\n{answer}", 70)
    assert answers(asked(comment, reply)) == []


def test_digits_that_may_be_several_samples_name_none() -> None:
    """Two models in one pull request, whose samples somebody made to begin alike."""
    first, second = (
        Open(model, "sha256:" + "e" * 64, spot_checks.sample(), f"sha256:{'a' * 30}{last * 34}", "")
        for model, last in (("support-triage", "b"), ("spam-filter", "c"))
    )
    found, why = chosen_by("a" * 30, (first, second))
    assert not found
    assert "write the whole digest" in why
    assert chosen_by(second.digest, (first, second)) == ((second,), "")


def test_before_there_is_evidence_the_answer_is_that_there_is_no_sample() -> None:
    pull = asked(said("grace", SIGN), measured_yet=False)
    assert "there is no sample to sign" in answers(pull)[0]


def test_what_was_answered_stays_refused_even_where_it_would_count_by_now() -> None:
    answered = said(a.BOT, "<!-- countersign:spot-check 60 -->\nno", 70)
    pull = asked(said("grace", SIGN), answered)
    assert conclusion(pull) == "action_required"
    assert answers(pull) == []
    assert of_kind(
        decide(asked(said("grace", SIGN), answered, said("grace", SIGN, 80))), CommitRelease
    )


@pytest.mark.parametrize("author", ["mallory", "helper[bot]"])
def test_nobody_from_outside_makes_the_bot_write(author: str) -> None:
    assert answers(asked(said(author, SIGN))) == []


def test_of_two_signatures_by_one_person_the_first_stands_and_the_next_is_answered() -> None:
    later = "2026-01-02T06:00:00Z"
    again = said("grace", f"/spot-check {DIGEST} B A A A", 61, created=later, updated=later)
    pull = asked(again, said("grace", SIGN, 60))
    assert ["you signed this sample before, and that stands" in text for text in answers(pull)] == [
        True
    ]
    (commit,) = of_kind(decide(pull), CommitRelease)
    assert [commit] == of_kind(decide(asked(said("grace", SIGN, 60))), CommitRelease)


def test_marks_may_stand_close_together_in_either_case() -> None:
    assert of_kind(decide(asked(said("grace", f"/spot-check {DIGEST} ab=?"))), CommitRelease)


def test_agreement_below_what_the_policy_asks_blocks_with_a_sentence() -> None:
    judge = "  win_rate: {judge: {base_url: 'https://judge.example/v1', model: big}}\n"
    policy = ASKING.replace("sign: {ml-lead: 1}", "sign: {ml-lead: 1}, min_agreement: 0.8")
    policy = policy.replace("gates:\n", f"gates:\n{judge}")
    pull = asked(said("grace", f"/spot-check {DIGEST} B A A A"), policy=policy)
    told = tree(decide(pull).verdict.parts)
    assert "at least 80 % required" in told
    assert not of_kind(decide(pull), CommitRelease)


def test_a_co_author_cannot_sign() -> None:
    commits = (Commit("c" * 40, ("ada", "grace")), Commit(a.HEAD, ()))
    pull = asked(said("grace", SIGN), commits=commits)
    assert conclusion(pull) == "action_required"
    assert "has a part in a proposal" in answers(pull)[0]


def test_no_run_is_started_where_nobody_could_ever_read_it() -> None:
    pull = asked(measured_yet=False, roles={"ml-lead": frozenset({"ada"}),
                                            "operations": frozenset({"omar"})})  # fmt: skip
    finding = decide(pull).verdict
    assert finding.outcome is not Outcome.PASSED
    assert conclusion(pull) == "failure"
