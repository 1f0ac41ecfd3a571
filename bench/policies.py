"""`python -m bench.policies`: the figures of docs/policies.md, as its table.

Voices are cloned over four weeks, in bulks as platforms do, and each policy is played through outages of several
lengths, one begun every six hours. Lost is the share of the voices that live during the worst of them; saved the
share of the fees of released voices that were released before they were paid, where owners decide within three days.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from voicekeeper.core.latest import pulled
from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.queue import Load, play
from voicekeeper.core.rate import interval
from voicekeeper.core.schedule import KeepAfter, Policy, latest_safe, plan

_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_WEEKS, _BULKS, _BULK, _RPM = 4, 60, 100, 20
OUTAGES = tuple(hours * _HOUR for hours in (6, 24, 48, 72, 120))
#: Owners decide within so long, at any time alike.
_DECIDE = 72 * _HOUR
_MICROSECOND = timedelta(microseconds=1)
_LIFE = Policy().lifetime
POLICIES: Mapping[str, timedelta | KeepAfter] = {
    "immediate": KeepAfter.IMMEDIATE,
    "24h": 24 * _HOUR,
    "72h": 72 * _HOUR,
    "half-life": KeepAfter.HALF_LIFE,
    "spread": KeepAfter.SPREAD,
    "latest-safe": KeepAfter.LATEST_SAFE,
}


def main() -> None:
    """Print the table."""
    hours = [f"{outage // _HOUR} h" for outage in OUTAGES]
    print(f"| keep_after | {' | '.join(f'lost, {span} outage' for span in hours)} | least time left | saved |")
    print("|---|" + "--:|" * (len(hours) + 2))
    for name, keep_after in POLICIES.items():
        print(f"| `{name}` | {' | '.join(row(keep_after))} |")


def row(keep_after: timedelta | KeepAfter) -> Iterator[str]:
    """Yield one policy's figures as they are written."""
    for outage in OUTAGES:
        yield lost(keep_after, outage)
    yield from quiet(keep_after)


def lost(keep_after: timedelta | KeepAfter, outage: timedelta) -> str:
    """Return the share that the worst outage of a length loses."""
    return _percent(max(_shares(_loads(Policy(keep_after=keep_after)), outage)))


def quiet(keep_after: timedelta | KeepAfter) -> tuple[str, str]:
    """Return the least time left and the share saved, where nothing goes wrong."""
    loads = _loads(Policy(keep_after=keep_after))
    calls = called(loads, _pace(_NOW))
    left = min(load.deadline - calls[load.key] for load in loads)
    return f"{left * _MICROSECOND // _HOUR} h", _percent(_saved(loads, calls))


def called(loads: Sequence[Load], pace: Pace) -> Mapping[int, int]:
    """Return when each voice is called where nothing goes wrong; each load is one."""
    return {run.key: run.at for run in play(loads, pace) if run.at is not None}


def gone(loads: Sequence[Load], calls: Mapping[int, int], pace: Pace, begins: datetime, ends: datetime) -> set[int]:
    """Return the voices that an outage loses; until it begins `calls` are made."""
    left = [load for load in loads if calls[load.key] >= instant(begins)]
    return {run.key for run in play(left, pace.from_then(ends)) if run.at is None}


def _loads(policy: Policy) -> list[Load]:
    """Return the voices by a policy, pulled forward as the keeper does."""
    random = Random(1)  # noqa: S311 - not for secrets: the figures have to come out the same again
    found = []
    for bulk in range(_BULKS):
        cloned_at = _NOW + random.random() * _WEEKS * 7 * 24 * _HOUR
        for number in range(_BULK):
            times = plan(cloned_at, None, policy, f"main/{bulk}-{number}")
            found.append(Load(instant(times.due_at), instant(times.deadline), 0, bulk * _BULK + number))
    if policy.keep_after is not KeepAfter.LATEST_SAFE:
        return found
    earlier = pulled(found, _pace(_NOW), _LIFE - latest_safe(_LIFE))
    return [load._replace(due=min(load.due, earlier.get(load.deadline, load.due))) for load in found]


def _pace(start: datetime) -> Pace:
    return Pace(as_of=_NOW, start=start, space=interval(_RPM))


def _shares(loads: list[Load], outage: timedelta) -> Iterator[float]:
    """Yield what outages lose, of the voices that were cloned and not yet deleted when they ended."""
    life, pace = _LIFE // _MICROSECOND, _pace(_NOW)
    calls = called(loads, pace)
    for number in range(0, _WEEKS * 7 * 24, 6):
        begins = _NOW + number * _HOUR
        start, end = instant(begins), instant(begins + outage)
        alive = sum(load.deadline - life <= end and load.deadline > start for load in loads)
        yield len(gone(loads, calls, pace, begins, begins + outage)) / alive if alive else 0.0


def _saved(loads: list[Load], calls: Mapping[int, int]) -> float:
    """Return the share of released voices that were released before their call."""
    random, decide, life = Random(2), _DECIDE // _MICROSECOND, _LIFE // _MICROSECOND  # noqa: S311 - likewise
    return sum(load.deadline - life + random.random() * decide < calls[load.key] for load in loads) / len(loads)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


if __name__ == "__main__":
    main()
