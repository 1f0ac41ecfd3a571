"""One bounded HTTP call: bounded in time as a whole, bounded in bytes, and honest about whether it was sent."""

import asyncio
import re
import ssl
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

import voicekeeper
from voicekeeper.providers.blotting import Blot
from voicekeeper.providers.gateways import Access
from voicekeeper.providers.reach import reason, trust

#: A T2A answer for a few characters is some ten kilobytes of hex; a long list of voices is a few megabytes.
MAX_BYTES = 16 * 1024 * 1024
#: Whatever a provider asks, an account is tried again within the hour: a wrong header must not cost a voice.
LONGEST_WAIT = 3600.0

_SENDING = "http11.send_request_headers.started"
#: The end of a handshake: what was sent before it, to an https address, was only the proxy's to read.
_SECURED = ".start_tls.complete"
#: These say that nothing reached the provider, whatever a proxy heard.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_TARGET = "target"
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer; the account's key is blotted out of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """The seconds that the Retry-After header asks for, an hour at most; a date counts from the answer's own."""
        text = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            return min(float(text), LONGEST_WAIT)
        until, answered = _moment(text), self.date
        if until is None or answered is None:
            return None
        return min(max((until - answered).total_seconds(), 0.0), LONGEST_WAIT)

    @property
    def date(self) -> datetime | None:
        """When the answer was made by the provider's own time, where it says it."""
        return _moment(self.headers.get("date", ""))

    @property
    def server_time(self) -> datetime | None:
        """What the provider's clock says now; None where it does not say, or where a cache repeats an older answer."""
        fresh = self.headers.get("age", "0").strip() == "0"
        return self.date if fresh else None

    @property
    def location(self) -> str:
        """Where it says that something else is, whatever that is worth."""
        return self.headers.get("location", "")


class WireError(Exception):
    """There is no whole answer; `sent` tells whether the request may have been worked."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class Wire:
    """The connections of one account; `timeout` is in seconds and bounds a call from its first to its last byte.

    Where the environment names a proxy (HTTPS_PROXY, ALL_PROXY, but for the hosts of NO_PROXY) it is used. `query`
    goes along with every call.
    """

    def __init__(
        self,
        access: Access,
        *,
        timeout: float | None = None,
        connections: int | None = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        self._access, self._query, self._key = access, query, access.api_key
        self._blot = Blot(self._key)
        self._timeout = access.timeout if timeout is None else timeout
        self._connections = access.connections if connections is None else connections
        self._client: httpx.AsyncClient | None = None

    async def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """POST JSON and return the whole answer; raise WireError when there is none."""
        return await self._call("POST", path, json=body)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """GET and return the whole answer; raise WireError when there is none."""
        return await self._call("GET", path, params=query)

    async def upload(self, path: str, fields: Mapping[str, str], name: str, content: bytes, kind: str) -> Reply:
        """POST a form with one file, of that name and media type; raise WireError when there is no whole answer."""
        return await self._call("POST", path, data=fields, files={"file": (name, content, kind)})

    async def _call(self, method: str, path: str, **request: Any) -> Reply:  # noqa: ANN401 - httpx's own arguments
        steps: list[str] = []

        async def note(step: str, _about: object) -> None:
            steps.append(step)

        try:
            async with asyncio.timeout(self._timeout):
                return await self._whole(method, path, extensions={"trace": note}, **request)
        except TimeoutError as error:
            raise WireError(f"no whole answer within {self._timeout:g} s", sent=self._sent(steps)) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError, OSError, RuntimeError) as error:
            # The last where the machine has no thread left to resolve a name on.
            sent = self._sent(steps) and not isinstance(error, _NOT_SENT)
            what = "the connection broke" if sent else "could not connect"
            said = (None if sent else reason(error)) or str(error) or type(error).__name__
            raise WireError(f"{what}: {self._blot.text(said)}", sent=sent) from error

    def _sent(self, steps: Sequence[str]) -> bool:
        """Tell whether the provider may have heard the request; at an https address, only after the handshake."""
        secure = self._access.base_url.lower().startswith("https:")
        return _SENDING in steps and (not secure or any(step.endswith(_SECURED) for step in steps))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx.AsyncClient:
        """Return the client, made at the first call; raise WireError when the machine's own settings forbid it."""
        if self._client is None:
            try:
                self._client = self._made(trust(self._access.ca_file))
            except OSError as error:
                raise WireError(f"could not connect: ca_file cannot be used: {error.strerror}", sent=False) from error
            except (ValueError, ImportError, httpx.InvalidURL):  # its words would show the proxy's password
                mend = "write it like http://host:port"
                raise WireError(
                    f"could not connect: HTTPS_PROXY or ALL_PROXY cannot be used: {mend}", sent=False
                ) from None
        return self._client

    def _made(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._access.base_url,
            params=self._query,
            headers={
                "Authorization": f"Bearer {self._key}",
                "User-Agent": f"voicekeeper/{voicekeeper.__version__}",
                "Accept-Encoding": "gzip",
            },
            timeout=httpx.Timeout(None, connect=min(10.0, self._timeout / 2)),
            # A connection serves one call: on a used one, what is left over of an answer would be read as the next
            # voice's, and an idle one may break just as it is written to. A handshake a call is nothing at its pace.
            limits=httpx.Limits(max_connections=self._connections + 1, max_keepalive_connections=0),
            verify=context,
            follow_redirects=False,
            event_hooks={"response": [_set_aside_target]},
        )

    async def _whole(self, method: str, path: str, **request: Any) -> Reply:  # noqa: ANN401 - likewise
        async with self._open().stream(method, path, **request) as response:
            content = _plain(response.headers.get("content-encoding", ""), await _read(response))
        told = [*response.headers.items(), ("location", response.extensions[_TARGET])]
        headers = {name: self._blot.text(value) for name, value in told}
        return Reply(response.status_code, headers, self._blot.body(content))


async def _set_aside_target(response: httpx.Response) -> None:
    """Hide from httpx where a redirect points: it builds the next request unasked, and fails where it cannot."""
    response.extensions[_TARGET] = response.headers.pop("location", "")


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _too_long()
    return bytes(body)


def _plain(encoding: str, body: bytes) -> bytes:
    """Unpack a body here, where its size is bounded: httpx unpacks a bomb before anybody can count."""
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        return body
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise WireError(f"the answer cannot be unpacked: {error}", sent=True) from error
    if unpacker.unconsumed_tail:
        raise _too_long()
    return plain


def _moment(text: str) -> datetime | None:
    """Read an HTTP date, which is UTC where it names no zone; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _too_long() -> WireError:
    return WireError(f"the answer is longer than {MAX_BYTES // 2**20} MiB", sent=True)
