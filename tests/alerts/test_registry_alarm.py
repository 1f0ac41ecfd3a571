"""The daemon's own alarm about its registry, told without it: once while it lasts, and to its end."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.alerts.sinks import Webhook, webhook
from tests.databases import HandClock
from tests.registry.registry_steps import HOUR, MINUTE, START
from voicekeeper import logs
from voicekeeper.alarm import RegistryAlarm
from voicekeeper.alerts.channels import Channel, Channels
from voicekeeper.core.channel import Rule
from voicekeeper.notify import Notifier
from voicekeeper.registry.database import Database

#: Apprise's own import, which is none of ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

RAISED, OVER = (
    "voicekeeper: The registry cannot be worked with",
    "voicekeeper: resolved: The registry cannot be worked with",
)

Process = Callable[[], RegistryAlarm]


@pytest.fixture
def clock() -> HandClock:
    return HandClock(START)


@pytest.fixture
def process(tmp_path: Path, clock: HandClock) -> Process:
    """Makes the alarm of a daemon that starts: one after the other on the same machine."""
    return lambda: RegistryAlarm(clock, logs.logger(), tmp_path / "voicekeeper.spool.alarm")


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as listening:
        yield listening


@pytest.fixture
def notifier(hook: Webhook, clock: HandClock, sqlite_database: Database) -> Notifier:
    channels = Channels([Channel(f"json://127.0.0.1:{hook.port}", Rule(id="hook"), "urls[0]")])
    return Notifier(sqlite_database, channels, clock, HOUR, logs.logger())


def titles(hook: Webhook) -> list[str]:
    return [body["title"] for body in hook.bodies]


async def fail(alarm: RegistryAlarm, notifier: Notifier, clock: HandClock, minutes: int) -> None:
    """Let the registry be away for so long, looked for every minute."""
    for _ in range(minutes + 1):
        await alarm.failed(notifier, "timeout", 5 * MINUTE, 4 * HOUR)
        clock.move(MINUTE)


async def test_a_short_outage_wakes_nobody(process: Process, notifier: Notifier, hook: Webhook, clock: HandClock):
    """Each restart of a database server would be two messages."""
    alarm = process()
    await fail(alarm, notifier, clock, 9)
    await alarm.works(notifier)
    assert titles(hook) == []


async def test_two_failed_rounds_wake_nobody(process: Process, notifier: Notifier, hook: Webhook, clock: HandClock):
    """A machine that sleeps between two failures, a moment each, would be two messages."""
    alarm = process()
    for told in ([], [], [RAISED]):
        await alarm.failed(notifier, "timeout", 5 * MINUTE, 4 * HOUR)
        assert titles(hook) == told
        clock.move(HOUR)


async def test_the_next_process_knows_what_was_told(
    process: Process, notifier: Notifier, hook: Webhook, clock: HandClock
):
    """Each restart by the watchdog would tell it again, and nobody would hear of the end."""
    await fail(process(), notifier, clock, 14)
    await fail(process(), notifier, clock, 14)
    assert titles(hook) == [RAISED]
    alarm = process()
    await alarm.works(notifier)
    await alarm.works(notifier)
    await process().works(notifier)
    assert titles(hook) == [RAISED, OVER]


@pytest.mark.parametrize("restarted", [False, True])
async def test_each_channel_hears_both_ends_or_neither(
    process: Process, clock: HandClock, sqlite_database: Database, *, restarted: bool
):
    """A chat that was away with the registry would hear of the end alone, or of the beginning hours later."""
    async with webhook() as good, webhook("503 Service Unavailable") as slow, webhook("503 Service Unavailable") as bad:
        hooks = {"good": good, "slow": slow, "bad": bad}
        channels = [Channel(f"json://127.0.0.1:{hook.port}", Rule(id=name), name) for name, hook in hooks.items()]
        notifier = Notifier(sqlite_database, Channels(channels), clock, HOUR, logs.logger())
        alarm = process()
        await fail(alarm, notifier, clock, 10)
        slow.status, refused = "200 OK", len(slow.bodies)
        alarm = process() if restarted else alarm
        await fail(alarm, notifier, clock, 3)
        bad.status, never = "200 OK", len(bad.bodies)
        await alarm.works(notifier)
    assert titles(good) == [RAISED, OVER]
    assert titles(slow)[refused:] == [RAISED, OVER]
    assert titles(bad)[never:] == []


async def test_a_channel_that_is_configured_no_more_is_forgotten(
    process: Process, notifier: Notifier, hook: Webhook, clock: HandClock, sqlite_database: Database
):
    """Its note would stay for ever, and good news come months later."""
    await fail(process(), notifier, clock, 10)
    await process().works(Notifier(sqlite_database, Channels([]), clock, HOUR, logs.logger()))
    await process().works(notifier)
    assert titles(hook) == [RAISED]


async def test_a_long_outage_is_told_again(process: Process, notifier: Notifier, hook: Webhook, clock: HandClock):
    """What was overlooked at night would never come again, as each process would begin to wait anew."""
    await fail(process(), notifier, clock, 14)
    clock.move(4 * HOUR)
    await fail(process(), notifier, clock, 3)
    assert titles(hook) == [RAISED, RAISED]


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_end_is_told_until_somebody_takes_it(
    process: Process, notifier: Notifier, hook: Webhook, clock: HandClock, *, restarted: bool
):
    """One answer of 503 would leave an incident open for ever."""
    alarm = process()
    await fail(alarm, notifier, clock, 10)
    hook.status = "503 Service Unavailable"
    await alarm.works(notifier)
    hook.status = "200 OK"
    refused = len(hook.bodies)
    alarm = process() if restarted else alarm
    await alarm.works(notifier)
    await alarm.works(notifier)
    assert titles(hook)[refused:] == [OVER]


@pytest.mark.parametrize(
    "note", ["", "[]", "{}", '{"since": 1, "told": 2}', '{"since": "today", "told": {"hook": "now"}}']
)
async def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, process: Process, notifier: Notifier, note: str):
    """A crash while it was written would keep the daemon from starting."""
    (tmp_path / "voicekeeper.spool.alarm").write_text(note)
    await process().works(notifier)


async def test_without_a_place_for_the_note_people_are_told_all_the_same(
    tmp_path: Path, process: Process, notifier: Notifier, hook: Webhook, clock: HandClock
):
    """The disk that took the registry down would take the alarm with it."""
    (tmp_path / "voicekeeper.spool.alarm").mkdir()
    alarm = process()
    await fail(alarm, notifier, clock, 10)
    await alarm.works(notifier)
    assert titles(hook) == [RAISED, OVER]
