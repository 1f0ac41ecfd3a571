"""A sweep with nothing due on many voices against one on few: cost follows what is due, not what is stored.

Both registries are open in this process at once and swept in turn, so that sweeps are measured and not their start.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from bench.bulk import add_idle
from bench.figures import Bound, Figure, alternate
from bench.registries import KINDS, registry
from voicekeeper import logs
from voicekeeper.wiring import App, open_app

_BOUND = Bound(1.5)
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}


def measure(*, quick: bool) -> list[Figure]:
    """Return a figure for each kind of database."""
    few, many, rounds = (1_000, 100_000, 21) if quick else (10_000, 1_000_000, 101)
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        return [_compare(kind, few, many, rounds) for kind in KINDS]


def _compare(kind: str, few: int, many: int, rounds: int) -> Figure:
    with asyncio.Runner() as runner, _idle(runner, kind, few) as small, _idle(runner, kind, many) as large:
        long, short = alternate(lambda: runner.run(_sweep(large)), lambda: runner.run(_sweep(small)), rounds)
    sides = f"{1000 * long:.1f} ms, {1000 * short:.1f} ms; {many:,} voices, {few:,} voices"
    return Figure(f"idle sweep, many : few, {_NAMES[kind]}", long / short, _BOUND, sides)


@contextmanager
def _idle(runner: asyncio.Runner, kind: str, count: int) -> Iterator[App]:
    """Open a registry of voices that are not due; opened before they are there, as a new account plans its anew."""
    with registry(kind) as made:
        stack = AsyncExitStack()
        app = runner.run(stack.enter_async_context(open_app(made.settings, made.folder)))
        try:
            add_idle(made, kind, count)
            yield app
        finally:
            runner.run(stack.aclose())


async def _sweep(app: App) -> float:
    start = time.perf_counter()
    report = await app.keeper.sweep()
    seconds = time.perf_counter() - start
    assert not report.worked
    return seconds
