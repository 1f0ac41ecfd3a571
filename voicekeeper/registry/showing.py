"""What people look at first: the nearest deadlines, the open alerts, what was told about one voice.

Each is a short range of an index, however many voices and alerts there are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, case, func, or_, select

from voicekeeper.core.alert import Severity
from voicekeeper.core.voice import Intent, Voice
from voicekeeper.core.wording import Facts, Language, reworded, unpack
from voicekeeper.registry.conditions import WAITING
from voicekeeper.registry.rows import AnyRow, select_voices, to_voice
from voicekeeper.registry.tables import alerts, voices

#: Rows that are looked at for what concerns one account: what comes behind them is not seen.
WINDOW = 1000
_RANK = case({Severity.CRITICAL.value: 0, Severity.WARNING.value: 1}, value=alerts.c.severity, else_=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An alert as people read it, and how long it lasted; `sent_at` is None where nobody was told."""

    key: str
    severity: Severity
    opened_at: datetime
    sent_at: datetime | None
    resolved_at: datetime | None
    own: tuple[str, str]
    kind: str
    facts: Facts

    def words(self, language: Language) -> tuple[str, str]:
        """Return its title and body in a language."""
        return reworded(self.own, self.kind, self.facts, language)


def named(connection: Connection, accounts: Collection[str], name: str) -> list[Voice]:
    """Return the voices of these accounts that are called so: VOICE_ID, or ACCOUNT/VOICE_ID."""
    account, _, voice_id = name.partition("/")
    mine = and_(voices.c.account.in_(sorted(accounts)), voices.c.voice_id == name)
    whole = and_(voices.c.account == account, voices.c.voice_id == voice_id)
    return [to_voice(row) for row in connection.execute(select_voices().where(or_(mine, whole)).order_by(voices.c.id))]


def nearest(connection: Connection, account: str | None, now: datetime, limit: int) -> list[Voice]:
    """Return the waiting voices with the nearest deadlines ahead, of those that are to be kept or are on hold."""
    found: list[Voice] = []
    for intent in (Intent.KEEP, Intent.HOLD):
        mine = (WAITING, voices.c.intent == intent.value, voices.c.deadline >= now)
        query = select_voices().where(*mine).order_by(voices.c.deadline).limit(limit if account is None else WINDOW)
        read = (to_voice(row) for row in connection.execute(query))
        found += [voice for voice in read if account in {None, voice.account}][:limit]
    return sorted(found, key=lambda voice: (voice.deadline or now, voice.id))[:limit]


def open_alerts(connection: Connection, account: str | None, limit: int) -> tuple[list[Told], int]:
    """Return the most severe open alerts, and how many there are; no more than WINDOW are counted."""
    first = select(alerts.c.id).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.open_key).limit(WINDOW)
    these = alerts.c.id.in_(select(first.subquery().c.id))
    mine = (these,) if account is None else (these, alerts.c.account == account)
    rows = connection.execute(select(alerts).where(*mine).order_by(_RANK, alerts.c.id).limit(limit))
    count = connection.execute(select(func.count()).select_from(alerts).where(*mine)).scalar_one()
    return [_told(row) for row in rows], count


def told_under(connection: Connection, keys: Sequence[str], limit: int) -> list[Told]:
    """Return the alerts that were raised under these keys, the newest first."""
    query = select(alerts).where(alerts.c.key.in_(keys)).order_by(alerts.c.id.desc()).limit(limit)
    return [_told(row) for row in connection.execute(query)]


def _told(row: AnyRow) -> Told:
    kind, facts = unpack(row.facts) if row.facts else ("", {})
    return Told(
        key=row.key,
        severity=Severity(row.severity),
        opened_at=row.opened_at,
        sent_at=row.sent_at,
        resolved_at=row.resolved_at,
        own=(row.title, row.body),
        kind=kind,
        facts=facts,
    )
