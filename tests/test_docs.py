"""What the documents name exists: links, files, functions, modules, commands, options."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from countersign_ml.cli import command_table
from countersign_ml.rows.tools.data_commands import COMMANDS as DATA_COMMANDS

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "bot/*.md", "countersign_ml/**/*.md",
                    "tests/attacks/*.md",
                    "benchmarks/**/*.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip
ROOMS = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name != "tests" and any(path.glob("*.py"))
)
SHELL = re.compile(r"countersign +([a-z][a-z-]*)(?: +([a-z][a-z-]*))?([^\n]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
FILE = re.compile(r"([a-z_.]+/[\w./-]+\.(?:py|md|yml|json|svg))(?::\d+)?")
FUNCTION = re.compile(r"([\w./-]+\.py):([A-Za-z_]\w*(?:\.\w+)?)")
"""A function, class or constant in a file; the file by its path, or by its name alone."""
FOLDER = re.compile(rf"(?:{'|'.join(ROOMS)})(?:/\w+)+/?")
MODULE_NAME = re.compile(r"[a-z]\w*\.py")
"""A module by its name alone."""
OF_A_USER = ("policy/keys", "policy/erased.yml")
"""What only a governed repository has."""
PLACEHOLDER = re.compile(r"(?:^|/)(?:(?:[A-Z]{3,}|N)(?:/|$)|NAME\.py$)")
MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+){{2,}}")
RUN = re.compile(rf"python -m ((?:{'|'.join(ROOMS)})(?:\.\w+)*)")
IMPORTED = re.compile(rf"^from ((?:{'|'.join(ROOMS)})(?:\.\w+)*) import ([\w, ]+)", re.MULTILINE)
PACKAGES = sum(len(list((ROOT / room).rglob("__init__.py"))) for room in ROOMS)
VARIABLE = re.compile(r"COUNTERSIGN_[A-Z]+(?:_[A-Z]+)*")
EXTRA = re.compile(r"countersign-ml\[([\w,]+)\]")
TARGET = re.compile(r"(?:^|&& )make ([a-z-]+)")
IMPORT = re.compile(rf"^\s*(?:from|import) ({'|'.join(ROOMS)})\b", re.MULTILINE)
GROUPED = {"data": frozenset(DATA_COMMANDS), "base": frozenset({"build"})}
"""Commands whose next word is a command too."""


def tokens(text: str) -> Iterator[Token]:
    """Yield every token of a document, inline tokens too."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or ()


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")


def problems(text: str, folder: Path = ROOT) -> Iterator[str]:
    """Yield what a document in `folder` names that does not exist."""
    for token in tokens(text):
        for name in ("href", "src"):
            yield from link(str(token.attrs.get(name, "")), text, folder)
        if token.type in ("code_inline", "fence", "code_block"):
            code = re.sub(r"\\\n\s*", " ", token.content)
            yield from shell(code)
            yield from python(code)
            if token.type == "code_inline":
                yield from place(code, folder)


def link(target: str, text: str, folder: Path) -> Iterator[str]:
    path, _, anchor = target.partition("#")
    if "://" in target or not target:
        return
    file = folder / path
    if path and not file.exists():
        yield f"link {target}: no such file"
    elif anchor:
        found = file.read_text(encoding="utf-8") if path else text
        if anchor not in map(slug, re.findall(r"^#+ (.+)$", found, re.MULTILINE)):
            yield f"link {target}: no such heading"


def place(code: str, folder: Path) -> Iterator[str]:
    """Yield the problem if inline code names a file, folder, module or function that is gone."""
    if file := FILE.fullmatch(code):
        yield from named_file(file[1], folder)
    governed = code.rstrip("/") in OF_A_USER
    if FOLDER.fullmatch(code) and not governed and not (ROOT / code).is_dir():
        yield f"folder {code}: not there"
    if MODULE_NAME.fullmatch(code) and not files_named(code) and not in_tests(code):
        yield f"file {code}: no file has that name"
    if function := FUNCTION.fullmatch(code):
        yield from named_function(function[1], function[2])


def named_file(name: str, folder: Path) -> Iterator[str]:
    of_ours = (ROOT / name.partition("/")[0]).is_dir() and not PLACEHOLDER.search(name)
    of_ours = of_ours and name not in OF_A_USER
    if of_ours and not (ROOT / name).exists() and not (folder / name).exists():
        yield f"file {name}: not there"


def named_function(file: str, name: str) -> Iterator[str]:
    found = files_named(file)
    if len(found) != 1:
        yield f"{file}:{name}: {len(found)} files have that name"
    elif name not in definitions(found[0]):
        yield f"{file}:{name}: not in that file"


def files_named(name: str) -> list[str]:
    """Return the product files with that name, or with a path that ends in it."""
    return [path for path in product_files() if f"/{path}".endswith(f"/{name}")]


def in_tests(name: str) -> bool:
    return any((ROOT / "tests").rglob(name))


@functools.cache
def product_files() -> tuple[str, ...]:
    return tuple(
        str(file.relative_to(ROOT)) for room in ROOMS for file in (ROOT / room).rglob("*.py")
    )


@functools.cache
def definitions(file: str) -> frozenset[str]:
    """Return what a module defines: functions, classes, constants, and `Class.method`."""
    names = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body
                      if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}  # fmt: skip
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names)


