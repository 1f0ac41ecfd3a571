"""One cloned voice and what its owner wants with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Status(StrEnum):
    """Where a voice stands in its life."""

    WAITING = "waiting"
    KEPT = "kept"
    LOST = "lost"
    RELEASED = "released"


class Intent(StrEnum):
    """What its owner wants: keep it, hold (do not pay yet), or release (let it go)."""

    KEEP = "keep"
    HOLD = "hold"
    RELEASE = "release"


class Origin(StrEnum):
    """How the voice was made; both live under the same rule."""

    CLONE = "clone"
    DESIGN = "design"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice as the registry knows it; its fields are the table's columns.

    All times are aware UTC. `deadline`, `due_at` and `warn_at` are None until planned. `streak` counts how
    often `last_outcome` has come in a row, since `streak_since`. `source_intent` is what a source of voices said last.
    `yields` is 1 while it lets others go first, because not all of its account's voices can be saved.
    """

    id: int
    account: str
    voice_id: str
    cloned_at: datetime
    label: str = ""
    origin: Origin = Origin.CLONE
    intent: Intent = Intent.KEEP
    source_intent: str | None = None
    priority: int = 0
    yields: int = 0
    status: Status = Status.WAITING
    deadline: datetime | None = None
    due_at: datetime | None = None
    warn_at: datetime | None = None
    attempts: int = 0
    last_outcome: str | None = None
    last_error: str | None = None
    streak: int = 0
    streak_since: datetime | None = None
    kept_at: datetime | None = None
    verified_at: datetime | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def name(self) -> str:
        """The voice's name in messages and on the command line: ACCOUNT/VOICE_ID."""
        return f"{self.account}/{self.voice_id}"

    def slack(self, now: datetime) -> timedelta | None:
        """Return the time left to the deadline, negative when it has passed, None when not planned."""
        return self.deadline - now if self.deadline else None
