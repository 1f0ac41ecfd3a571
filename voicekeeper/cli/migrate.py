"""`migrate`: bring the registry to the newest schema, or create it."""

import click

from voicekeeper.cli.session import begin
from voicekeeper.registry import schema
from voicekeeper.wiring import open_database


@click.command()
@click.pass_context
def migrate(context: click.Context) -> None:
    """Create the registry, or bring it to the newest schema."""
    session = begin(context)
    database = open_database(session.settings, session.folder, create=True)
    try:
        before, now = schema.migrate(database, lambda held: click.echo(f"waiting: {held}", err=True))
    finally:
        database.close()
    if before == now:
        click.echo(f"{database.name} has the newest schema ({now}) already")
    else:
        click.echo(f"{database.name}: {'created' if before is None else f'from {before}'}, now at schema {now}")
