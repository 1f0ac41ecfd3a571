"""Proof that voices were kept: the provider's own list. What it does not show, it does not disprove."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voicekeeper.clock import Clock
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.voice import Status, Voice
from voicekeeper.providers import Listed, Listing, Provider
from voicekeeper.registry import doubts, voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.voices import NewVoice

#: A keep that the list proves, where an earlier call's answer was lost.
LISTED = Answer(outcome=Outcome.KEPT, message=doubts.LISTED)
#: Seconds for which a list answers further questions, so that a thousand missing voices do not ask a thousand times.
_FRESH = 20.0
_SHOWN = 100
#: Voices registered in one transaction: others wait for no longer.
_TOGETHER = 100


@dataclass(slots=True)
class Comparison:
    """Registry and provider's list side by side.

    `reason` says why there is no list: the key is at fault (`blocked`), the system has none (`absent`), or it could not
    be had this time. `proved` were shown anew, those of `kept_elsewhere` without a call of ours; `registered` ids were
    listed and have been registered now, `unregistered` ones still stand in no registry; `unlisted` voices were kept and
    no list has shown them yet, which proves nothing.
    """

    account: str
    reason: str | None = None
    blocked: bool = False
    absent: bool = False
    listed: int = 0
    proved: list[Voice] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    unregistered: list[str] = field(default_factory=list)
    unlisted: list[Voice] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Tell whether there is no list now, and there may be one another time."""
        return self.reason is not None and not (self.blocked or self.absent)

    @property
    def kept_elsewhere(self) -> list[Voice]:
        """The voices that waited, or counted as lost, until the list has shown them."""
        return [voice for voice in self.proved if voice.status is not Status.KEPT]


class Proof:
    """Asks the providers' lists and writes down what they prove; no call of `instance` is under way meanwhile."""

    def __init__(self, database: Database, clock: Clock, log: Any, instance: str | None = None) -> None:  # noqa: ANN401 - structlog's logger
        self._database, self._clock, self._log, self._instance = database, clock, log, instance
        self._lists: dict[str, tuple[float, Listing]] = {}

    async def shows(self, account: str, provider: Provider, voice: Voice) -> bool:
        """Tell whether the account's list shows this voice."""
        asked = self._lists.get(account)
        if asked is None or self._clock.monotonic() - asked[0] > _FRESH:
            asked = (self._clock.monotonic(), await provider.listed())
            self._lists[account] = asked
        return voice.voice_id in (asked[1].voice_ids or ())

    async def of_keeps(self, terms: Terms, provider: Provider) -> int:
        """Prove what the account's list shows by now; return how many voices it proved anew."""
        return len(await self._prove(terms, await provider.listed()))

    async def compare(self, terms: Terms, provider: Provider, *, register: Policy | None = None) -> Comparison:
        """Prove what can be proved and say where registry and list differ.

        With `register`, the account's policy, listed voices that the registry lacks are registered as kept.
        """
        account, listing = terms.account, await provider.listed()
        if listing.voices is None:
            return Comparison(account, listing.reason, listing.blocked, listing.absent)
        known = await self._database.run(voices.ids_of, account)
        lacking = sorted(listing.voices.keys() - known)
        registered = await self._register(account, listing.voices, lacking, register) if register else []
        return Comparison(
            account,
            listed=len(listing.voices),
            proved=await self._prove(terms, listing),  # also what somebody else has registered just now
            registered=registered,
            unregistered=sorted(set(lacking).difference(registered)),
            unlisted=await self._database.run(voices.unverified, account, _SHOWN),
        )

    async def _register(
        self, account: str, listed: Mapping[str, Listed], lacking: Sequence[str], policy: Policy
    ) -> list[str]:
        """Register what the list shows, as far as it can be; return those names."""
        names, now = [name for name in lacking if voices.can_be_registered(name)], self._clock.now()
        new = [_new(account, name, listed[name], policy, now) for name in names]
        refused: set[str] = set()
        for start in range(0, len(new), _TOGETHER):
            refused.update(await self._database.run(voices.adopt, new[start : start + _TOGETHER], now))
        registered = [name for name in names if name not in refused]
        for name in registered:
            self._log.info("voice.verified", account=account, voice_id=name, was="unregistered")
        return registered

    async def _prove(self, terms: Terms, listing: Listing) -> list[Voice]:
        ids, run = listing.voice_ids or frozenset(), self._database.run
        shown = await run(voices.provable, terms.account, ids, self._instance)
        proved = await run(voices.prove, shown, self._clock.now(), terms.currency, self._instance)
        for voice in proved:
            self._log.info("voice.verified", account=terms.account, voice_id=voice.voice_id, was=voice.status.value)
        return proved


def _new(account: str, voice_id: str, listed: Listed, policy: Policy, now: datetime) -> NewVoice:
    """Return a listed voice; where the list does not say when it was made, it counts as made now."""
    cloned_at = min(listed.made_at or now, now)  # a day begins earlier in the provider's time zone than in UTC
    deadline = plan(cloned_at, None, policy).deadline
    return NewVoice(account=account, voice_id=voice_id, cloned_at=cloned_at, origin=listed.origin, deadline=deadline)
