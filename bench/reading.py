"""A sweep with 200 calls under way while the dashboard is read, against the same sweep alone.

Everything is in one process, as in the daemon, on SQLite, where readers and the writer share one file. The provider
answers at once, so the processor is what both want. The reader loads the first page and a list in turn, four times a
second, which is two people who press reload as fast as pages come.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path

import httpx

from bench.answering import answering
from bench.bulk import add_due
from bench.figures import Bound, Figure, alternate
from bench.registries import Registry, registry
from voicekeeper import logs
from voicekeeper.clock import WallClock
from voicekeeper.web.application import application
from voicekeeper.web.face import Face
from voicekeeper.web.server import listening
from voicekeeper.wiring import App, open_app

_BOUND = Bound(1.2)
_AT_ONCE = 200
_ANYWHERE = "127.0.0.1:0"
_PAGES = ("/", "/voices?status=waiting")
_REST = 0.25


def measure(*, quick: bool) -> list[Figure]:
    """Return the one figure."""
    count, rounds = (1000, 3) if quick else (2000, 7)
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        read, alone = alternate(lambda: _keep(count, read=True), lambda: _keep(count, read=False), rounds)
    sides = f"{count / read:,.0f}/s, {count / alone:,.0f}/s; {count:,} voices, {_AT_ONCE} at once"
    return [Figure("sweep while read : sweep alone", read / alone, _BOUND, sides)]


def _keep(count: int, *, read: bool) -> float:
    with answering() as url, registry(provider=url, at_once=_AT_ONCE) as made:
        add_due(made, count)
        return asyncio.run(_sweep(made, count, read=read))


async def _sweep(made: Registry, count: int, *, read: bool) -> float:
    async with open_app(made.settings, made.folder) as app, _being_read(app) if read else nullcontext():
        start = time.perf_counter()
        report = await app.keeper.sweep()
        seconds = time.perf_counter() - start
    assert report.kept == count, report
    return seconds


@asynccontextmanager
async def _being_read(app: App) -> AsyncIterator[None]:
    """Serve the dashboard, and have somebody read it while the context lasts."""
    face = Face(WallClock(), lambda: timedelta(hours=1), lambda: None)
    async with (
        face.showing(app),
        listening(application(face, _ANYWHERE), _ANYWHERE) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        reader = asyncio.create_task(_read(face, client))
        yield
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


async def _read(face: Face, client: httpx.AsyncClient) -> None:
    while True:
        for page in _PAGES:
            face.census.ask()
            answer = await client.get(page)
            assert answer.status_code == 200, answer.text
            await asyncio.sleep(_REST)
