"""The start of `voicekeeper run` with nothing due, against Python importing what it cannot do without."""

import compileall
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import voicekeeper
from bench.bulk import add_idle
from bench.figures import Bound, Figure, alternate
from bench.registries import registry

_BOUND = Bound(1.4)
_IMPORTS = "import sqlalchemy, structlog, click, pydantic"
#: The command beside the Python that runs this.
COMMAND = str(Path(sys.executable).with_name("voicekeeper"))


def measure(*, quick: bool) -> list[Figure]:
    """Return the one figure."""
    rounds = 7 if quick else 21
    compileall.compile_dir(str(Path(voicekeeper.__file__).parent), quiet=2)  # as every installation does
    with registry() as made:
        _time((COMMAND, "--config", str(made.path), "run"))
        add_idle(made, "sqlite", 1000)
        run, bare = alternate(
            lambda: _time((COMMAND, "--config", str(made.path), "run")),
            lambda: _time((sys.executable, "-c", _IMPORTS)),
            rounds,
        )
    return [Figure("start : its imports alone", run / bare, _BOUND, f"{1000 * run:.0f} ms, {1000 * bare:.0f} ms")]


def _time(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start
