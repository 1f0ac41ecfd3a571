"""Voices that sources hand in: what is new is registered, a changed intent is followed, what is wrong is told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Alert
from voicekeeper.core.voice import Intent
from voicekeeper.registry import outbox
from voicekeeper.registry.entering import enter_fitting
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import voices
from voicekeeper.registry.voices import NewVoice, as_row, decide

#: (account, voice_id).
Name = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A new voice, and what its source says is wanted with it: None where it says nothing."""

    voice: NewVoice
    said: Intent | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A registered voice, and what a source said last: one that has said nothing counts as having said keep."""

    id: int
    said: Intent


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a page: intents that were followed, and why voices could not be registered, by their names."""

    followed: int
    refused: Mapping[Name, str]


def standing(connection: Connection, names: Iterable[Name]) -> dict[Name, Standing]:
    """Return those of these voices that are registered, with a query for each of their accounts."""
    found: dict[Name, Standing] = {}
    if connection.dialect.name == "postgresql":
        # Planned once for all, and before it knows that the table has grown, it compares every row with every name.
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    for account, same in groupby(sorted(names), key=itemgetter(0)):
        mine = (voices.c.account == account, voices.c.voice_id.in_([voice_id for _, voice_id in same]))
        query = select(voices.c.id, voices.c.voice_id, _said().label("said")).where(*mine)
        for row in connection.execute(query):
            found[account, row.voice_id] = Standing(row.id, Intent(row.said))
    return found


def take_in(
    connection: Connection, new: Sequence[Handed], changed: Mapping[int, tuple[Intent, Intent]], now: datetime
) -> Taken:
    """Register new voices and follow changed intents, by voice id as (before, now).

    A voice that another instance has registered meanwhile stays as it is.
    """
    refused = _enter(connection, new) if new else {}
    return Taken(sum(_follow(connection, row, *intents, now) for row, intents in sorted(changed.items())), refused)


def _enter(connection: Connection, new: Sequence[Handed]) -> dict[Name, str]:
    """Register new voices; return why the registry refuses those that it does."""
    # In one order, or two instances that do it at the same moment could wait for each other.
    ordered = sorted(new, key=lambda one: (one.voice.account, one.voice.voice_id))
    rows = [as_row(one.voice) | {"source_intent": one.said.value if one.said else None} for one in ordered]
    refused = enter_fitting(connection, voices, rows)
    return {(rows[place]["account"], rows[place]["voice_id"]): reason for place, reason in refused.items()}


def _follow(connection: Connection, row: int, before: Intent, said: Intent, now: datetime) -> bool:
    """Follow what a source says now of one voice; where it waits no longer it is only remembered.

    One instance follows a change, so that no other undoes what a person has decided since.
    """
    mine = (voices.c.id == row, _said() == before.value)
    if not connection.execute(update(voices).where(*mine).values(source_intent=said.value)).rowcount:
        return False
    voice = to_voice(connection.execute(select_voices().where(voices.c.id == row)).one())
    return decide(connection, voice, said, now)


def tell(connection: Connection, source: str, now: datetime, alert: Alert | None, *, whole: bool) -> None:
    """Raise a source's alert; where it was read as a `whole`, end those that no longer hold."""
    if alert:
        outbox.raise_alert(connection, alert, now)
    if whole:
        for key in {f"{alerts.source_key(source)}{kind}" for kind in ("broken", "rows")} - {alert and alert.key}:
            outbox.resolve(connection, key, now)


def forget(connection: Connection, configured: Collection[str], now: datetime) -> None:
    """End the alerts of sources that are configured no more."""
    kept = {f"{alerts.source_key(name)}{kind}" for name in configured for kind in ("broken", "rows")}
    outbox.resolve_all(connection, [key for key in outbox.open_keys(connection, "source/") if key not in kept], now)


def _said() -> ColumnElement[Any]:
    return func.coalesce(voices.c.source_intent, Intent.KEEP.value)
