"""The core stays pure: standard library only, no clock, no chance, no I/O."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import voicekeeper.core

CORE = Path(voicekeeper.core.__file__).parent
MODULES = sorted(CORE.glob("*.py"))
IMPORT_ALL = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(f"voicekeeper.core.{name}")
print(json.dumps(sorted(set(sys.modules) - before)))
"""
#: What reads a clock, rolls dice or reaches outside.
IMPURE_MODULES = {"asyncio", "os", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
IMPURE_CALLS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "sleep", "getenv", "urandom"}
IMPURE_NAMES = {"open", "print", "input"}


def test_the_core_imports_nothing_but_the_standard_library() -> None:
    """If it did, the rules could no longer be read, tested and trusted on their own."""
    names = [module.stem for module in MODULES if module.stem != "__init__"]
    assert len(names) > 5
    # -S leaves out site-packages: whatever is not in the standard library is not even there to be imported.
    command = [sys.executable, "-S", "-c", IMPORT_ALL, *names]
    done = subprocess.run(command, cwd=CORE.parent.parent, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    foreign = [name for name in json.loads(done.stdout) if name.partition(".")[0] not in sys.stdlib_module_names]
    assert {name for name in foreign if not name.startswith("voicekeeper.core")} == {"voicekeeper"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_reads_no_clock_and_touches_nothing(path: Path) -> None:
    """If one did, a rule's answer would depend on more than its arguments, and its tests on the moment they run."""
    impure = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                impure += [name.name for name in names if name.name.partition(".")[0] in IMPURE_MODULES]
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in IMPURE_MODULES:
                impure.append(module)
            case ast.Attribute(attr=attr) if attr in IMPURE_CALLS:
                impure.append(attr)
            case ast.Name(id=name) if name in IMPURE_NAMES:
                impure.append(name)
    assert impure == []
