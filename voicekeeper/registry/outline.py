"""The waiting voices slice by slice, in the order of their deadlines: short reads, however many there are."""

from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from voicekeeper.core.pace import instant
from voicekeeper.core.queue import Load
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry.rows import AnyRow
from voicekeeper.registry.tables import voices

#: Voices in one read: some milliseconds.
SLICE = 250

#: Where a slice ends: the deadline and the id of its last voice.
Place = tuple[datetime, int]
_AFTER_ALL = 1 << 62


def begin(now: datetime) -> Place:
    """Return the place behind which all deadlines are ahead."""
    return now, _AFTER_ALL


def read(connection: Connection, after: Place) -> tuple[list[tuple[str, Load]], Place | None]:
    """Return the voices behind a place with their accounts, and the place where they end, None for the last ones."""
    deadline, last = after
    wanted = (voices.c.status == Status.WAITING.value, voices.c.intent == Intent.KEEP.value)
    # The first condition is a range of the index; MySQL makes none of the second.
    beyond = (voices.c.deadline >= deadline, tuple_(voices.c.deadline, voices.c.id) > tuple_(deadline, last))
    columns = (voices.c.account, voices.c.due_at, voices.c.deadline, voices.c.priority, voices.c.id)
    query = select(*columns).where(*wanted, *beyond).order_by(voices.c.deadline, voices.c.id).limit(SLICE)
    rows = connection.execute(query).all()
    found = [(row.account, _load(row)) for row in rows]
    return found, (rows[-1].deadline, rows[-1].id) if len(rows) == SLICE else None


def _load(row: AnyRow) -> Load:
    due = 0 if row.due_at is None else instant(row.due_at)
    return Load(due, instant(row.deadline), row.priority, row.id)
