"""Fixtures that several test files share because they take seconds to create."""

from __future__ import annotations

import pytest

from tests.runner.reuse_worlds import World, moved_baseline


@pytest.fixture(scope="session")
def moved(tmp_path_factory: pytest.TempPathFactory) -> World:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        return moved_baseline(tmp_path_factory.mktemp("moved"))
