"""A voice that is ours for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from voicekeeper.core.account import Account
from voicekeeper.core.voice import Voice


@dataclass(frozen=True, slots=True)
class Claimed:
    """One voice that is ours until `until` on this host's clock, its attempt, and how long to wait for its slot.

    `task_id` names a task at the provider that an earlier attempt began and whose end is not known.
    """

    voice: Voice
    account: Account
    attempt: int
    task_id: str | None
    token: str
    wait: timedelta
    until: datetime
