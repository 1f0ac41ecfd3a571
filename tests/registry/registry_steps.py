"""The steps that the registry's tests are made of: voices, terms, answers, and a claim or a settlement of one voice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text, update

from voicekeeper.core import lifecycle
from voicekeeper.core.account import Account
from voicekeeper.core.lifecycle import Settled
from voicekeeper.core.money import Price
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Voice
from voicekeeper.registry import accounts, claims, planning, settling
from voicekeeper.registry import voices as registered
from voicekeeper.registry.accounts import Mark
from voicekeeper.registry.claims import Claim
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.settling import Settlement, Written
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.voices import NewVoice

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ACCOUNT = "main"
POLICY = Policy()


def terms(**changes: Any) -> Terms:
    """Return terms under which slots and money are no obstacle; amounts may be written as numbers."""
    usual: dict[str, Any] = {"account": ACCOUNT, "model": "speech", "space": timedelta(), "lease": MINUTE}
    for name in ("budget_per_day", "budget_per_month"):
        changes[name] = amount(changes.get(name))
    changes["zone"] = ZoneInfo(changes.get("zone", "UTC"))
    fee, per_10k, characters = changes.pop("price", None), changes.pop("per_10k", None), changes.pop("characters", 3)
    if fee is not None or per_10k is not None:
        price = Price(fee=amount(fee) or Decimal(), per_10k=amount(per_10k) or Decimal(), characters=characters)
        changes["price"] = price
    return Terms(**usual | changes)


def amount(number: float | None) -> Decimal | None:
    """Return an amount as it is written."""
    return None if number is None else Decimal(str(number))


def answer(outcome: Outcome, message: str = "the provider said so", **changes: Any) -> Answer:
    return Answer(outcome=outcome, message=message, **changes)


def open_account(database: Database, *names: str) -> None:
    """Enter accounts as a start of voicekeeper does."""
    accounts.sync(database, dict.fromkeys(names or (ACCOUNT,), Mark("mark")))


def add(database: Database, *names: str, **changes: Any) -> None:
    """Register voices and plan them."""
    usual: dict[str, Any] = {"account": ACCOUNT, "cloned_at": START}
    database.call(registered.register, [NewVoice(voice_id=name, **usual | changes) for name in names])
    database.call(planning.plan_some, {}, POLICY)


def voice(database: Database, name: str) -> Voice:
    """Return the one voice of this name as it stands."""
    (found,) = database.call(registered.find, name)
    return found


def change(database: Database, name: str, **values: Any) -> None:
    """Write columns of a voice directly."""
    with database.transaction() as connection:
        connection.execute(update(voices).where(voices.c.voice_id == name).values(**values))


def everyone(database: Database) -> list[Voice]:
    """Return all voices, by id."""
    with database.transaction() as connection:
        return [to_voice(row) for row in connection.execute(select_voices().order_by(voices.c.id))]


def evidence(database: Database, name: str) -> list[dict[str, Any]]:
    """Return the attempts made with a voice."""
    return database.call(registered.evidence, voice(database, name))


def account(database: Database, name: str = ACCOUNT) -> Account:
    """Return an account as it stands."""
    return next(account for account in database.call(accounts.everyone) if account.name == name)


def due(database: Database, now: datetime, name: str = ACCOUNT) -> list[int]:
    return database.call(claims.due, name, now)


def claim(database: Database, now: datetime, instance: str = "one", most: int = 10, **changes: Any) -> Claim:
    """Claim what is due."""
    wanted = terms(**changes)
    return database.call(claims.claim, wanted, due(database, now, wanted.account), most, now, instance)


def claim_one(database: Database, now: datetime, instance: str = "one", **changes: Any) -> Claimed:
    """Claim the first voice that is due."""
    (claimed,) = claim(database, now, instance, 1, **changes).work
    return claimed


def settle(database: Database, claimed: Claimed, said: Answer, now: datetime, **changes: Any) -> Account:
    """Settle a claimed voice by the rules of the core."""
    settled = lifecycle.settle(claimed.voice, said, now, account_paused=claimed.account.paused)
    return write_down(database, claimed, settled, said, now, **changes).account


def write_down(
    database: Database, claimed: Claimed, settled: Settled, said: Answer, now: datetime, **changes: Any
) -> Written:
    """Write one settlement."""
    (written,) = database.call(settling.settle, [Settlement(claimed, settled, said, now, terms(**changes))])
    return written


def try_once(database: Database, outcome: Outcome, now: datetime, **changes: Any) -> Account:
    """Claim the first due voice and settle it with this outcome."""
    return settle(database, claim_one(database, now, **changes), answer(outcome), now, **changes)


def insert(connection: Connection, table: str = "voices", **values: Any) -> None:
    """Write a row with plain SQL, as another program does."""
    if table == "voices":
        values = {"account": ACCOUNT, "voice_id": "theirs", "cloned_at": "2026-03-01 12:00:00"} | values
    columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), values)  # noqa: S608 - our own tables


def open_attempts(connection: Connection) -> int:
    """Return how many attempts have no answer yet."""
    return len(connection.execute(attempts.select().where(attempts.c.finished_at.is_(None))).all())
