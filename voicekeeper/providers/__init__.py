"""The providers: one file per API family behind one protocol; the only place that knows a vendor."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicekeeper.core.outcome import Answer
from voicekeeper.core.voice import Origin


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says of a voice: how it was made, and when, to the day; None where it does not say."""

    origin: Origin
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The voices that an account's own list shows, each thereby proven permanent; None when it cannot be had.

    `reason` says why it cannot: the account itself is at fault (`blocked`), this system has no list (`absent`), or else
    it may be had another time. A voice that is not listed proves nothing: lists have been seen incomplete.
    `server_time` is what the provider's clock says.
    """

    voices: Mapping[str, Listed] | None
    reason: str = ""
    blocked: bool = False
    absent: bool = False
    server_time: datetime | None = None

    @property
    def voice_ids(self) -> frozenset[str] | None:
        """The names alone."""
        return None if self.voices is None else frozenset(self.voices)


#: Takes the id of a task at the provider, and returns when it is written down.
Note = Callable[[str], Awaitable[None]]


class Provider(Protocol):
    """One account at one provider."""

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Make one keep call and say what came of it; never raises for anything a provider can do.

        Where the provider works a task, its id is handed to `note` before anything else can be lost.
        """
        ...

    async def resume(self, task_id: str) -> Answer:
        """Say what came of a task that an earlier call began; ambiguous while it goes on."""
        ...

    async def listed(self) -> Listing:
        """Ask for the account's own list of voices."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
