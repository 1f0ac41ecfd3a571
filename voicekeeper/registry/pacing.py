"""How fast an account can go from now on: its rate and calls at once, its next slot or probe, and its budgets."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from voicekeeper.core.pace import Pace
from voicekeeper.registry import spending
from voicekeeper.registry.rows import ACCOUNT_COLUMNS, to_account
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import accounts, attempts

#: Calls by which it is judged how long one takes, and how long where there was none yet.
_LATEST, _USUAL = 50, timedelta(seconds=2)


def pace(connection: Connection, terms: Terms, concurrency: int, now: datetime) -> Pace:
    """Return an account's pace; a paused one is taken to open at its next probe."""
    row = connection.execute(select(*ACCOUNT_COLUMNS).where(accounts.c.name == terms.account)).first()
    account = to_account(row) if row else None
    held = [account.slot_at, account.probe_at if account.paused else None] if account else []
    spent = spending.standing(connection, terms, now) if terms.limited else {}
    return Pace(
        as_of=now,
        start=max([now, *(at for at in held if at is not None)]),
        space=terms.space,
        floor=_call_time(connection) / concurrency,
        price=terms.price,
        budget=terms.budget,
        committed={span: one.committed - spending.awaited(connection, one, now) for span, one in spent.items()},
    )


def _call_time(connection: Connection) -> timedelta:
    """Return how long a call takes, by the latest ones."""
    ended = select(attempts.c.started_at, attempts.c.finished_at).where(attempts.c.finished_at.is_not(None))
    took = [row[1] - row[0] for row in connection.execute(ended.order_by(attempts.c.id.desc()).limit(_LATEST))]
    return max(sorted(took)[len(took) // 2], timedelta()) if took else _USUAL
