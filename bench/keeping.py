"""Keeps per second against bare httpx calls: what it costs to claim, to write down and to settle.

One sweep over freshly registered voices in SQLite (WAL, synchronous = FULL, a real file), from planning to the
provider's list, its log written too; against as many POSTs of the same body by httpx alone, with the same
settings and as many under way at once. Both run in this process, the server in one of its own. How many are under way
decides much: httpx looks through all its connections at every call, so that many at once are slow for both, and the
few that are voicekeeper's default are hardest on the registry. Those are shown, but nothing is promised of them: an
account that allows so few allows some calls a minute.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from bench.answering import answering
from bench.bulk import add_due
from bench.figures import Bound, Figure, alternate
from bench.registries import KEY, Registry, registry
from voicekeeper import logs
from voicekeeper.providers.gateways import GATEWAYS
from voicekeeper.wiring import open_app

_BOUND = Bound(0.6, at_least=True)
_OK = 200
_MANY = 32


def measure(*, quick: bool) -> list[Figure]:
    """Return a figure for the default number of calls at once, and one for many."""
    count, rounds = (300, 3) if quick else (2000, 5)
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        return [_compare(count, at_once, rounds) for at_once in (_MANY, GATEWAYS["minimax-cn"].max_concurrency)]


def _compare(count: int, at_once: int, rounds: int) -> Figure:
    kept, bare = alternate(lambda: _keep(count, at_once), lambda: _call(count, at_once), rounds)
    sides = f"{count / kept:,.0f}/s, {count / bare:,.0f}/s; {count:,} voices"
    return Figure(
        f"keeps : bare httpx calls, {at_once} at once", bare / kept, _BOUND if at_once == _MANY else None, sides
    )


def _keep(count: int, at_once: int) -> float:
    with answering() as url, registry(provider=url, at_once=at_once) as made:
        add_due(made, count)
        return asyncio.run(_sweep(made, count))


async def _sweep(made: Registry, count: int) -> float:
    async with open_app(made.settings, made.folder) as app:
        start = time.perf_counter()
        report = await app.keeper.sweep()
        seconds = time.perf_counter() - start
    assert report.kept == report.verified == count, report
    return seconds


def _call(count: int, at_once: int) -> float:
    with answering() as url:
        return asyncio.run(_post_all(url, count, at_once))


async def _post_all(url: str, count: int, at_once: int) -> float:
    start = time.perf_counter()
    async with _client(url, at_once) as client, asyncio.TaskGroup() as group:
        left = iter(range(count))
        for _ in range(at_once):
            group.create_task(_post(client, left))
    return time.perf_counter() - start


async def _post(client: httpx.AsyncClient, left: Iterable[int]) -> None:
    for number in left:
        answer = await client.post("/v1/t2a_v2", json=_body(number))
        assert answer.status_code == _OK


def _client(url: str, at_once: int) -> httpx.AsyncClient:
    """Return what `voicekeeper.providers.wire` makes of httpx."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"},
        timeout=httpx.Timeout(None, connect=10.0),
        limits=httpx.Limits(max_connections=at_once + 1, max_keepalive_connections=at_once + 1),
        verify=ssl.create_default_context(),
    )


def _body(number: int) -> dict[str, object]:
    """Return the keep call's body, as `voicekeeper.providers.minimax` writes it."""
    return {
        "model": "speech-2.8-turbo",
        "text": "Hi.",
        "stream": False,
        "voice_setting": {"voice_id": f"bench-voice-{number}"},
        "audio_setting": {"sample_rate": 16000, "bitrate": 32000, "format": "mp3", "channel": 1},
        "output_format": "hex",
    }
