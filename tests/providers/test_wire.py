"""Connections that break, lie or never end: bounded in time and bytes, and honest about what was sent."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.emulator import Emulator, Fault
from voicekeeper.providers import wire
from voicekeeper.providers.gateways import Connection

GOOD = b'{"data":{"audio":"ff"},"base_resp":{"status_code":0}}'
#: Whatever a machine's load: a call that is not bounded takes for ever.
SOON = 20


def closed_port() -> int:
    """Return a port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def arrived(heard: Sequence[object], one: Connection) -> Answer:
    """Speak until the server has heard a call: a machine that pauses may not send one in time."""
    while True:
        async with asyncio.timeout(SOON):
            said = await one.speak(VOICE, TEXT, no_task)
        if heard:
            return said
        assert said.outcome is Outcome.TRANSIENT, "it was never sent"


@pytest.mark.parametrize("kind", ["hang", "endless"])
async def test_a_call_is_bounded_in_time(emulator: Emulator, account: Account, kind: str) -> None:
    """If a call could last for ever, one silent provider would stop all keeping."""
    emulator.fault(Fault(kind))
    said = await arrived(emulator.world.ledger, account(emulator.url, timeout=0.5))
    assert said.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("fault", [Fault("slow", seconds=60), Fault("drip", seconds=0.2)])
async def test_an_answer_that_comes_too_late_may_have_worked(
    emulator: Emulator, account: Account, fault: Fault
) -> None:
    """If it counted as failed, the voice would be paid for again although it is kept."""
    emulator.fault(fault)
    said = await arrived(emulator.world.ledger, account(emulator.url, timeout=0.5))
    assert said.outcome is Outcome.AMBIGUOUS
    assert "0.5 s" in said.message
    assert emulator.world.voices[KEY, VOICE].used_at is not None


async def test_a_dripping_body_is_bounded_as_a_whole(account: Account) -> None:
    """If each byte renewed the timeout, a provider that drips would hold a place for days."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", length=10_000_000))
        while True:
            writer.write(b"0")
            await writer.drain()
            await asyncio.sleep(0.02)

    start = time.monotonic()
    async with raw_server(drip) as server:
        said = await arrived(server.requests, account(server.url, timeout=0.5))
    assert said.outcome is Outcome.AMBIGUOUS
    assert time.monotonic() - start >= 0.5


async def test_a_body_is_bounded_in_bytes(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a body had no bound, one answer could take all the memory."""
    monkeypatch.setattr(wire, "MAX_BYTES", 2**20)
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(answer(b"", length=2**40))
        while True:
            writer.write(b"0" * 65536)
            await writer.drain()
            sent += 65536

    async with raw_server(flood) as server:
        said = await account(server.url, timeout=SOON).speak(VOICE, TEXT, no_task)
    assert (said.outcome, "longer than 1 MiB" in said.message) == (Outcome.AMBIGUOUS, True)
    assert sent < 64 * 2**20


async def test_gzip_is_read(account: Account) -> None:
    """If a packed answer could not be read, every keep behind such a gateway would stay in doubt."""
    async with raw_server(saying(answer(gzip.compress(GOOD), "Content-Encoding: gzip"))) as server:
        assert (await account(server.url).speak(VOICE, TEXT, no_task)).outcome is Outcome.KEPT


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "zstd", "deflate"])
async def test_gzip_bomb(account: Account, encoding: str) -> None:
    """If it were unpacked before it is measured, some kilobytes could fill the memory."""
    body = gzip.compress(b"0" * (wire.MAX_BYTES + 1000))
    for _ in encoding.split(",")[1:]:
        body = gzip.compress(body)
    async with raw_server(saying(answer(body, f"Content-Encoding: {encoding}"))) as server:
        said = await account(server.url, timeout=SOON).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.AMBIGUOUS
    assert ("longer than 16 MiB" if encoding == "gzip" else "cannot be read") in said.message
    assert len(said.message) < 500


async def test_broken_gzip(account: Account) -> None:
    """If it raised, one broken answer would end the sweep of all accounts."""
    async with raw_server(saying(answer(b"not packed", "Content-Encoding: gzip"))) as server:
        assert (await account(server.url).speak(VOICE, TEXT, no_task)).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("length", [len(GOOD) + 5, len(GOOD) - 5])
async def test_wrong_content_length(account: Account, length: int) -> None:
    """A body that is not whole proves nothing, whichever way its length is wrong."""
    async with raw_server(saying(answer(GOOD, length=length))) as server:
        assert (await account(server.url).speak(VOICE, TEXT, no_task)).outcome is Outcome.AMBIGUOUS


async def test_an_answer_nobody_asked_for_keeps_no_other_voice(account: Account) -> None:
    """If a left-over answer were taken for the next voice's, that voice would be deleted with nobody told."""
    refusal = answer(b'{"base_resp":{"status_code":2054,"status_msg":"gone"}}')
    calls = 0

    async def twice_at_first(writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(answer(GOOD) + answer(GOOD) if calls == 1 else refusal)
        await writer.drain()

    async with raw_server(twice_at_first, once=False) as server:
        one = account(server.url)
        outcomes = [(await one.speak(voice, TEXT, no_task)).outcome for voice in (VOICE, "voice-two-2")]
    assert outcomes == [Outcome.KEPT, Outcome.NOT_FOUND]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200",
        answer(b"", "X: " + "y" * 300_000),
        b"HTTP/1.1 200 OK\r\n\x00\r\n\r\n",
        f"Bearer {KEY} not HTTP\r\n\r\n".encode(),
    ],
)
async def test_no_http(account: Account, said: bytes) -> None:
    """Whatever a broken gateway says, a call may have been worked, nothing may be raised, and no key be repeated."""
    async with raw_server(saying(said)) as server:
        found = await account(server.url).speak(VOICE, TEXT, no_task)
    assert found.outcome is Outcome.AMBIGUOUS
    assert KEY not in found.message


