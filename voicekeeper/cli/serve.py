"""`serve`: the daemon."""

import asyncio

import click

from voicekeeper import config
from voicekeeper.cli.session import begin
from voicekeeper.config import Settings
from voicekeeper.daemon import Daemon
from voicekeeper.wiring import widen


@click.command()
@click.pass_context
def serve(context: click.Context) -> None:
    """Keep voices for as long as this runs: SIGTERM ends it, SIGHUP reads the configuration again."""
    session = begin(context, secrets=True)

    def read() -> Settings:
        return config.load(session.path, secrets=True)

    async def run() -> None:
        widen()
        await Daemon(read, session.folder).serve()

    asyncio.run(run())
