"""Prove, from a clone alone, how every version became live: evidence, verdict, signatures.

The audit never contacts GitHub. Facts that git does not have are in the sign-off records, which the
bot signed. Anything missing or different is reported, never skipped.

One audit, from the command to the report:

1. `audit_command.main` reads the options and calls `read`.
2. `history/` collects what git has. `git_objects.Objects` reads and rehashes objects,
   `branch_history.History` follows the branch along first parents, and `history_walk.Walk` notes
   every commit that changes a pointer or the rules. `record_candidates.Records` finds the sign-off
   records that may prove such a commit. The result is one frozen `audit_facts.HistoryFacts`.
3. `judging/` is pure. `audit_judge.judge_history` gives each changed pointer to `change_judge`,
   each change of the rules to `rules_judge`, and each model's files on the last commit to
   `tip_judge`. Each builds a tree of findings. The result is one `audit_result.Audit`.
4. `report/` writes the audit as Markdown or HTML; `Audit.text` is the JSON.

`history` never imports `judging`, and `judging` never imports `report`. Wording that several
modules share is in `audit_sentences`.
"""