async def test_a_redirect_to_nonsense(account: Account) -> None:
    """If its target were even read, a bad one could raise."""
    async with raw_server(saying(answer(b"", "Location: http://[", status="302 Found"))) as server:
        assert (await account(server.url).speak(VOICE, TEXT, no_task)).outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    "url",
    [
        lambda: f"http://127.0.0.1:{closed_port()}",
        lambda: f"https://127.0.0.1:{closed_port()}",
        lambda: "https://voicekeeper.invalid",
        lambda: f"http://{'a' * 64}.invalid",
        lambda: "ftp://127.0.0.1",
    ],
    ids=["refused", "refused-tls", "no-such-host", "impossible-host", "no-http"],
)
async def test_what_was_never_sent_is_only_tried_again(account: Account, url: Callable[[], str]) -> None:
    """If an unsent call counted as ambiguous, an outage of the network would look like calls in doubt."""
    said = await account(url(), timeout=4).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert said.message.startswith("could not connect")


async def test_tls_to_a_plain_port_was_never_sent(emulator: Emulator, account: Account) -> None:
    """If it counted as sent, an https:// too many would look like lost answers, and never like a wrong address."""
    said = await account(emulator.url.replace("http:", "https:")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert emulator.world.ledger == []


async def test_tls_that_is_never_answered_was_never_sent(account: Account) -> None:
    """If the key could be out before the handshake is done, an outage would count as calls in doubt."""

    async def silent(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SOON)

    async with raw_server(silent, reads=False) as server:
        said = await account(server.url.replace("http:", "https:"), timeout=0.6).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT


async def test_certificates_are_checked(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they were not, anybody on the way could take the key."""
    contexts: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def noted() -> ssl.SSLContext:
        contexts.append(make())
        return contexts[-1]

    monkeypatch.setattr(ssl, "create_default_context", noted)
    await account(f"https://127.0.0.1:{closed_port()}").speak(VOICE, TEXT, no_task)
    assert [(one.verify_mode, one.check_hostname) for one in contexts] == [(ssl.CERT_REQUIRED, True)]


async def test_a_reset_is_ambiguous_and_the_next_call_works(emulator: Emulator, keeper: Connection) -> None:
    """If a broken connection stayed in use, every later call of the account would fail."""
    emulator.fault(Fault("reset", times=1))
    assert [(await keeper.speak(VOICE, TEXT, no_task)).outcome for _ in range(2)] == [
        Outcome.AMBIGUOUS,
        Outcome.KEPT,
    ]


async def test_a_call_that_got_no_connection_was_never_sent(emulator: Emulator, account: Account) -> None:
    """If waiting for a free connection counted as sent, a slow provider would put unmade calls in doubt."""
    emulator.fault(Fault("hang"))
    one = account(emulator.url, timeout=0.5)
    outcomes: list[Outcome] = []
    while not emulator.world.ledger:  # a machine that pauses may send none in time
        said = await asyncio.gather(*(one.speak(VOICE, TEXT, no_task) for _ in range(30)))
        outcomes = [answer.outcome for answer in said]
    # A call may still get the connection of one that gives up in the same moment: so some, not an exact number.
    assert outcomes.count(Outcome.AMBIGUOUS) >= len(emulator.world.ledger)
    assert outcomes.count(Outcome.TRANSIENT) >= 10
    assert set(outcomes) == {Outcome.AMBIGUOUS, Outcome.TRANSIENT}


async def test_more_calls_than_connections_all_end(emulator: Emulator, account: Account) -> None:
    """If a call could wait for ever for a connection, a sweep with many voices would stall."""
    one = account(emulator.url, timeout=SOON)
    said = await asyncio.gather(*(one.speak(VOICE, TEXT, no_task) for _ in range(8)))
    assert {answer.outcome for answer in said} == {Outcome.KEPT}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (("Date: Sun, 01 Mar 2026 12:00:00 GMT",), "2026-03-01T12:00:00+00:00"),
        (("Date: Sun, 01 Mar 2026 12:00:00 GMT", "Age: 0"), "2026-03-01T12:00:00+00:00"),
        (("Date: Sun, 01 Mar 2026 12:00:00 GMT", "Age: 7200"), None),
        (("Date: yesterday",), None),
        (("Date: Sun, 99 Mar 2026 12:00:00 GMT",), None),
        ((), None),
    ],
    ids=["told", "fresh", "cached", "no-date", "no-such-day", "silent"],
)
async def test_what_the_providers_clock_says_comes_with_every_answer(
    account: Account, headers: tuple[str, ...], told: str | None
) -> None:
    """A wrong clock would go unnoticed, or a cache's old answer be taken for the provider's time."""
    refusal = b'{"base_resp":{"status_code":1000}}'
    for body, listed in ((GOOD, True), (refusal, False), (b"ID3 sound", False)):
        async with raw_server(saying(answer(body, *headers))) as server:
            one = account(server.url)
            said = await one.speak(VOICE, TEXT, no_task)
            listing = await one.listed()
        assert (said.server_time.isoformat() if said.server_time else None) == told
        assert (listing.server_time.isoformat() if listing.server_time else None) == told
        assert (listing.voices is not None) is listed


async def test_without_threads_nothing_was_sent(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are resolved on a thread: without one a call would count as made, and a list would end the daemon."""

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    provider = account("http://voicekeeper.invalid")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        said, listing = await provider.speak(VOICE, TEXT, no_task), await provider.listed()
    assert (said.outcome, listing.voices) == (Outcome.TRANSIENT, None)
    assert "can't start new thread" in said.message