def shell(code: str) -> Iterator[str]:
    for match in SHELL.finditer(code):
        name, word, rest = match[1], match[2] or "", match[3]
        if name not in command_table.COMMANDS:
            yield f"countersign {name}: no such command"
            continue
        if name in GROUPED and word and word not in GROUPED[name]:
            yield f"countersign {name} {word}: no such command"
            continue
        told = help_of(name, word) if name == "data" and word else help_of(name)
        given = re.split(r" #|[`|;]| && ", rest)[0]
        for option in OPTION.findall(given):
            if not re.search(rf"{option}(?![\w-])", told):
                yield f"countersign {name} {word} {option}: no such option"
    for variable in VARIABLE.findall(code):
        if not re.search(
            rf"(?:COUNTERSIGN_|\"){variable.removeprefix('COUNTERSIGN_')}\b", source()
        ):
            yield f"{variable}: nothing reads it"
    for extras in EXTRA.findall(code):
        yield from (f"countersign-ml[{name}]: no such extra" for name in extras.split(",")
                    if name not in declared_extras())  # fmt: skip
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    yield from (f"make {name}: no such target" for name in TARGET.findall(code)
                if name not in targets)  # fmt: skip


def python(code: str) -> Iterator[str]:
    for name in RUN.findall(code):
        if module_file(name) is None:
            yield f"python -m {name}: no such module"
    if MODULE.fullmatch(code) and module_file(code) is None:
        parent, _, attribute = code.rpartition(".")
        yield from not_defined(parent, attribute)
    for module, names in IMPORTED.findall(code):
        for name in names.split(", "):
            if module_file(f"{module}.{name}") is None:
                yield from not_defined(module, name)


def not_defined(module: str, name: str) -> Iterator[str]:
    file = module_file(module)
    text = file.read_text(encoding="utf-8") if file is not None else ""
    if not re.search(rf"^(?:(?:def|class) |from .* import .*)?\b{name}\b", text, re.MULTILINE):
        yield f"{module}.{name}: not there"


def module_file(name: str) -> Path | None:
    path = ROOT / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py",
                                   path / "__main__.py") if file.exists()), None)  # fmt: skip


@functools.cache
def help_of(*words: str) -> str:
    """Return what a command's --help prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        command_table.main([*words, "--help"])
    return out.getvalue()


@functools.cache
def source() -> str:
    """Return all code and workflows, to check that a variable is read."""
    files = [*(file for room in ROOMS for file in (ROOT / room).rglob("*.py")),
             *(ROOT / "tests").rglob("*.py"), *(ROOT / ".github").rglob("*.yml")]  # fmt: skip
    return "\n".join(
        file.read_text(encoding="utf-8") for file in files if file != Path(__file__).resolve()
    )


@functools.cache
def declared_extras() -> frozenset[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return frozenset(project["optional-dependencies"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(path: Path) -> None:
    assert list(problems(path.read_text(encoding="utf-8"), path.parent)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](docs/gone.md)", "link docs/gone.md: no such file"),
        ("![x](gone.svg)", "link gone.svg: no such file"),
        ("[x](docs/audit.md#gone)", "link docs/audit.md#gone: no such heading"),
        ("# One\n\n[x](#two)", "link #two: no such heading"),
        ("`bot/gone.py`", "file bot/gone.py: not there"),
        ("`policy/gates/difference.py:gone`", "policy/gates/difference.py:gone: not in that file"),
        ("`difference.py:gone`", "difference.py:gone: not in that file"),
        ("`gone.py`", "file gone.py: no file has that name"),
        ("`bot/gone`", "folder bot/gone: not there"),
        ("`gone.py:gone`", "gone.py:gone: 0 files have that name"),
        ("`__init__.py:gone`", f"__init__.py:gone: {PACKAGES} files have that name"),
        (
            "`countersign_ml.rows.gating.scan.gone`",
            "countersign_ml.rows.gating.scan.gone: not there",
        ),
        ("    python -m benchmarks.gone", "python -m benchmarks.gone: no such module"),
        (
            "```python\nfrom policy.files.rules import Gone\n```",
            "policy.files.rules.Gone: not there",
        ),
        ("`countersign gone`", "countersign gone: no such command"),
        ("    countersign data gone x", "countersign data gone: no such command"),
        ("    countersign run x --gone", "countersign run x --gone: no such option"),
        ("    countersign run x \\\n        --gone", "countersign run x --gone: no such option"),
        ("`countersign data stats x --go`", "countersign data stats --go: no such option"),
        ("`COUNTERSIGN_GONE`", "COUNTERSIGN_GONE: nothing reads it"),
        ("`pip install 'countersign-ml[gone]'`", "countersign-ml[gone]: no such extra"),
        ("    make gone", "make gone: no such target"),
    ],
)
def test_what_does_not_exist_is_reported(text: str, said: str) -> None:
    assert list(problems(text)) == [said]


def test_the_readme_lists_every_room_with_its_imports() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The rooms")[2]
    rows = re.findall(r"^\| (`\w+/`) \| .* \| (.*) \|$", table, re.MULTILINE)
    told = {
        room.strip("`/"): {name for name in imports.split(", ") if name in ROOMS}
        for room, imports in rows
    }
    found = {
        room: {
            name
            for file in (ROOT / room).rglob("*.py")
            for name in IMPORT.findall(file.read_text(encoding="utf-8"))
        }
        - {room}
        for room in ROOMS
    }
    assert told == found


def test_the_picture_of_the_rooms_shows_the_layers_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    found = (each["layers"] for each in contracts if each["type"] == "layers")
    (layers,) = (each for each in found if "policy" in each)
    picture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1]
    shown = [
        rooms
        for line in picture.splitlines()
        if (rooms := set(re.findall(rf"(?<![\w/])(?:{'|'.join(ROOMS)})(?:/\w+)?(?![\w/])", line)))
    ]
    assert shown == [set(layer.replace(".", "/").split(" | ")) for layer in layers]


def test_the_architecture_page_is_at_most_two_pages() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 112
