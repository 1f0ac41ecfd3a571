"""Certificates: what is wrong is said with its mend, nothing goes out before they are right, one may add one's own."""

import datetime as dt
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import Heard, answer, raw_server, saying
from voicekeeper.core.outcome import Outcome
from voicekeeper.providers.cloning import open_cloner
from voicekeeper.providers.fetch import FetchError, fetch
from voicekeeper.providers.gateways import GATEWAYS, Access

GOOD = saying(answer(b'{"data":{"audio":"ff"},"base_resp":{"status_code":0}}'))
LAST_YEAR = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority of the test's own."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """The authority's certificate in a file, as its owner hands it out."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def serving(authority: trustme.CA, *names: str, **more: Any) -> ssl.SSLContext:
    """Return what a server needs that has a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names or ("127.0.0.1",), **more).configure_cert(context)
    return context


async def test_a_certificate_of_ones_own_authority_is_trusted_when_it_is_named(
    account: Account, authority: trustme.CA, ca_file: str
) -> None:
    """A gateway inside a company could not be used at all."""
    async with raw_server(GOOD, tls=serving(authority)) as server:
        one = account(server.url, ca_file=ca_file)
        assert (await one.speak(VOICE, TEXT, no_task)).outcome is Outcome.KEPT
        assert (await one.listed()).voices == {}
    assert len(server.requests) == 2


async def test_every_way_to_the_provider_trusts_it(authority: trustme.CA, ca_file: str) -> None:
    """Voices could be kept through such a gateway, and none be cloned, or no preview be fetched."""
    async with raw_server(saying(answer(b'{"base_resp":{"status_code":0}}')), tls=serving(authority)) as server:
        access = Access(
            api_key=KEY, base_url=server.url, prefix="", model="m", timeout=5, connections=1, ca_file=ca_file
        )
        for gateway in ("minimax-cn", "ppinfra", "wavespeed"):
            cloner = open_cloner(GATEWAYS[gateway], access)
            await cloner.clone({"audio": "x"})
            await cloner.close()
        assert await fetch(server.url, seconds=5, most=1000, ca_file=ca_file)
    assert len(server.requests) == 4
    assert b"authorization" not in server.requests[-1].lower()


@pytest.mark.parametrize(
    ("names", "dates", "trusted", "words"),
    [
        ((), {}, False, ("signed by nobody", "ca_file")),
        (("other.example",), {}, True, ("for another name", "base_url")),
        ((), {"not_before": LAST_YEAR, "not_after": LAST_YEAR + dt.timedelta(days=30)}, True, ("expired", "clock")),
    ],
    ids=["unknown-authority", "another-name", "expired"],
)
async def test_a_bad_certificate_is_explained_and_hears_nothing(
    account: Account,
    authority: trustme.CA,
    ca_file: str,
    names: tuple[str, ...],
    dates: dict[str, dt.datetime],
    trusted: bool,  # noqa: FBT001 - one of the cases' facts
    words: tuple[str, str],
) -> None:
    """The key would go to whoever stands in between, or nobody would know what to mend."""
    async with raw_server(GOOD, tls=serving(authority, *names, **dates)) as server:
        one = account(server.url, ca_file=ca_file if trusted else None)
        said = await one.speak(VOICE, TEXT, no_task)
        listing = await one.listed()
    assert said.outcome is Outcome.TRANSIENT
    for word in words:
        assert word in said.message
        assert word in listing.reason
    assert server.requests == []


async def test_a_self_signed_certificate_is_explained(account: Account, tmp_path: Path) -> None:
    """Somebody with a certificate made by hand would never find out that `ca_file` takes it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    both = tmp_path / "both.pem"
    authority.private_key_pem.write_to_path(str(both))
    authority.cert_pem.write_to_path(str(both), append=True)
    context.load_cert_chain(both)
    async with raw_server(GOOD, tls=context) as server:
        said = await account(server.url).speak(VOICE, TEXT, no_task)
    assert (said.outcome, server.requests) == (Outcome.TRANSIENT, [])
    assert "self-signed" in said.message
    assert "ca_file" in said.message


async def test_the_machines_own_authorities_stay_trusted(
    account: Account, authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Naming one's own authority for a gateway would shut out every public one."""
    other = trustme.CA()
    other.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)  # what OpenSSL takes for the machine's own
    async with raw_server(GOOD, tls=serving(authority)) as server:
        said = await account(server.url, ca_file=str(tmp_path / "other.pem")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.KEPT


async def test_https_to_a_plain_port_says_so(account: Account) -> None:
    """A letter too many in base_url would look like a provider that is down."""
    async with raw_server(GOOD) as server:
        said = await account(server.url.replace("http:", "https:")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert "http://" in said.message


async def test_certificates_that_went_away_are_named(account: Account, tmp_path: Path) -> None:
    """A file that was deleted under a running daemon would be a crash, or a silent change of trust."""
    said = await account("https://127.0.0.1:9", ca_file=str(tmp_path / "gone.pem")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT
    assert "ca_file" in said.message


async def test_a_handshake_that_is_cut_off_was_never_sent(account: Account) -> None:
    """An unsent call would be in doubt, and its voice wait for a list that knows nothing."""
    async with raw_server(saying(b"\x16\x03\x03"), reads=False) as server:
        said = await account(server.url.replace("http:", "https:")).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.TRANSIENT


async def test_a_name_that_nobody_knows_is_named_as_such(account: Account) -> None:
    """A mistyped host would look like a provider that is down."""
    said = await account("https://voicekeeper.invalid").speak(VOICE, TEXT, no_task)
    assert (said.outcome, "cannot be resolved" in said.message) == (Outcome.TRANSIENT, True)
    assert "DNS" in said.message


async def test_a_port_where_nobody_listens_is_named_as_such(account: Account) -> None:
    """Nobody would know what to look at: that all attempts failed says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    said = await account(f"http://127.0.0.1:{port}").speak(VOICE, TEXT, no_task)
    assert (said.outcome, "refused" in said.message) == (Outcome.TRANSIENT, True)


async def test_a_fetch_on_a_machine_without_threads_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """`clone` from an address would end in a traceback where no name can be resolved any more."""

    def exhausted(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", exhausted)
    with pytest.raises(FetchError, match="could not connect: can't start new thread"):
        await fetch("http://voices.example/a.mp3", seconds=5, most=1000)


async def test_a_fetch_checks_certificates_too(authority: trustme.CA) -> None:
    """A preview could be anybody's."""
    heard: Heard
    async with raw_server(GOOD, tls=serving(authority)) as heard:
        with pytest.raises(FetchError, match="signed by nobody"):
            await fetch(heard.url, seconds=5, most=1000)
    assert heard.requests == []
