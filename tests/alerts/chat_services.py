"""The far ends of chat services on loopback: a proxy that every HTTPS call goes through, and the services behind it.

Apprise's own senders for Slack, Feishu and DingTalk call fixed hosts over TLS. Here they do: they are told by the usual
variables of the environment to go through a proxy, and to trust one more authority. The proxy is ours; behind it
answers a server with a certificate for those hosts.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.loopback import talking

#: What each service answers when it took a message, as its documentation says.
ANSWERS = {
    "hooks.slack.com": "ok",
    "open.feishu.cn": '{"StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"}',
    "oapi.dingtalk.com": '{"errcode": 0, "errmsg": "ok"}',
    "qyapi.weixin.qq.com": '{"errcode": 0, "errmsg": "ok"}',
}


@dataclass
class Chat:
    """What arrived: (host, path, JSON body)."""

    proxy: int = 0
    posts: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def chat(folder: Path, environment: pytest.MonkeyPatch) -> AsyncIterator[Chat]:
    """Serve all of them; HTTPS calls of this process end here."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*ANSWERS).configure_cert(identity)
    seen = Chat()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, host, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        assert verb == "CONNECT"
        name = host.partition(":")[0]
        writer.write(b"HTTP/1.1 200 go on\r\n\r\n")
        await writer.start_tls(identity)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(one[15:] for one in head.lower().splitlines() if one.startswith("content-length:"))
        seen.posts.append((name, head.split()[1], json.loads(await reader.readexactly(int(length)))))
        body = ANSWERS[name].encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()

    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        environment.delenv(name, raising=False)
    environment.setenv("REQUESTS_CA_BUNDLE", str(folder / "authority.pem"))
    environment.delenv("CURL_CA_BUNDLE", raising=False)
    async with talking(take) as seen.proxy:
        environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{seen.proxy}")
        yield seen
