"""Alembic's entry: works on the connection it is handed, or on the registry named by VOICEKEEPER_REGISTRY_URL."""

import os

from alembic import context
from sqlalchemy import Connection

from voicekeeper.registry import steps  # noqa: F401 - it has Alembic know which steps were taken already
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    _run(handed)
else:
    with Database(os.environ["VOICEKEEPER_REGISTRY_URL"], create=True).patiently() as own:
        _run(own)
