"""A scrape of /metrics, and the dashboard's first page, over many voices against few: both are counted beside it.

Both registries are served in this process at once and asked in turn, over HTTP, while both are being counted.
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
_PATHS = {"scrape": "/metrics", "first page": "/"}
_ANYWHERE = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class _Served:
    face: Face
    client: httpx.AsyncClient
    count: int


def measure(*, quick: bool) -> list[Figure]:
    """Return two figures for each kind of database."""
    few, many, rounds = (1_000, 100_000, 101) if quick else (1_000, 1_000_000, 301)
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        return [figure for kind in KINDS for figure in _compare(kind, few, many, rounds)]


def _compare(kind: str, few: int, many: int, rounds: int) -> list[Figure]:
    with asyncio.Runner() as runner, _served(runner, kind, few) as small, _served(runner, kind, many) as large:
        return [
            _figure(f"{name}, many : few, {_NAMES[kind]}", runner, path, large, small, rounds)
            for name, path in _PATHS.items()
        ]


def _figure(name: str, runner: asyncio.Runner, path: str, large: _Served, small: _Served, rounds: int) -> Figure:
    long, short = alternate(lambda: runner.run(_ask(large, path)), lambda: runner.run(_ask(small, path)), rounds)
    sides = f"{1000 * long:.2f} ms, {1000 * short:.2f} ms; {large.count:,} voices, {small.count:,} voices"
    return Figure(name, long / short, _BOUND, sides)


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
    return _Served(face, client, count)


async def _ask(served: _Served, path: str) -> float:
    served.face.census.ask()
    await asyncio.sleep(0.05)  # a flood would be refused
    start = time.perf_counter()
    answer = await served.client.get(path)
    seconds = time.perf_counter() - start
    assert answer.status_code == 200
    return seconds
