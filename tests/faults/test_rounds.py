"""Rounds end in their time, whatever is waited for: until then nobody is warned, and no other account is looked at."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from tests.databases import HandClock
from tests.scenarios.commands import Emulated, Home, until
from voicekeeper.config import load
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.core.money import Span
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import planning
from voicekeeper.wiring import ROUND, App, open_app

VOICES = ("voice-one-1", "voice-two-2")
SECOND = timedelta(seconds=1)


class SetClock(HandClock):
    """A clock that can be set, and on which time passes only while somebody sleeps: a busy machine takes none of it."""

    wrong = timedelta()

    def now(self) -> datetime:
        return super().now() + self.wrong

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 120)
        self.move(timedelta(seconds=seconds))


@pytest.fixture(autouse=True)
def _reachable(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    """Let the account's key and the emulator be found in this process too."""
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def clock() -> SetClock:
    """A clock on which a minute is slept in half a second."""
    return SetClock(datetime.now(UTC))


@asynccontextmanager
async def slow(home: Home, emulator: Emulated, clock: SetClock, rate: float, **more: object) -> AsyncIterator[App]:
    """Open two due voices of an account that takes so many calls a minute."""
    home.account("main", requests_per_minute=rate, **more)
    emulator.make(*VOICES)
    home.insert(*VOICES)
    async with open_app(load(home.config, secrets=True), home.folder, clock=clock) as app:
        yield app


async def test_a_slow_account_does_not_hold_up_the_others(home: Home, emulator: Emulated, clock: SetClock):
    """One account with a call in ten minutes would let all others and all warnings wait for it."""
    async with slow(home, emulator, clock, 0.1) as app:
        begun = clock.now()
        report = await app.round(ROUND)
        assert clock.now() - begun < timedelta(minutes=4)
    assert (report.kept, report.unfinished) == (1, {"main"})


async def test_what_no_account_can_keep_does_not_hold_up_what_others_can(
    home: Home, emulator: Emulated, clock: SetClock, monkeypatch: pytest.MonkeyPatch
):
    """A million rows under a name that is not configured would let all calls and all warnings wait for them."""

    def more(*_: object) -> list[str]:
        clock.move(SECOND)
        return ["unknown"]

    monkeypatch.setattr(planning, "set_aside_some", more)
    async with slow(home, emulator, clock, 60) as app:
        begun = clock.now()
        report = await app.round(ROUND)
        assert clock.now() - begun < timedelta(minutes=4)
    assert (report.kept, report.unknown, report.unfinished) == (2, {"unknown"}, {"unknown"})


async def test_a_million_new_voices_do_not_hold_up_those_that_are_due(
    home: Home, emulator: Emulated, clock: SetClock, monkeypatch: pytest.MonkeyPatch
):
    """A large import, or another lifetime, would let all calls and all warnings wait until everything is planned."""
    whole = planning.plan_some

    def more(connection: Connection, policies: Mapping[str, Policy], default: Policy) -> int:
        clock.move(SECOND)
        return whole(connection, policies, default) or 1

    monkeypatch.setattr(planning, "plan_some", more)
    async with slow(home, emulator, clock, 60) as app:
        begun = clock.now()
        report = await app.round(ROUND)
        assert clock.now() - begun < timedelta(minutes=4)
    assert (report.kept, report.unfinished, report.moved) == (2, {"main"}, True)


async def test_a_daemon_looks_again_when_a_budget_begins_anew(home: Home, emulator: Emulated, clock: SetClock):
    """Voices that wait for money would wait for the next regular sweep, which may be hours after midnight."""
    async with slow(home, emulator, clock, 60, price_per_voice=9.9, currency="CNY", budget_per_day=10) as app:
        report = await app.round(ROUND)
        assert (report.kept, list(report.stopped)) == (1, ["main"])
        clock.move(60 * SECOND)  # past the account's next slot
        assert await app.keeper.next_due() == Span.DAY.ends(clock.now(), UTC)


async def test_a_run_goes_on_with_a_slow_account(home: Home, emulator: Emulated, clock: SetClock):
    """Where slots are further apart than rounds are long, a crontab's run would keep one voice and no other."""
    async with slow(home, emulator, clock, 0.5) as app:
        report = await app.rounds()
    assert (report.kept, report.unfinished) == (2, set())


async def test_whoever_waits_for_a_slot_ends_when_told(home: Home, emulator: Emulated, clock: SetClock):
    """A daemon that waits for a slow account would be killed, and what it has to tell with it."""
    async with slow(home, emulator, clock, 0.001) as app:
        sweep = asyncio.create_task(app.round())
        await asyncio.to_thread(until, lambda: home.statuses()["kept"])
        told, app.keeper.stopping = clock.now(), True
        await sweep
        assert clock.now() - told < timedelta(minutes=4)


async def test_a_clock_that_is_set_back_does_not_lengthen_a_round(home: Home, emulator: Emulated, clock: SetClock):
    """A machine that comes up two hours ahead and is set right would warn nobody for two hours."""
    async with slow(home, emulator, clock, 0.1) as app:
        begun = clock.monotonic()
        sweep = asyncio.create_task(app.round(ROUND))
        await asyncio.to_thread(until, lambda: home.statuses()["kept"])
        clock.wrong = timedelta(hours=-2)
        await sweep
        assert clock.monotonic() - begun < timedelta(minutes=4).total_seconds()


async def test_without_threads_the_registry_is_looked_for_again(
    home: Home, emulator: Emulated, clock: SetClock, monkeypatch: pytest.MonkeyPatch
):
    """A machine that has none left when the registry comes back would end the daemon."""

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with slow(home, emulator, clock, 60) as app:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", none_left)
            with pytest.raises(RegistryUnavailable, match="can't start new thread"):
                await app.look_again()
