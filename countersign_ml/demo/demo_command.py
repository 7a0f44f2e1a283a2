"""`countersign demo`: the whole loop on this machine, with no GitHub, no GPU and no key."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from countersign_ml.demo.demo_world import PROJECT, REPOSITORY, World
from countersign_ml.demo.scenario import Scenario
from countersign_ml.demo.timeline import FactFailedError, Timeline
from countersign_ml.demo.waiting import WaitFailedError
from policy.errors import UserError

MARK = ".countersign-demo"
"""A file that marks a folder as the demo's own. Only such a folder is emptied."""


def fresh_folder(output: Path) -> Path:
    """Return `output`, emptied; UserError for a folder with files that the demo did not write."""
    if output.exists() and any(output.iterdir()) and not (output / MARK).is_file():
        raise UserError.one(
            str(output),
            "contains files that are not the demo's",
            "name another folder with --output",
        )
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (output / MARK).touch()
    return output


def demo(argv: list[str]) -> int:
    """Play the demo. Exit code 0 if every fact is true, 1 if one is not or nothing advances."""
    parser = argparse.ArgumentParser(prog="countersign demo", description=__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        default=PROJECT / "demo-output",
        metavar="FOLDER",
        help="the folder for pages, logs and the registry; emptied first (default: demo-output)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(os.environ.get("COUNTERSIGN_CACHE", "~/.cache/countersign")).expanduser(),
        metavar="FOLDER",
        help="the folder that keeps the base model between runs",
    )
    options = parser.parse_args(argv)
    output = fresh_folder(options.output.resolve())
    timeline = Timeline()
    with World(output, options.cache) as world:
        try:
            world.settle()
            timeline.say(
                f"started: a forge at {world.forge.url}, the repository {REPOSITORY}, the bot"
            )
            Scenario(world, timeline).play()
        except (FactFailedError, WaitFailedError) as failed:
            print(f"\nThe demo failed: {failed}\nLogs: {world.logs}", file=sys.stderr)
            return 1
        finally:
            world.forge.pages(output / "pages")
            world.keep_logs()
    timeline.console.print(
        f"\nAll {timeline.facts} facts are true, checked in {timeline.seconds:.0f} s. "
        f"The pull requests: {output / 'pages' / 'index.html'}"
    )
    return 0
