"""Theme: who may sign. Each scenario is somebody whose approval must not count."""

from __future__ import annotations

import pytest

from tests.attacks.scene import Scene, nothing_got_through
from tests.bot import builders as a


def test_control_the_two_who_must_sign_do_get_it_through(world: Scene) -> None:
    """No trick: what every scenario of this theme does, done by those who may."""
    number = world.released()
    world.sign(number, "grace", "omar")
    assert world.live() == a.pointer(1).text()
    with pytest.raises(AssertionError, match="the pointer on main moved"):
        nothing_got_through(world, number)
