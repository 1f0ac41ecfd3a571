"""The calls that cost something, page by page: what was paid, and the evidence for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, select

from voicekeeper.registry.tables import attempts, voices

_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Bill:
    """One billed call: when it began, with which voice, and what the provider said of it."""

    id: int
    started_at: datetime
    account: str
    voice_id: str
    label: str
    model: str | None
    characters: int | None
    cost: Decimal
    currency: str | None
    trace_id: str | None


def page(
    connection: Connection, account: str | None, since: datetime | None, until: datetime | None, after: int
) -> list[Bill]:
    """Return the billed calls behind an id, in its order, a page of them at most; `until` is not part of the time."""
    named = (voices.c.account, voices.c.voice_id, voices.c.label)
    own = (attempts.c.model, attempts.c.characters, attempts.c.cost, attempts.c.currency, attempts.c.trace_id)
    query = select(attempts.c.id, attempts.c.started_at, *named, *own).join_from(attempts, voices)
    query = query.where(attempts.c.id > after, attempts.c.cost.is_not(None)).order_by(attempts.c.id).limit(_PAGE)
    if account is not None:
        query = query.where(voices.c.account == account)
    if since is not None:
        query = query.where(attempts.c.started_at >= since)
    if until is not None:
        query = query.where(attempts.c.started_at < until)
    return [Bill(**row._asdict()) for row in connection.execute(query)]
