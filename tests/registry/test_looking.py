"""Those who only look: they wait for no writer, and no writer waits for them."""

import asyncio

from sqlalchemy import Connection, text

from tests.registry.registry_steps import insert
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


async def test_the_keepers_threads_stay_free(database: Database) -> None:
    """Requests that hang would take the threads that the keeper works with."""
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_connection: Connection) -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    hanging = [asyncio.create_task(database.read(hang)) for _ in range(10)]
    try:
        async with asyncio.timeout(10):
            assert await database.run(count) == 0
    finally:
        gate.set()
        await asyncio.gather(*hanging)
