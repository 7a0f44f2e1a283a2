"""Web pages of a forge's threads and runs: served live, or written as self-contained files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from countersign_ml.forge.pages.pages_facts import clock, diff_lines, hue, thread_facts
from countersign_ml.forge.pages.pages_markdown import render
from countersign_ml.forge.state.actions_records import Run
from countersign_ml.forge.state.repository_record import Repository
from countersign_ml.forge.state.thread_records import Issue
from countersign_ml.forge.state.world_state import World
from countersign_ml.forge.webhooks import Delivery

TEMPLATES = Path(__file__).with_name("templates")
LOG_LINES = 400  # of a job's log, from its end
Link = Callable[[Repository, str, int], str]


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    found.globals["style"] = Markup(style)  # noqa: S704 - our own file
    found.filters |= {
        "clock": clock,
        "hue": hue,
        "diff": diff_lines,
        "markdown": _rendered,
        "safe_html": Markup,
    }
    return found


def _rendered(text: str) -> Markup:
    return Markup(render(text))  # noqa: S704 - render passes only known tags


def thread_page(world: World, record: Repository, thread: Issue, link: Link) -> str:
    """The page of one pull request or issue."""
    facts = thread_facts(world, record, thread)
    return _environment().get_template("thread.html").render(f=facts, record=record, link=link)


def run_page(record: Repository, run: Run, link: Link) -> str:
    """The page of one workflow run, with the end of each log."""
    logs = {}
    for job in run.jobs.values():
        lines = job.log.read_text(encoding="utf-8").splitlines() if job.log.exists() else []
        logs[job.key] = "\n".join(
            line[29:] if line[:2] == "20" else line for line in lines[-LOG_LINES:]
        )
    return (
        _environment().get_template("run.html").render(run=run, record=record, logs=logs, link=link)
    )


def index_page(
    world: World, records: Sequence[Repository], deliveries: Sequence[Delivery], link: Link
) -> str:
    """The page that links all others."""
    return (
        _environment()
        .get_template("index.html")
        .render(records=records, deliveries=deliveries, link=link, record=None)
    )


def live_link(record: Repository, kind: str, number: int) -> str:
    """Where a page is served."""
    place = {"run": "actions/runs", "pull": "pull", "issue": "issues"}.get(kind)
    return f"/{record.full_name}/{place}/{number}" if place else f"/{record.full_name}"


def file_link(record: Repository, kind: str, number: int) -> str:
    """The name of a page's file."""
    if kind == "index":
        return "index.html"
    return f"{record.full_name.replace('/', '-')}-{kind}-{number}.html"


def write_pages(world: World, deliveries: Sequence[Delivery], folder: Path) -> Path:
    """Write a page for each thread and run, and the index; return the index."""
    folder.mkdir(parents=True, exist_ok=True)
    records = list(world.repositories.values())
    for record in records:
        for thread in record.issues.values():
            kind = "pull" if thread.pull else "issue"
            page = thread_page(world, record, thread, file_link)
            (folder / file_link(record, kind, thread.number)).write_text(page, encoding="utf-8")
        for run in record.runs.values():
            page = run_page(record, run, file_link)
            (folder / file_link(record, "run", run.id)).write_text(page, encoding="utf-8")
    index = folder / "index.html"
    index.write_text(index_page(world, records, deliveries, file_link), encoding="utf-8")
    return index
