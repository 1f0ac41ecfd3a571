"""Accounts none of whose calls succeeds: one alert each while voices wait for them, which ends by itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from voicekeeper.core import alert as alerts
from voicekeeper.core.account import Account
from voicekeeper.core.alert import Alert
from voicekeeper.registry import outbox
from voicekeeper.registry.conditions import WANTED
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import shared_now

#: More than this are not looked at: their number would say no more.
_MOST = 20_000
#: Whoever comes due in this time waits for the account; so does every voice that is tried again.
_SOON = timedelta(hours=7)


def look(connection: Connection, known: Sequence[Account], now: datetime) -> list[str]:
    """Raise the alarm for accounts that fail while voices wait, and end it for the others; return the former.

    How long they fail goes by the time that all share, as it was noted: one instance's wrong clock would end what the
    others raise, time and again.
    """
    shared = connection.execute(select(shared_now(connection))).scalar_one()
    told = [told for account in known if account.failing(shared) and (told := _alert(connection, account, now))]
    for one in told:
        outbox.raise_alert(connection, one, now)
    keys = {one.key for one in told}
    over = {alerts.failing_key(account.name) for account in known} - keys
    outbox.resolve_all(connection, sorted(outbox.standing(connection, over)), now)
    return sorted(keys)


def _alert(connection: Connection, account: Account, now: datetime) -> Alert | None:
    """Return what is to be told of a failing account, None where no voice waits for it."""
    mine = (*WANTED, voices.c.due_at <= now + _SOON, voices.c.account == account.name)
    query = select(voices.c.deadline, voices.c.last_error).where(*mine).order_by(voices.c.due_at).limit(_MOST)
    rows = connection.execute(query).all()
    if not rows or account.failing_since is None:
        return None
    reason = next((row.last_error for row in rows if row.last_error), None)
    return alerts.failing(account.name, account.failing_since, reason, [row.deadline for row in rows], now)
