"""From the registry to the wire: mail, a webhook, Slack, Feishu and DingTalk are told the same, each in its own form.

What each of them got is kept in build/transcripts/alerts, so that people can read it.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.chat_services import Chat, chat
from tests.alerts.sinks import Webhook, mail_server, webhook
from tests.databases import HandClock
from tests.registry.registry_steps import DAY, HOUR, START, add, open_account, voice
from voicekeeper import logs
from voicekeeper.alerts.channels import Channel, Channels, channel_id
from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rhythm, Rule
from voicekeeper.core.wording import Language
from voicekeeper.notify import Notifier
from voicekeeper.registry import outbox
from voicekeeper.registry.database import Database

#: Apprise's own import, which is none of ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TRANSCRIPTS = Path(__file__).parents[2] / "build" / "transcripts" / "alerts"
CHATS = {
    "slack": ("hooks.slack.com", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"),
    "feishu": ("open.feishu.cn", "feishu://abcdefghijklmnopqrstuvwx"),
    "dingtalk": ("oapi.dingtalk.com", "dingtalk://abcdefgh1234567abcdefgh1234567"),
}
CHINESE = ("feishu", "dingtalk")
LINK = "https://keeper.example.com/voices/main/anna"


@dataclass
class Sinks:
    """The far ends, and a notifier that tells them."""

    notifier: Notifier
    clock: HandClock
    hook: Webhook
    chats: Chat
    mails: list[str]

    def texts(self) -> Mapping[str, Sequence[str]]:
        """Return what each of them has been told, as it came."""
        posts = {
            name: [json.dumps(body, ensure_ascii=False) for host, _, body in self.chats.posts if host == its]
            for name, (its, _) in CHATS.items()
        }
        mails = [message_from_string(mail, policy=policy.default) for mail in self.mails]
        read = [f"{mail['subject']}\n{mail.get_content()}" for mail in mails]
        return {"mail": read, "webhook": [f"{one['title']}\n{one['message']}" for one in self.hook.bodies], **posts}

    def keep(self, name: str) -> None:
        """Write down what was told so far."""
        for sink, texts in self.texts().items():
            folder = TRANSCRIPTS / sink
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


@pytest.fixture
async def sinks(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sinks]:
    """All five, listening."""
    mails: list[str] = []
    async with AsyncExitStack() as ends:
        port = await ends.enter_async_context(mail_server(mails))
        hook = await ends.enter_async_context(webhook())
        chats = await ends.enter_async_context(chat(tmp_path, monkeypatch))
        urls = {name: url for name, (_, url) in CHATS.items()} | {
            "mail": f"mailto://127.0.0.1:{port}?from=keeper@example.com&to=owner@example.com&mode=insecure&format=text",
            "webhook": f"json://127.0.0.1:{hook.port}",
        }
        clock = HandClock(START)
        channels = Channels([_channel(name, url) for name, url in urls.items()])
        channels.open()
        public_url = "https://keeper.example.com"
        notifier = Notifier(sqlite_database, channels, clock, timedelta(hours=4), logs.logger(), public_url)
        yield Sinks(notifier, clock, hook, chats, mails)


def _channel(name: str, url: str) -> Channel:
    language = Language.ZH if name in CHINESE else Language.EN
    return Channel(url, Rule(id=channel_id(url), language=language, digest=Rhythm.DAILY), name)


def raise_all(database: Database, *told: alerts.Alert, now: Any) -> None:
    with database.transaction() as connection:
        for one in told:
            outbox.raise_alert(connection, one, now)


async def test_each_sink_is_told_once_in_its_language_and_of_the_end(sinks: Sinks, sqlite_database: Database) -> None:
    """Whoever relies on one of these five would hear of a loss twice, in the wrong words, or not at all."""
    database, clock = sqlite_database, sinks.clock
    open_account(database)
    add(database, "anna", "bert", label="Anna's 声音")
    anna, bert = voice(database, "anna"), voice(database, "bert")
    clock.move(5 * DAY)
    lost, rung = alerts.lost(anna, "there is no such voice (code 2054)."), alerts.rung(bert, 72 * HOUR, clock.now())
    raise_all(database, rung, lost, now=clock.now())
    await sinks.notifier.tell()
    await sinks.notifier.tell()
    sinks.keep("1-raised")
    for name, texts in sinks.texts().items():
        (text,) = texts
        first, second = ("anna 已丢失", "bert 尚未保留") if name in CHINESE else ("anna is lost", "bert is not kept")
        assert text.index(first) < text.rindex(second), f"{name}: the most urgent comes first"
        assert "voicekeeper clone AUDIO --account main --voice-id anna" in text.replace("\\", "")
        assert LINK in text
    database.call(outbox.resolve, alerts.voice_key(bert), clock.move(HOUR))
    await sinks.notifier.tell()
    sinks.keep("2-resolved")
    for name, texts in sinks.texts().items():
        assert len(texts) == 2
        assert ("【已解除】" if name in CHINESE else "Resolved: ") in texts[1]
        assert "anna" not in texts[1], f"{name}: what has happened is told once"


async def test_each_sink_gets_the_digest(sinks: Sinks, sqlite_database: Database) -> None:
    """The morning's figures would be missing for whoever reads them in one of these."""
    open_account(sqlite_database)
    add(sqlite_database, "anna")
    await sinks.notifier.tell()
    assert all(texts == [] for texts in sinks.texts().values())
    sinks.clock.move(DAY)
    await sinks.notifier.tell()
    sinks.keep("3-digest")
    for name, (text,) in sinks.texts().items():
        assert ("每日摘要" if name in CHINESE else "the day's digest") in text
        assert ("等待中：1 个" if name in CHINESE else "1 waiting") in text


async def test_what_is_told_without_the_registry_goes_to_those_who_want_it(sqlite_database: Database) -> None:
    """Whoever wants nothing but the digest would be woken because a database is away."""
    async with webhook() as wants, webhook() as does_not:
        rules = {wants.port: Severity.CRITICAL, does_not.port: None}
        urls = {f"json://127.0.0.1:{port}": least for port, least in rules.items()}
        channels = Channels([Channel(url, Rule(id=channel_id(url), least=least), url) for url, least in urls.items()])
        notifier = Notifier(sqlite_database, channels, HandClock(START), HOUR, logs.logger())
        told = alerts.unreachable("timeout", START)
        assert await notifier.at_once(told, notifier.listeners(told))
    assert [one["title"] for one in wants.bodies] == ["voicekeeper: The registry cannot be worked with"]
    assert does_not.bodies == []
