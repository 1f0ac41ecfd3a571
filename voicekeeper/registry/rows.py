"""Rows of the tables as the core's own objects."""

from dataclasses import fields
from typing import Any, TypeAlias

from sqlalchemy import Row, Select, select

from voicekeeper.core.account import Account, AccountState
from voicekeeper.core.voice import Intent, Origin, Status, Voice
from voicekeeper.registry.tables import accounts, voices

AnyRow: TypeAlias = Row[*tuple[Any, ...]]

_KINDS = {"status": Status, "intent": Intent, "origin": Origin}
VOICE_COLUMNS = [voices.c[field.name] for field in fields(Voice)]
ACCOUNT_COLUMNS = [accounts.c[field.name] for field in fields(Account)]


def select_voices() -> Select[Any]:
    """Begin a query for whole voices."""
    return select(*VOICE_COLUMNS)


def to_voice(row: AnyRow) -> Voice:
    """Return the voice of a row of `select_voices`."""
    values = row._asdict()
    return Voice(**values | {name: kind(values[name]) for name, kind in _KINDS.items()})


def to_account(row: AnyRow) -> Account:
    """Return the account of a row that holds ACCOUNT_COLUMNS."""
    values = {column.name: getattr(row, column.name) for column in ACCOUNT_COLUMNS}
    return Account(**values | {"state": AccountState(values["state"])})


def fitted(text: str | None, length: int) -> str | None:
    """Return a provider's text as every database takes it: cut, without NUL and half characters."""
    return text.replace("\0", "").encode(errors="replace").decode()[:length] if text else text
