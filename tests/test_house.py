"""The house rules that a machine can hold: layers, one clock, one place that reads the environment, short modules."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
MODULES = sorted((HOUSE / "voicekeeper").rglob("*.py"))
LONGEST_MODULE = 350
LONGEST_FUNCTION = 45


def named(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def attributes(path: Path) -> Iterator[str]:
    """Yield every dotted name that is read in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def test_imports_point_down_only():
    """A lower layer that imports a higher one would tie the rules to a database, a vendor or a face."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_the_clock_reads_the_time(path: Path):
    """Code that reads the wall clock by itself cannot be tested in time, and cannot run on a simulated one."""
    if named(path) in {"voicekeeper/clock.py", "voicekeeper/systemd.py"}:  # sd_notify wants the monotonic clock itself
        return
    told = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.monotonic", "time.time_ns"}
    assert not told & set(attributes(path))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_the_configuration_reads_the_environment(path: Path):
    """A setting read elsewhere is one that `check` does not know and config.example.toml does not show."""
    if path.parent.name == "config" or named(path) == "voicekeeper/systemd.py":  # the service manager's own variables
        return
    assert not {"os.environ", "os.getenv"} & set(attributes(path))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_modules_and_functions_stay_short(path: Path):
    """A module that holds more than one idea, or a function that holds three, is where the next mistake hides."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [f.name for f in functions if (f.end_lineno or 0) - f.body[0].lineno + 1 > LONGEST_FUNCTION]
