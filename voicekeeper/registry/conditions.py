"""Which voices are meant: the conditions that queries share."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement

from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry.tables import voices

#: Not kept yet, and not lost; those among them that are to be kept.
WAITING = voices.c.status == Status.WAITING.value
WANTED = (WAITING, voices.c.intent == Intent.KEEP.value)
#: What is said of a voice whose account is not configured.
UNKNOWN = "its account is not in the configuration"
#: With a deadline so near, the whole rate is used even where the provider would have it grow, and a `run` stays.
NEAR = timedelta(hours=1)


def due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a voice should be called now."""
    return (*WANTED, voices.c.due_at <= now)
