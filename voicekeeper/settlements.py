"""Writes down what came of calls: at once, after a while, or by way of the spool. An answer is never forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from voicekeeper.clock import Clock
from voicekeeper.core.errors import RegistryError, RegistryUnavailable
from voicekeeper.journal import Journal
from voicekeeper.registry import settling
from voicekeeper.registry.database import Database
from voicekeeper.registry.settling import Settlement, Written
from voicekeeper.spool import Spool

#: Seconds to wait before each further try to write down an answer that the registry would not take.
_AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)
#: After so many seconds no further try is begun: the next sweep makes it.
_LONGEST = 15.0
#: A registry that takes longer may never answer: until it does, the answer is safe in the spool.
_SAFE_AFTER = 2.0


class Settlements:
    """Records answers in the registry; what it will not take now is held in the spool until it does."""

    def __init__(self, database: Database, spool: Spool, clock: Clock, journal: Journal) -> None:
        self._database, self._spool, self._clock, self._journal = database, spool, clock, journal
        self._under_way: list[Settlement] = []
        self._catching_up = asyncio.Lock()

    @property
    def voices(self) -> set[int]:
        """The ids of the voices whose answers are not recorded yet: they must not be called again."""
        return self._spool.voices | {one.claimed.voice.id for one in self._under_way}

    async def record(self, settlement: Settlement) -> Written | None:
        """Record an answer; None when the registry did not take it in time and the spool holds it."""
        safe = asyncio.get_running_loop().call_later(_SAFE_AFTER, self._spool.put, settlement)
        self._under_way.append(settlement)
        try:
            written = await self._insist(settlement)
        except asyncio.CancelledError:  # the process ends before the registry has it
            self._spool.put(settlement)
            raise
        finally:
            safe.cancel()
            self._under_way.remove(settlement)
        if written is not None:
            self._spool.done(settlement)
        return written

    async def catch_up(self) -> AsyncIterator[tuple[Settlement, Written]]:
        """Record what the spool holds, and yield it; raise RegistryError when the registry still does not work."""
        if not self._spool.waiting:
            return
        async with self._catching_up:
            for one in self._spool.held().values():
                if one not in self._under_way and (written := await self._late(one)):
                    yield one, written

    async def _late(self, one: Settlement) -> Written | None:
        """Record one answer that is late; one that this registry never takes must not hold up the others."""
        try:
            written = await self._database.together(settling.settle, replace(one, late=True))
        except RegistryError:
            raise
        except Exception as error:  # noqa: BLE001 - as said above
            self._spool.put_aside(one, _refusal(error))
            return None
        if not written.known:
            self._spool.put_aside(one, "its voice is not in this registry")
            return None
        self._spool.done(one)
        return written

    async def _insist(self, settlement: Settlement) -> Written | None:
        begun = self._clock.monotonic()
        for pause in (*_AGAIN, None):
            came = await self._try(settlement)
            if not isinstance(came, RegistryError):
                return came
            self._spool.put(settlement)
            if not isinstance(came, RegistryUnavailable):
                break  # what catches up tries it once more, and then sets it aside
            if pause is None or self._clock.monotonic() - begun + pause > _LONGEST * self._clock.scale:
                break
            await self._clock.sleep(pause)
        return None

    async def _try(self, settlement: Settlement) -> Written | RegistryError:
        """Record an answer once, and say why not: a mistake with one of them must not end the others' calls."""
        try:
            return await self._database.together(settling.settle, settlement)
        except RegistryError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as said above; what it says would show the row's values
            failure = RegistryError(_refusal(error))
        self._journal.unrecorded(settlement.claimed.voice, failure, outcome=settlement.answer.outcome.value)
        return failure


def _refusal(error: Exception) -> str:
    return f"the registry refuses it: {type(error).__name__}"
