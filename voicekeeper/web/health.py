"""What the daemon says of its own health."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class Health:
    """When the last sweep was completed, and what kept the registry from being reached since."""

    swept_at: datetime | None = None
    problem: str | None = None

    def reason(self, now: datetime, longest: timedelta) -> str | None:
        """Say why the daemon is not ready, None when it is; a sweep may be `longest` ago."""
        if self.problem:
            return self.problem
        if self.swept_at is None:
            return "no sweep has been completed yet"
        return "the last sweep is too long ago" if now - self.swept_at > longest else None
