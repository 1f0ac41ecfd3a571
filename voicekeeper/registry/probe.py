"""Proof that the registry can be written, leaving nothing behind."""

from sqlalchemy import Connection

from voicekeeper.registry.tables import accounts


def write(connection: Connection) -> None:
    """Write a row and take it back; raises where the registry cannot be written."""
    with connection.begin_nested() as attempt:
        connection.execute(accounts.insert().values(name="voicekeeper-write-probe"))
        attempt.rollback()
