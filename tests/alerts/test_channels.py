"""Channels against real ends on loopback: taken, refused, dead; and what of them may be shown."""

import asyncio
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from tests.alerts.sinks import mail_server, webhook
from tests.loopback import talking
from voicekeeper.alerts.channels import Channels
from voicekeeper.alerts.message import Message
from voicekeeper.core.alert import Severity
from voicekeeper.core.errors import ConfigError

#: Apprise's own import, which is none of ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MARK = "SECRETMARK"
TOLD = Message(Severity.CRITICAL, "A voice is in danger", "First line\nSecond line <b>& more</b>")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("severity", "kind"),
    [(Severity.CRITICAL, "failure"), (Severity.WARNING, "warning"), (Severity.INFO, "info")],
)
async def test_a_webhook_gets_the_message(severity: Severity, kind: str) -> None:
    """If words or urgency got lost on the way, the right people would not be woken."""
    async with webhook() as sink:
        sent = await Channels([f"json://127.0.0.1:{sink.port}/hook"]).send(Message(severity, "T", "one\ntwo"))
    assert [one.ok for one in sent] == [True]
    assert [(one["title"], one["message"], one["type"]) for one in sink.bodies] == [("T", "one\ntwo", kind)]


@pytest.mark.parametrize("status", ["500 Oops", "404 Not Found", "401 No"])
async def test_a_refusing_webhook_is_a_failure(status: str) -> None:
    """If a refusal counted as sent, the alert would never be tried again."""
    async with webhook(status) as sink:
        sent = await Channels([f"json://127.0.0.1:{sink.port}"]).send(TOLD)
    assert [one.ok for one in sent] == [False]


async def test_a_dead_channel_does_not_silence_the_others() -> None:
    """If one dead channel raised, nobody would hear of anything."""
    async with webhook() as sink:
        urls = [f"json://127.0.0.1:{closed_port()}", f"json://127.0.0.1:{sink.port}"]
        sent = await Channels(urls).send(TOLD)
    assert [one.ok for one in sent] == [False, True]
    assert len(sink.bodies) == 1


async def test_names_of_channels_hold_no_secret() -> None:
    """A channel's name is logged with each alert: a token in it would be in every log."""
    async with webhook() as sink:
        url = f"json://user:{MARK}@127.0.0.1:{sink.port}/{MARK}?+X-Token={MARK}"
        sent = await Channels([url]).send(TOLD)
    assert sent[0].ok
    assert sent[0].channel == f"json://127.0.0.1:{sink.port}"
    assert MARK not in repr(sent)


async def test_a_message_longer_than_a_channel_takes_is_split() -> None:
    """If it were sent whole, chat services would refuse it, and the longest alarms would be the ones nobody gets."""
    body = "\n".join(f"line {number}" for number in range(8000))
    async with webhook() as sink:
        sent = await Channels([f"json://127.0.0.1:{sink.port}"]).send(Message(Severity.INFO, "T", body))
    assert sent[0].ok
    assert len(sink.bodies) > 1
    assert "line 7999" in sink.bodies[-1]["message"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"ntfy://{MARK}", "ntfys://ntfy.sh"),
        (f"ntfys://tk_{MARK}@{MARK}/", "ntfys://ntfy.sh"),
        (f"ntfy://push.example.com/{MARK}", "ntfy://push.example.com"),
    ],
)
def test_the_topic_of_a_public_service_is_a_secret(url: str, shown: str) -> None:
    """Whoever knows a topic of ntfy.sh reads everything that is sent there, and it was in the log and in alerts."""
    channels = Channels([url])
    channels.open()
    assert [rule.name for rule in channels.rules] == [shown]


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("text", "First line\r\nSecond line <b>& more</b>"),
        ("html", "line<br/>Second&nbsp;line&nbsp;&lt;b&gt;"),
    ],
)
async def test_mail_keeps_lines_and_signs(form: str, shown: str) -> None:
    """Sent as HTML without saying that it is text, it would lose its lines, and a label could bring markup."""
    mails: list[str] = []
    async with mail_server(mails) as port:
        url = f"mailto://127.0.0.1:{port}?from=keeper@example.com&to=owner@example.com&mode=insecure&format={form}"
        sent = await Channels([url]).send(TOLD)
    assert sent[0].ok
    assert "A voice is in danger" in mails[0]
    assert shown in mails[0]


