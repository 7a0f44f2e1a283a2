"""What `countersign data validate MODEL` adds to its report: truncated rows, and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from countersign_ml.rows.gating.gating_report import ERRORED, FAILED, NOT_COUNTED, PASSED
from countersign_ml.rows.governed.caches import cache_folder
from countersign_ml.rows.governed.governed_model import GovernedModel
from countersign_ml.rows.read.tokens import (
    Counted,
    Counter,
    NotCounted,
    count_tokens,
    find_tokenizer,
)
from policy.files.recipe import Recipe
from policy.files.rules import Policy

REMEDY = (
    "truncation: a row that is cut off teaches answers without an end; shorten the listed rows, or "
    "raise max_length in the recipe"
)


def add_truncation(
    made: dict[str, Any], model: GovernedModel, policy: Policy, given: Path | None
) -> None:
    """Add the gate `truncation` and the totals to a report, or say why they were not counted.

    If a tokenizer was given but cannot count the tokens, the report does not pass; otherwise the
    run counts them before it trains, with the same limit.
    """
    recipe = model.recipe
    gate: dict[str, Any] = {"gate": "truncation", "count": 0, "allowed": 0, "findings": []}
    try:
        file = find_tokenizer(recipe, model.repo, given, cache_folder())
        counter = Counter(file, recipe.chat_template)
        train = next(file for file in made["files"] if file["split"] == "train")
        source = next(source for split, source in model.sources() if split == "train")
        counted = count_tokens(source, train["rows"], counter, recipe.max_length)
    except NotCounted as why:
        gate["outcome"] = NOT_COUNTED if given is None else ERRORED
        gate["not_run"] = f"not counted: {why}"
    else:
        allowed = int(policy.gates.training.max_truncated_share * counted.rows)
        gate["count"], gate["allowed"] = counted.cut, allowed
        gate["outcome"] = PASSED if counted.cut <= allowed else FAILED
        gate["findings"] = [found.model_dump() for found in counted.findings]
        gate["remedy"] = REMEDY
        made["tokens"] = _totals(counted, recipe, policy, file)
    made["gates"].append(gate)
    if gate["outcome"] in (FAILED, ERRORED):
        made["outcome"] = FAILED


def _totals(counted: Counted, recipe: Recipe, policy: Policy, file: Path) -> dict[str, Any]:
    tokens, hours, cost = counted.cost(recipe, policy.budget)
    return {
        "tokenizer": str(file),
        "rows": counted.rows,
        "rows_of": counted.of,
        "tokens": counted.tokens,
        "trained_tokens": counted.trained,
        "longest": counted.longest,
        "training_tokens": tokens,
        "hours": hours,
        "cost": cost,
        "currency": policy.budget.currency,
        "sentences": [
            _tokens_counted(counted),
            _training_cost(tokens, hours, cost, policy.budget.currency),
        ],
    }


def _tokens_counted(counted: Counted) -> str:
    sample = "" if counted.rows == counted.of else f" (a sample by seed of {counted.of:,})"
    return (
        f"{counted.tokens:,} tokens in {counted.rows:,} training rows{sample}, "
        f"{counted.trained:,} of them trained on; the longest row has {counted.longest:,}. "
        "Rows with findings are counted too"
    )


def _training_cost(tokens: int, hours: float | None, cost: float | None, currency: str) -> str:
    whole = f"the whole training takes {tokens:,} tokens"
    if hours is None:
        return f"{whole}; set budget.tokens_per_second to see hours and cost"
    whole += f", {hours:,.2f} h"
    return whole if cost is None else f"{whole}, {cost:,.2f} {currency}"
