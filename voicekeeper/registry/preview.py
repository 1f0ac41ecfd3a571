"""What a sweep would do, without doing it: also for voices that are not planned yet."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_

from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.voice import Voice
from voicekeeper.registry.conditions import WANTED
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import voices


def due_before(
    connection: Connection, moment: datetime, policies: Mapping[str, Policy], default: Policy, limit: int
) -> list[Voice]:
    """Return the voices of configured accounts that are due by then, planned or not, in working order."""
    query = select_voices().where(*WANTED, or_(voices.c.due_at.is_(None), voices.c.due_at <= moment))
    queue = (voices.c.yields, voices.c.deadline, voices.c.id)
    mine = query.where(voices.c.account.in_(list(policies))).order_by(*queue).limit(limit)
    found = [_planned(to_voice(row), policies.get(row.account, default)) for row in connection.execute(mine)]
    due = [voice for voice in found if voice.due_at and voice.due_at <= moment]
    return sorted(due, key=lambda voice: (voice.yields, voice.slack(moment) or timedelta(), -voice.priority, voice.id))


def _planned(voice: Voice, policy: Policy) -> Voice:
    if voice.due_at is not None:
        return voice
    times = plan(voice.cloned_at, voice.deadline, policy, voice.name)
    return replace(voice, deadline=times.deadline, due_at=times.due_at)
