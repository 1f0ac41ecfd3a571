"""A voice that is ours for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_

from voicekeeper.core.account import Account
from voicekeeper.core.voice import Voice
from voicekeeper.registry.tables import voices


def free(shared: datetime | ColumnElement[datetime], instance: str | None = None) -> ColumnElement[bool]:
    """Return the condition that nobody, or nobody but this instance, holds a voice by the time that all share."""
    nobody = or_(voices.c.lease_until.is_(None), voices.c.lease_until <= shared)
    return or_(nobody, voices.c.lease_owner.startswith(f"{instance}#", autoescape=True)) if instance else nobody


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
