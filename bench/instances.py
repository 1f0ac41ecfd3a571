"""Four instances on one PostgreSQL against one: keeps a second in sum, at a rate that does not bind.

Every instance is a process of its own that is ready before the clock starts; each sweeps until nothing is left for
it. The provider answers at once, so what is measured is how much they stand in each other's way: they share each
account's row, from which slots and money are given. No voice may be called twice.

`python -m bench.instances CONFIG` is one of them: it says when it is ready, and sweeps once it is told to.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from sqlalchemy import text

from bench.answering import answering
from bench.bulk import add_due
from bench.figures import Bound, Figure, alternate
from bench.registries import Registry, registry
from voicekeeper import config, logs
from voicekeeper.config.settings import AccountSettings
from voicekeeper.wiring import open_app, open_database

_BOUND = Bound(1.0, at_least=True)
_MANY = 4
_AT_ONCE = AccountSettings.model_fields["max_concurrency"].default or 4


def measure(*, quick: bool) -> list[Figure]:
    """Return the one figure."""
    count, rounds = (400, 3) if quick else (2000, 5)
    alone, together = alternate(lambda: _keep(count, 1), lambda: _keep(count, _MANY), rounds)
    sides = f"{count / together:,.0f}/s, {count / alone:,.0f}/s; {count:,} voices"
    return [Figure(f"keeps, {_MANY} instances : 1, PostgreSQL", alone / together, _BOUND, sides)]


def _keep(count: int, instances: int) -> float:
    """Return how many seconds so many instances need for so many voices."""
    with answering() as url, registry("postgresql", provider=url, at_once=_AT_ONCE) as made, ExitStack() as ends:
        add_due(made, count, "postgresql")
        asyncio.run(_plan(made))
        running = [ends.enter_context(_instance(made)) for _ in range(instances)]
        for one in running:
            _said(one)
        start = time.perf_counter()
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        kept = sum(int(_said(one)) for one in running)
        seconds = time.perf_counter() - start
        assert kept == count, f"{kept} of {count} kept"
        assert _calls(made) == {"kept": count}, "a voice was called twice"
    return seconds


def _instance(made: Registry) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.instances", str(made.path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def _plan(made: Registry) -> None:
    """Give the voices their times in a sweep that is over at once: while two instances do it, others find nothing."""
    with _silence():
        async with open_app(made.settings, made.folder) as app:
            await app.keeper.sweep(timedelta())


def _said(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline()


def _calls(made: Registry) -> Counter[str]:
    """Return how many calls were made, by what came of them."""
    database = open_database(made.settings, made.folder)
    try:
        with database.transaction() as connection:
            return Counter(connection.execute(text("SELECT outcome FROM attempts")).scalars())
    finally:
        database.close()


async def _sweep(path: Path) -> None:
    import_module("voicekeeper.providers.minimax")  # else the first call would: that is not what is measured
    async with open_app(config.load(path), path.parent) as app:
        print("ready", flush=True)
        sys.stdin.readline()
        print((await app.rounds()).kept, flush=True)


@contextmanager
def _silence() -> Iterator[None]:
    """Write the log, as a service would, and keep nothing of it."""
    with Path(os.devnull).open("w") as nowhere:
        logs.set_up("json", "info", nowhere)
        yield


if __name__ == "__main__":
    with _silence():
        asyncio.run(_sweep(Path(sys.argv[1])))
