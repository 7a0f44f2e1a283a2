"""Theme: evidence whose file is good, and whose place for it leads elsewhere."""

from __future__ import annotations

import pytest

from policy.facts.evidence import Evidence
from tests.attacks.scene import Scene, nothing_got_through
from tests.bot import builders as a

DIGEST = a.pointer(1).artifact.digest
HEX = DIGEST.removeprefix("sha256:")
OTHER = a.pointer(2).artifact.digest.removeprefix("sha256:")


def lying(place: str) -> Evidence:
    """Good evidence of the first proposal, whose file is said to be at another place."""
    (shipped,) = a.evidence(1).artifacts
    return a.evidence(1, artifacts=(shipped.model_copy(update={"uri": place}),))


def test_control_a_place_that_ends_in_the_digest_is_signed_and_merged(world: Scene) -> None:
    """The layout of the registry, in a bucket."""
    honest = lying(f"s3://models/registry/sha256/{HEX[:2]}/{HEX}")
    world.prepare(a.forward_key(1), honest.text())
    number = world.released()
    world.sign(number)
    assert f"/{HEX[:2]}/{HEX}" in (world.live() or "")


@pytest.mark.parametrize(
    "place",
    [
        f"s3://models/registry/sha256/{OTHER[:2]}/{OTHER}",
        "s3://models/latest/model.gguf",
        f"https://models.example/download?file={HEX}",
        f"https://registry.example@models.example/sha256/{HEX[:2]}/{HEX}",
        f"filecache::s3://models/sha256/{HEX[:2]}/{HEX}",
        f"file:///registry/../tmp/{HEX}",
        f"s3://models/model.gguf#/{HEX}",
        f"s3://models/ registry/{HEX}",
        "",
    ],
)
def test_a_place_that_leads_elsewhere_is_refused(world: Scene, place: str) -> None:
    """Another file, a name that moves, a query, an account, a protocol in front, a way out."""
    world.prepare(a.forward_key(1), lying(place).text())
    number = world.propose(1)
    world.settle()
    world.sign(number)
    nothing_got_through(world, number, because="place")
