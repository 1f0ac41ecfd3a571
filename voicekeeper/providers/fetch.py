"""Fetch what lies behind a public address: a preview, an audio to clone from. Never with a key."""

import asyncio

import httpx

import voicekeeper
from voicekeeper.providers.reach import reason, trust


class FetchError(Exception):
    """It cannot be had; the text says why, without what a signed address holds behind its path."""


class TooLarge(FetchError):
    """There is more than is wanted; `found` is how many bytes, in words."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"it has {found} bytes")


async def fetch(url: str, *, seconds: float, most: int, ca_file: str | None = None) -> bytes:
    """Return the body behind an address, in `seconds` as a whole and of `most` bytes; raise FetchError or TooLarge.

    A proxy of the environment is used; `ca_file` names certificates that are trusted beside the machine's own.
    """
    headers = {"User-Agent": f"voicekeeper/{voicekeeper.__version__}", "Accept-Encoding": "identity"}
    try:
        known = trust(ca_file)
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(headers=headers, verify=known, follow_redirects=True) as client,
        ):
            return await _body(client, url, most)
    except TimeoutError as error:
        raise FetchError(f"no whole answer within {seconds:g} s") from error
    except RuntimeError as error:  # the machine has no thread left to resolve a name on
        raise FetchError(f"could not connect: {error}") from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError, OSError, ImportError) as error:
        what = "could not connect" if isinstance(error, httpx.ConnectError) else "the connection broke"
        raise FetchError(f"{what}: {reason(error) or type(error).__name__}") from error


async def _body(client: httpx.AsyncClient, url: str, most: int) -> bytes:
    content = bytearray()
    async with client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise FetchError(f"HTTP {response.status_code}")
        told = response.headers.get("content-length", "")
        if told.isdecimal() and int(told) > most:
            raise TooLarge(f"{int(told):,}")
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > most:
                raise TooLarge(f"more than {most:,}")
    return bytes(content)
