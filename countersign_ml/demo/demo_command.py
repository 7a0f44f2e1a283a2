"""`countersign demo`: the whole loop on this machine, with no GitHub, no GPU and no key."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from countersign_ml.demo.scenario import Scenario
from countersign_ml.demo.told import FactFailedError, Timeline
from countersign_ml.demo.world import PROJECT, REPOSITORY, World
from policy.errors import UserError

MARK = ".countersign-demo"
"""The file by which the demo knows a folder as its own, before it empties it."""


def fresh_folder(output: Path) -> Path:
    """Return `output`, empty; a folder that the demo did not make is left alone."""
    if output.exists() and any(output.iterdir()) and not (output / MARK).is_file():
        raise UserError.one(
            str(output), "holds files that are not the demo's", "name another with --output"
        )
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (output / MARK).touch()
    return output


def demo(argv: list[str]) -> int:
    """Play the demo; exit code 0 when every fact held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="countersign demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=PROJECT / "demo-output", metavar="FOLDER")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(os.environ.get("COUNTERSIGN_CACHE", "~/.cache/countersign")).expanduser(),
        metavar="FOLDER",
        help="where the base model is kept between runs",
    )
    options = parser.parse_args(argv)
    output = fresh_folder(options.output.resolve())
    timeline = Timeline()
    with World(output, options.cache) as world:
        try:
            world.settle()
            timeline.say(f"a forge at {world.forge.url}, a repository {REPOSITORY}, and the bot")
            Scenario(world, timeline).play()
        except FactFailedError as failed:
            print(f"\nThe demo ends here: {failed}\nLogs: {world.logs}", file=sys.stderr)
            return 1
        finally:
            world.forge.pages(output / "pages")
            world.keep_logs()
    timeline.console.print(
        f"\n{timeline.facts} facts held in {timeline.seconds:.0f} s. "
        f"Look at the pull requests: {output / 'pages' / 'index.html'}"
    )
    return 0
