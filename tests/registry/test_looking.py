"""Those who only look: they wait for no writer, and no writer waits for them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, text

from tests.registry.registry_steps import insert
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.registry.database import Database


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM voices")).scalar_one())


async def test_looking_waits_for_no_writer(database: Database) -> None:
    """The API would stand still for as long as an owner's program, or the keeper, holds a transaction open."""
    with database.transaction() as writer:
        insert(writer, voice_id="not-yet-there")
        async with asyncio.timeout(10):
            assert await database.read(count) == 0
    assert await database.read(count) == 1


async def test_writing_waits_for_nobody_who_looks(database: Database) -> None:
    """A slow query of the API would keep the keeper from writing down what it paid for."""
    with database.transaction(reading=True) as reader:
        assert count(reader) == 0
        async with asyncio.timeout(10):
            await database.run(lambda connection: insert(connection, voice_id="theirs"))
    assert await database.read(count) == 1


@asynccontextmanager
async def slow_visitors(database: Database) -> AsyncIterator[None]:
    """Have more visitors than there are threads for them, none of whose pages ends while the context lasts."""
    gate, loop, begun = asyncio.Event(), asyncio.get_running_loop(), threading.Event()

    def hang(_connection: Connection) -> None:
        begun.set()
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    hanging = [asyncio.create_task(database.show(hang)) for _ in range(10)]
    try:
        assert await asyncio.to_thread(begun.wait, 10)
        yield
    finally:
        gate.set()
        await asyncio.gather(*hanging)


async def test_the_keepers_threads_stay_free(database: Database) -> None:
    """Requests that hang would take the threads that the keeper works with."""
    async with slow_visitors(database), asyncio.timeout(10):
        assert await database.run(count) == 0


async def test_visitors_do_not_hold_up_what_the_keeper_looks_at(database: Database) -> None:
    """Each sweep looks ahead: behind slow pages it would wait, and warnings and other voices would wait for it."""
    async with slow_visitors(database), asyncio.timeout(10):
        assert await database.read(count) == 0


async def test_a_look_without_threads_is_a_registry_that_does_not_work(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has none left for a moment would end the daemon with its next look ahead."""

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RegistryUnavailable, match="can't start new thread"):
            await sqlite_database.read(count)
