"""A scene for each scenario: no scenario sees what another one left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks.scene import Scene

SceneWith = Callable[[dict[str, str | None]], Scene]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    """A scene as it is by default."""
    with Scene(tmp_path) as found:
        yield found


@pytest.fixture
def scene_with(tmp_path: Path) -> Iterator[SceneWith]:
    """Make a scene whose repository begins with other files, such as another policy."""
    with ExitStack() as stack:

        def make(files: dict[str, str | None]) -> Scene:
            return stack.enter_context(Scene(tmp_path, files))

        yield make
