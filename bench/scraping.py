"""A scrape of /metrics over many voices against one over few: what is shown is counted beside it.

Both registries are served in this process at once and scraped in turn, over HTTP, while both are being counted.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from bench.bulk import add_idle
from bench.figures import Bound, Figure, alternate
from bench.registries import KINDS, Registry, registry
from voicekeeper import logs
from voicekeeper.clock import WallClock
from voicekeeper.web.application import application
from voicekeeper.web.face import Face
from voicekeeper.web.server import listening
from voicekeeper.wiring import open_app

_BOUND = Bound(1.5)
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}
_ANYWHERE = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class _Served:
    face: Face
    client: httpx.AsyncClient


def measure(*, quick: bool) -> list[Figure]:
    """Return a figure for each kind of database."""
    few, many, rounds = (1_000, 100_000, 101) if quick else (1_000, 1_000_000, 301)
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        return [_compare(kind, few, many, rounds) for kind in KINDS]


def _compare(kind: str, few: int, many: int, rounds: int) -> Figure:
    with asyncio.Runner() as runner, _served(runner, kind, few) as small, _served(runner, kind, many) as large:
        long, short = alternate(lambda: runner.run(_scrape(large)), lambda: runner.run(_scrape(small)), rounds)
    sides = f"{1000 * long:.2f} ms, {1000 * short:.2f} ms; {many:,} voices, {few:,} voices"
    return Figure(f"scrape, many : few, {_NAMES[kind]}", long / short, _BOUND, sides)


@contextmanager
def _served(runner: asyncio.Runner, kind: str, count: int) -> Iterator[_Served]:
    """Serve a registry of voices that are not due, and wait until they are counted."""
    with registry(kind) as made:
        stack = AsyncExitStack()
        try:
            yield runner.run(_serve(stack, made, kind, count))
        finally:
            runner.run(stack.aclose())


async def _serve(stack: AsyncExitStack, made: Registry, kind: str, count: int) -> _Served:
    app = await stack.enter_async_context(open_app(made.settings, made.folder))
    add_idle(made, kind, count)
    face = Face(WallClock(), lambda: timedelta(hours=1), lambda: None)
    await stack.enter_async_context(face.showing(app))
    url = await stack.enter_async_context(listening(application(face, _ANYWHERE), _ANYWHERE))
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False))
    while face.census.figures is None:  # noqa: ASYNC110 - nobody else waits for the first count
        await asyncio.sleep(0.1)
    assert sum(face.census.figures.voices.values()) == count
    return _Served(face, client)


async def _scrape(served: _Served) -> float:
    served.face.census.ask()
    await asyncio.sleep(0.05)  # a flood would be refused
    start = time.perf_counter()
    answer = await served.client.get("/metrics")
    seconds = time.perf_counter() - start
    assert answer.status_code == 200
    return seconds