def test_every_bad_address_is_named_without_its_secrets() -> None:
    """If the first hid the others, or an error printed a token, mending the configuration would hurt."""
    good = "json://127.0.0.1:1"
    bad = [
        f"jsn://{MARK}@h/{MARK}",
        f"{MARK}",
        f"user:{MARK}@host://x",
        f"https://example.com/{MARK}",
        "",
        "json://",
    ]
    with pytest.raises(ConfigError) as caught:
        Channels([good, *bad]).open()
    assert [one.partition(":")[0] for one in caught.value.problems] == [f"alerts.urls[{n}]" for n in range(1, 7)]
    assert "(jsn)" in caught.value.problems[0]
    assert MARK not in str(caught.value)
    assert MARK not in repr(caught.value)


def test_refused_addresses_are_not_logged_either(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Apprise logs an address that it refuses, with everything in it."""
    with pytest.raises(ConfigError):
        Channels([f"slack://{MARK}", f"jsn://{MARK}"]).open()
    assert MARK not in caplog.text + "".join(capfd.readouterr())


async def test_nobody_to_tell() -> None:
    """If no channel looked like one, alerts would count as told."""
    assert not Channels([])
    assert await Channels([]).send(TOLD) == []


async def test_given_timeouts_stand() -> None:
    """If ours replaced the ones in the address, a slow mail relay could not be given its time."""
    async with webhook() as sink:
        url = f"json://127.0.0.1:{sink.port}/?proto=x&cto=3"
        channels = Channels([url])
        channels.open()
        (one,) = (channels._opened or {}).values()
        assert (await channels.send(TOLD))[0].ok
    assert (one[0].socket_connect_timeout, one[0].socket_read_timeout) == (3.0, 10.0)


@pytest.fixture
async def dripping() -> AsyncIterator[str]:
    """The address of a webhook whose answer never ends."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.5)

    async with talking(drip) as port:
        yield f"json://127.0.0.1:{port}"


async def test_a_channel_that_never_ends_its_answers_does_not_silence_the_others(
    dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message to it would hold one of a few threads for ever, and after some retries nobody would be told."""
    for wait in ("_WHOLE", "_BRIEF"):
        monkeypatch.setattr(f"voicekeeper.alerts.channels.{wait}", 0.2)
    async with webhook() as sink:
        channels = Channels([dripping, f"json://127.0.0.1:{sink.port}"])
        hung, live = channels.rules
        before = threading.active_count()
        held_up = [await channels.deliver(hung.id, TOLD) for _ in range(40)]
        monkeypatch.undo()
        assert (await channels.deliver(live.id, TOLD)).ok
    assert not any(sent.ok for sent in held_up)
    assert threading.active_count() - before < 10


async def test_a_channel_that_is_known_to_hang_is_waited_for_briefly(
    dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of five rounds would stand still for a minute, and whoever listens elsewhere be told so much later."""
    waited: list[float | None] = []
    real = asyncio.wait

    async def noted(futures: Any, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - that of asyncio.wait
        waited.append(timeout)
        return await real(futures, timeout=0.2)

    monkeypatch.setattr("voicekeeper.alerts.channels.asyncio.wait", noted)
    channels = Channels([dripping])
    for _ in range(6):
        await channels.deliver(channels.rules[0].id, TOLD)
    assert waited == [60.0, 10.0, 10.0, 10.0, 10.0]


async def test_a_channel_that_never_ends_its_answers_does_not_hold_up_the_end(dripping: str) -> None:
    """A run from a crontab would never end, and where the next one waits for it nothing would be kept any more."""
    script = f"""
        import asyncio
        from voicekeeper.alerts import channels
        from voicekeeper.alerts.message import Message
        from voicekeeper.core.alert import Severity
        channels._WHOLE = 0.5
        told = channels.Channels([{dripping!r}]).send(Message(Severity.CRITICAL, "T", "text"))
        print([sent.ok for sent in asyncio.run(told)], flush=True)
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), stdout=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            said, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert said == b"[False]\n"
    assert process.returncode == 0
