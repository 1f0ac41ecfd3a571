"""The heartbeat: the three addresses that watchers expect, and never an error."""

import asyncio
import socket
import threading

import pytest

from tests.alerts.sinks import webhook
from voicekeeper.alerts.heartbeat import Heartbeat


async def beat(url: str | None) -> None:
    heart = Heartbeat(url)
    await heart.started()
    await heart.finished(ok=True)
    await heart.finished(ok=False)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep loopback calls off whatever proxy this machine uses."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.mark.parametrize(
    ("path", "pinged"),
    [
        ("/ping/x", ["/ping/x/start", "/ping/x", "/ping/x/fail"]),
        ("/ping/x/", ["/ping/x/start", "/ping/x", "/ping/x/fail"]),
        ("/ping/x?create=1", ["/ping/x/start?create=1", "/ping/x?create=1", "/ping/x/fail?create=1"]),
        ("", ["/start", "/", "/fail"]),
    ],
)
async def test_start_done_and_fail(path: str, pinged: list[str]) -> None:
    """If one went elsewhere, the watcher would raise a false alarm or none."""
    async with webhook() as sink:
        await beat(f"http://127.0.0.1:{sink.port}{path}")
    assert sink.paths == pinged


async def test_a_refusing_watcher_is_no_error() -> None:
    """If it were, a watcher out of order would stop the keeping that it watches."""
    async with webhook("503 Oops") as sink:
        await beat(f"http://127.0.0.1:{sink.port}")
    assert len(sink.paths) == 3


async def test_an_endless_answer_is_not_read() -> None:
    """If it were, a broken watcher could hold every sweep and fill the memory."""
    async with webhook(endless=True) as sink, asyncio.timeout(5):
        await beat(f"http://127.0.0.1:{sink.port}")
    assert len(sink.paths) == 3


@pytest.mark.parametrize(
    "url",
    [
        "dead",
        None,
        "",
        "hc-ping.com/x",
        "ftp://h/x",
        "http://",
        "http://[",
        "http://h:99999",
        "http://voicekeeper.invalid",
        "\x00",
    ],
)
async def test_no_heartbeat_ever_raises(url: str | None) -> None:
    """If a bad address or a dead watcher raised, keeping would stop for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    await beat(f"http://127.0.0.1:{port}" if url == "dead" else url)


async def test_a_proxy_that_cannot_be_used_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it were, a machine with a SOCKS proxy would make no sweep at all, and tell nobody of it."""
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    await beat("http://voicekeeper.invalid")


async def test_a_machine_without_threads_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are resolved on a thread: if one that cannot be had raised, the daemon would end instead of waiting."""

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        await beat("http://voicekeeper.invalid")
