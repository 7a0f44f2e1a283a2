"""Histories that several tests start from, built once and copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.audit_builders import Repository, good_history


@pytest.fixture(scope="session")
def _good(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return good_history(tmp_path_factory.mktemp("good") / "models")


@pytest.fixture
def good(_good: Repository, tmp_path: Path) -> Repository:
    """v1, v2, back to v1, another v2: all of it proven."""
    return _good.copy(tmp_path / "models")


@pytest.fixture(scope="session")
def _one(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("one") / "models")
    repository.ship(1)
    return repository


@pytest.fixture
def one(_one: Repository, tmp_path: Path) -> Repository:
    """v1 is live, and proven."""
    return _one.copy(tmp_path / "models")
