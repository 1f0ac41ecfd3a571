"""A digest whose figures cannot be had, beside alerts that can be told."""

import pytest

from tests.alerts.sinks import webhook
from tests.databases import HandClock
from tests.registry.delivery_steps import alert, rise
from tests.registry.registry_steps import DAY, HOUR, MINUTE, START
from voicekeeper import logs, notify
from voicekeeper.alerts.channels import Channel, Channels
from voicekeeper.core.channel import Rhythm, Rule
from voicekeeper.core.errors import RegistryUnavailable
from voicekeeper.notify import Notifier
from voicekeeper.registry.database import Database

#: Apprise's own import, which is none of ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


async def test_what_was_told_beside_a_digest_without_figures_is_told_once(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count that takes a server too long would send everybody the same alerts every two minutes."""

    def too_slow(*_: object) -> None:
        raise RegistryUnavailable("statement timeout")

    monkeypatch.setattr(notify, "figures", too_slow)
    clock = HandClock(START)
    async with webhook() as hook:
        rule = Rule(id="hook", digest=Rhythm.DAILY)
        channels = Channels([Channel(f"json://127.0.0.1:{hook.port}", rule, "urls[0]")])
        notifier = Notifier(sqlite_database, channels, clock, 4 * HOUR, logs.logger())
        await notifier.tell()
        clock.move(DAY)
        rise(sqlite_database, alert("voice/1/lost", event=True), now=clock.now())
        for _ in range(10):
            await notifier.tell()
            clock.move(3 * MINUTE)
    assert [body["title"] for body in hook.bodies].count("voicekeeper: voice/1/lost") == 1
