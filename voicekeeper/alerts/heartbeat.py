"""The heartbeat: a ping at each sweep's start and end, so that silence is noticed by somebody else."""

import asyncio

_TIMEOUT = 10.0


class Heartbeat:
    """Pings URL/start, URL and URL/fail, as healthchecks and its like expect; failures are never an error."""

    def __init__(self, url: str | None) -> None:
        address, mark, query = (url or "").partition("?")
        self._address, self._query = address.rstrip("/"), mark + query

    async def started(self) -> None:
        """Say that a sweep begins."""
        await self._ping("/start")

    async def finished(self, *, ok: bool) -> None:
        """Say that a sweep is done; `ok` means that nothing needs a person."""
        await self._ping("" if ok else "/fail")

    async def _ping(self, path: str) -> None:
        if not self._address:
            return
        import httpx  # noqa: PLC0415 - most runs have no heartbeat and need not pay for the import

        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                httpx.AsyncClient(timeout=_TIMEOUT) as client,
                client.stream("GET", self._address + path + self._query),
            ):
                return  # nobody reads what it answers, however long that is
        except Exception:  # noqa: BLE001 - a proxy that httpx cannot use, no thread to resolve a name: all of it stops no sweep
            return
