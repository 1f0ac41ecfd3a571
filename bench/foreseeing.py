"""A forecast of a million waiting voices against sorting their deadlines in Python.

Both are counted in this process's own time, SQLite's included, so that other work on the machine slows neither.
"""

import time
from datetime import UTC, datetime, timedelta
from random import Random

from bench.bulk import add_due
from bench.figures import Bound, Figure, alternate
from bench.registries import registry
from voicekeeper.core.forecast import forecast
from voicekeeper.core.pace import Pace
from voicekeeper.core.rate import interval
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import waiting
from voicekeeper.registry.database import Database
from voicekeeper.wiring import open_database

_BOUND = Bound(10)
_CHUNK = 100_000
#: Cloned at any second of the last six days, and planned as a sweep would have.
_SPREAD = (
    "UPDATE voices SET cloned_at = strftime('%Y-%m-%d %H:%M:%f', :now, '-' || (abs(random()) % 518400) || ' seconds')"
    " WHERE id > :first AND id <= :first + 100000"
)
_PLAN = (
    "UPDATE voices SET due_at = cloned_at, deadline = strftime('%Y-%m-%d %H:%M:%f', cloned_at, '+7 days')"
    " WHERE id > :first AND id <= :first + 100000"
)


def measure(*, quick: bool) -> list[Figure]:
    """Return the one figure."""
    count, rounds = (100_000, 3) if quick else (1_000_000, 3)
    with registry() as made:
        add_due(made, count)
        now = datetime.now(UTC)
        for first in range(0, count, _CHUNK):
            made.run(_SPREAD, _PLAN, now=f"{now:%Y-%m-%d %H:%M:%S}", first=first)
        database = open_database(made.settings, made.folder)
        deadlines = _shuffled(count, now)
        long, short = alternate(lambda: _foresee(database, count), lambda: _sort(deadlines), rounds)
        database.close()
    return [
        Figure(
            "forecast : sorting its deadlines", long / short, _BOUND, f"{long:.2f} s, {short:.2f} s; {count:,} voices"
        )
    ]


def _foresee(database: Database, count: int) -> float:
    """Read the line and play it, at a rate that saves all."""
    begun, now = time.process_time(), datetime.now(UTC)
    line = database.call(waiting.waiting, "main", Policy(), now)
    told = forecast(line.loads, Pace(as_of=now, start=now, space=interval(100_000)))
    assert (told.waiting, told.lost) == (count, 0)
    return time.process_time() - begun


def _shuffled(count: int, now: datetime) -> list[datetime]:
    random = Random(1)  # noqa: S311 - not for secrets
    return [now + timedelta(seconds=86_400 + random.randrange(518_400)) for _ in range(count)]


def _sort(deadlines: list[datetime]) -> float:
    begun = time.process_time()
    ordered = sorted(deadlines)
    seconds = time.process_time() - begun
    assert ordered[0] <= ordered[-1]
    return seconds
