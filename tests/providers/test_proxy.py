"""An HTTP proxy on the way: used where the environment names one, told from the provider where it fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from tests.loopback import talking
from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import Heard, answer, raw_server, saying
from tests.providers.test_tls import GOOD, serving
from voicekeeper.core.outcome import Outcome

#: Nobody is there: what is sent there goes through the proxy or not at all.
PROVIDER = "https://provider.invalid"


@pytest.fixture(autouse=True)
def _proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let proxies count for these tests."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@contextlib.asynccontextmanager
async def tunnel(port: int) -> AsyncIterator[Heard]:
    """Serve as an honest proxy that takes every CONNECT to a port of loopback, and notes what it could read."""
    heard = Heard()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                heard.requests.append(chunk)
                writer.write(chunk)
        except OSError:
            return  # one of the two went: that is its business
        finally:
            writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.requests.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async with talking(talk) as here:
        heard.url = f"http://127.0.0.1:{here}"
        yield heard


async def test_calls_go_through_the_proxy_and_it_never_reads_the_key(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Behind a company's proxy nothing would work, or the proxy would learn the key."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with (
        raw_server(GOOD, tls=serving(authority, "provider.invalid")) as provider,
        tunnel(int(provider.url.rpartition(":")[2])) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        said = await account(PROVIDER, ca_file=str(tmp_path / "ca.pem")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.KEPT
    assert proxy.requests[0].startswith(b"CONNECT provider.invalid:443 ")
    assert KEY.encode() not in b"".join(proxy.requests)
    assert KEY.encode() in provider.requests[0]


async def test_no_proxy_is_heeded(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider inside the house would be looked for outside."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with raw_server(GOOD) as server:
        assert (await account(server.url).speak(VOICE, TEXT, no_task)).outcome is Outcome.KEPT


@pytest.mark.parametrize(
    "refusal", ["407 Proxy Authentication Required", "502 Bad Gateway", "403 Forbidden", "504 Gateway Timeout"]
)
async def test_a_proxy_that_refuses_is_told_from_the_provider(
    account: Account, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    """A voice would be in doubt, or the account be paused for its key, though the provider never heard of it."""
    async with raw_server(saying(answer(b"no", status=refusal))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        said = await account(PROVIDER).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert said.message.startswith(f"could not connect: the proxy answers {refusal}: check HTTPS_PROXY")
    assert KEY.encode() not in b"".join(proxy.requests)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nno TLS"])
async def test_a_proxy_that_breaks_off_has_sent_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """What only the proxy has heard would count as a call in doubt."""
    async with raw_server(saying(said)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        found = await account(PROVIDER).speak(VOICE, TEXT, no_task)
    assert found.outcome is Outcome.TRANSIENT


async def test_a_proxy_that_is_not_there(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would think of the proxy when the provider seems to refuse the connection."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    said = await account(PROVIDER).speak(VOICE, TEXT, no_task)
    assert (said.outcome, "HTTPS_PROXY" in said.message) == (Outcome.TRANSIENT, True)


async def test_a_proxy_that_never_answers_is_bounded(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that hangs would hold a place for ever, or put an unsent call in doubt."""

    async def silent(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with raw_server(silent) as proxy, asyncio.timeout(20):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        said = await account(PROVIDER, timeout=0.5).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT


@pytest.mark.parametrize("url", ["nonsense://me:MARKPROXY@127.0.0.1:9", "socks5://me:MARKPROXY@127.0.0.1:9"])
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    account: Account, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The sweep would end in a traceback, with the proxy's password in it."""
    monkeypatch.setenv("ALL_PROXY", url)
    said = await account(PROVIDER).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert "ALL_PROXY" in said.message
    assert "MARKPROXY" not in said.message


@pytest.mark.parametrize("status", [407, 502])
async def test_a_proxy_of_plain_http_is_judged_by_its_status(
    account: Account, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """On plain HTTP the proxy answers in the provider's stead: that must pause no account and keep no voice."""
    async with raw_server(saying(answer(b"no", status=f"{status} No"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        said = await account("http://provider.invalid").speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert f"HTTP {status}" in said.message
