"""A GitHub on localhost for the demo and the tests: real git below, the used part of the API above.

A tour, from the bottom up; each folder imports only from those above it in this list:

- `git/`: one bare repository by the git command, and questions about its history.
- `workflow/`: a workflow file as a checked plan, and the expressions in it.
- `state/`: `World` and its records: accounts, repositories, threads, commits, workflow runs. Also
  what follows from them alone: whether a pull request can be merged, which refs a queue holds.
- `request/`: who sent a request and what they may do; errors, pages and headers of an answer.
- `shapes/`: the records as JSON in GitHub's shapes.
- `deeds/`: what people and Apps do, such as merge, review or push. Each changes the state and
  publishes its events.
- `webhooks.py`: listens to events and delivers them to Apps, signed.
- `actions/`: listens to events and runs the repository's workflow files.
- `pages/`: pull requests, issues and runs as HTML.
- `routes/`: the REST API, git over HTTP and the pages, as Flask routes.
- `gestures.py`: what people do on the web page and no route offers, as methods.
- `forge_server.py`: `Forge`, which puts all of this together and serves it.

Start at `forge_server.py`, then follow one route, such as `routes/routes_pulls.py:merge_pull`,
into `deeds/merging.py` and from there `World.publish` into `webhooks.py` and `actions/`.
"""

from __future__ import annotations

from countersign_ml.forge.forge_server import Forge
from countersign_ml.forge.state.account_records import App

__all__ = ["App", "Forge"]
