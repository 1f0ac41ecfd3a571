"""What came of one keep call: policy reads the outcome, never a vendor's number."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

_LONGEST_ASKED = timedelta(hours=1)


class Outcome(StrEnum):
    """Every way a keep call can end."""

    KEPT = "kept"  # audio came back: the voice is permanent
    THROTTLED = "throttled"  # the account must slow down; no attempt is used up
    TRANSIENT = "transient"  # try again by the retry table
    BLOCKED = "blocked"  # key, balance, quota: the account pauses
    REFUSED = "refused"  # our request was refused: another text may pass
    NOT_FOUND = "not_found"  # no such voice, or not through this account
    AMBIGUOUS = "ambiguous"  # it may have been done: look before repeating


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One keep call's outcome with its evidence.

    `code` is the provider's own code as text; `message` says in plain words what was answered and what would
    mend it; `retry_after` is in seconds; `characters` are those the provider billed; `server_time` is what the
    provider's clock said, which belongs to no answer's meaning.
    """

    outcome: Outcome
    message: str = ""
    code: str | None = None
    http_status: int | None = None
    trace_id: str | None = None
    task_id: str | None = None
    retry_after: float | None = None
    characters: int | None = None
    server_time: datetime | None = field(default=None, compare=False)

    @property
    def asked_wait(self) -> timedelta:
        """The wait that the provider asks for, an hour at most: a wrong header must not cost voices."""
        if self.retry_after is None or not self.retry_after > 0:
            return timedelta()
        return timedelta(seconds=min(self.retry_after, _LONGEST_ASKED.total_seconds()))
