"""What the documents point at is there: files, links, modules, functions, columns, make targets."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.documents import HOUSE, MARKDOWN, blocks, inline, read
from voicekeeper.registry.tables import metadata

_LINK = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")
_FILE = re.compile(r"[\w./-]+(?:/|\.(?:py|md|toml|lock|service|timer))")
#: Files that a reader makes, or must not make.
_NOT_OURS = {"voicekeeper.toml", "voices.csv", "uv.lock", "pylock.toml", "migrations/versions/NNNN_what_it_does.py"}


def named_files(name: str) -> Iterator[str]:
    """Yield the files and folders that a document names between backticks."""
    for words in inline(read(name)):
        if _FILE.fullmatch(words) and not words.startswith("/") and words not in _NOT_OURS:
            yield words


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_lead_somewhere(name: str):
    """A reader would click on nothing."""
    missing = [link for link in _LINK.findall(read(name)) if not (HOUSE / name).parent.joinpath(link).exists()]
    assert not missing


@pytest.mark.parametrize("name", MARKDOWN)
def test_named_files_exist(name: str):
    """A reader would look for a file that was renamed or never there."""
    inside = HOUSE / "voicekeeper"
    missing = [file for file in named_files(name) if not ((HOUSE / file).exists() or (inside / file).exists())]
    assert not missing


@pytest.mark.parametrize("name", MARKDOWN)
def test_make_targets_exist(name: str):
    """One of the first commands that a newcomer types would fail."""
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", read(name), re.MULTILINE)) <= targets


def test_the_readme_shows_both_make_commands():
    """A change of the README's form would let the test above look at nothing."""
    assert {"make demo", "make test"} <= set(re.findall(r"make \w+", read("README.md")))


def test_the_layers_picture_has_every_module_and_no_other():
    """The picture would leave out a module, or show one that is gone."""
    picture = re.findall(r"\b([a-z_]+(?:\.py|/))", blocks(read("docs/architecture.md"), "")[0])
    there = {f"{path.name}{'/' if path.is_dir() else ''}" for path in (HOUSE / "voicekeeper").iterdir()}
    assert sorted(picture) == sorted(name for name in there if not name.startswith(("_", ".")))


def test_the_layers_picture_is_in_the_order_that_is_held():
    """The picture would tell another order of layers than the gate holds."""
    rows = [
        re.findall(r"\b([a-z_]+)(?:\.py|/)", row) for row in blocks(read("docs/architecture.md"), "")[0].splitlines()
    ]
    contract = re.search(r"^layers = \[(.*?)^\]", read("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert contract
    held = [re.findall(r"\w+", row) for row in re.findall(r'"([^"]+)"', contract[1])]
    assert [set(row) for row in rows if row] == [set(row) for row in held if row != ["__main__"]]


def test_named_functions_exist():
    """A reader would follow the way of a voice to a function that is not there."""
    called = {words[:-2] for words in inline(read("docs/architecture.md")) if re.fullmatch(r"[A-Za-z_.]+\(\)", words)}
    assert len(called) > 20
    assert called <= set(functions())


def functions() -> Iterator[str]:
    """Yield every function of the program as `name`, `module.name` and `Class.name`."""
    for path in (HOUSE / "voicekeeper").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from (node.name, f"{path.stem}.{node.name}")
            if isinstance(node, ast.ClassDef):
                inner = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                yield from (f"{node.name}.{part.name}" for part in inner)


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_every_column_is_told_of(table):
    """A column would stand in people's databases of which nobody says what it is for."""
    told = read("docs/architecture.md").partition(f"### {table.name}\n")[2].partition("\n##")[0]
    assert {column.name for column in table.columns} <= set(inline(told))
