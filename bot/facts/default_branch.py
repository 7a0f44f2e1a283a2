"""The facts of the default branch: what is live, what was deployed, and who moved a pointer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DeploymentState = Literal["in_progress", "success", "failure"]


@dataclass(frozen=True)
class Deployed:
    """The newest deployment of a model and, of its workflow run, what is known."""

    id: int
    pointer: str
    state: str = ""
    run_state: DeploymentState | None = None
    run_url: str = ""


@dataclass(frozen=True)
class LiveModel:
    """A model's pointer at the default branch's head, and its newest deployment."""

    model: str
    pointer: str
    deployed: Deployed | None = None


@dataclass(frozen=True)
class BranchFacts:
    """The default branch at one moment."""

    head: str
    models: tuple[LiveModel, ...] = ()


@dataclass(frozen=True)
class Movement:
    """The commit that brought the present content of a pointer on the default branch."""

    model: str
    commit: str
    pull: int | None = None
    """The merged pull request that brought it; None if none did."""
    judged: bool = False
    """Whether that merge was judged already; what followed from it is done then."""
