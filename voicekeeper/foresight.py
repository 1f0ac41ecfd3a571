"""What a sweep sees coming: accounts that cannot save all of their voices are told of days before, and ranked.

The outline of all queues is kept in memory and read anew in slices, for a twentieth of the time at most: so a look
costs the same whatever is stored, and with many voices the outline is some sweeps old.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicekeeper.clock import Clock
from voicekeeper.core.latest import pulled
from voicekeeper.core.profile import Profile
from voicekeeper.core.queue import Load
from voicekeeper.core.schedule import KeepAfter, Policy, latest_safe
from voicekeeper.registry import outline, outlook
from voicekeeper.registry.database import Database
from voicekeeper.registry.outlook import Outlook
from voicekeeper.registry.spending import Terms

#: The share of time that is spent on reading, and the seconds that a first look may take: a `run` has no second one.
_SHARE, _FIRST = 0.05, 10.0


@dataclass(frozen=True, slots=True)
class Ahead:
    """One account as it is looked at."""

    terms: Terms
    concurrency: int
    policy: Policy


class Foresight:
    """Looks ahead after each sweep; `outlooks` is what was seen last, by account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.outlooks: Mapping[str, Outlook] = {}
        self._database, self._clock = database, clock
        self._profiles: Mapping[str, Profile] = {}
        self._reading: defaultdict[str, Profile] = defaultdict(Profile)
        self._place: outline.Place | None = None
        self._looked_at: float | None = None

    def outline(self, account: str) -> list[Load]:
        """Return the outline of an account's queue, as it was read last."""
        found = self._profiles.get(account)
        return found.loads() if found else []

    async def look(self, accounts: Sequence[Ahead]) -> None:
        """Look ahead, and say what is seen; raise RegistryError when the registry does not work."""
        await self._read_on()
        now, seen = self._clock.now(), {}
        for one in accounts:
            name, loads = one.terms.account, self.outline(one.terms.account)
            found = await self._database.study(outlook.judge, one.terms, one.concurrency, one.policy, loads, now)
            if earlier := _earlier(one.policy, loads, found):
                await self._database.run(outlook.pull_forward, name, earlier)
            seen[name] = found
        self.outlooks = seen
        if news := [one for one in seen.values() if one.news]:
            await self._database.run(outlook.tell, news, now)

    async def _read_on(self) -> None:
        """Read the outline anew, as far as its share of the time reaches; the next look goes on there."""
        begun = self._clock.monotonic()
        allowed = _FIRST if self._looked_at is None else _SHARE * (begun - self._looked_at)
        self._looked_at = begun
        place: outline.Place | None = self._place or outline.begin(self._clock.now())
        while place is not None:
            found, place = await self._database.read(outline.read, place)
            for account, load in found:
                self._reading[account].add(load)
            if place is not None and self._clock.monotonic() - begun > allowed:
                self._place = place
                return
        self._profiles, self._place = dict(self._reading), None
        self._reading.clear()


def _earlier(policy: Policy, loads: Sequence[Load], seen: Outlook) -> Mapping[int, int]:
    """Return what has to be due earlier, where voices are kept as late as is safe and their queue is too long."""
    if seen.pace is None or policy.keep_after is not KeepAfter.LATEST_SAFE:
        return {}
    return pulled(loads, seen.pace, policy.lifetime - latest_safe(policy.lifetime))
