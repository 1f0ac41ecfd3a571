"""`check`: does everything work that a keep depends on?"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import click

from voicekeeper import logs
from voicekeeper.cli import budgets, channels
from voicekeeper.cli.finding import Finding
from voicekeeper.cli.render import clean, print_json
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.config.secrets import Secret
from voicekeeper.core import skew
from voicekeeper.core.alert import Severity
from voicekeeper.core.errors import RegistryError, SourceError
from voicekeeper.registry import probe, schema
from voicekeeper.registry.foreign import PAGE
from voicekeeper.sources import Sources, Tally
from voicekeeper.wiring import connection, open_database

#: A password in a database's address.
_PASSWORD = re.compile(r"://[^/@]*:[^/@]+@|pass\w*=", re.IGNORECASE)
_MARKS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@as_json
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> None:
    """Check configuration, registry, keys, clocks and alert channels, without a paid call or a message."""
    session = begin(context, secrets=True, level="error")
    findings = asyncio.run(_look(session))
    if as_json:
        print_json([{"subject": one.subject, "state": one.state, "message": one.words} for one in findings])
    else:
        for one in findings:
            mark = click.style(one.state.ljust(7), fg=_MARKS[one.state])
            click.echo(f"{mark} {one.subject}: {clean(one.words)}")
    context.exit(max(one.code for one in findings))


async def _look(session: Session) -> list[Finding]:
    findings = [Finding("configuration", "ok", str(session.path)), *_plain_secrets(session)]
    findings.append(_registry(session))
    if not session.settings.accounts:
        findings.append(Finding("accounts", "error", "there are none: add [accounts.NAME] to the configuration", 2))
    findings += [finding async for finding in _accounts(session)]
    findings += [finding async for finding in _sources(session)]
    return [*findings, *channels.findings(session)]


def _plain_secrets(session: Session) -> Iterator[Finding]:
    settings = session.settings
    found: dict[str, Secret | None] = {
        "alerts.heartbeat_url": settings.alerts.heartbeat_url,
        "serve.api_token": settings.serve.api_token,
        **{f"accounts.{name}.api_key": account.api_key for name, account in settings.accounts.items()},
        **{
            f"sources.{name}.url": one.url
            for name, one in settings.sources.items()
            if _PASSWORD.search(one.url.reveal())
        },
        **{f"alerts.urls[{number}]": url for number, url in enumerate(settings.alerts.urls)},
        **{f"alerts.channels[{number}].url": one.url for number, one in enumerate(settings.alerts.channels)},
    }
    for key, secret in found.items():
        if secret is not None and secret.plain:
            yield Finding(key, "warning", 'stands in the file itself: write "env:…", "file:…" or "credential:…"')


def _registry(session: Session) -> Finding:
    database = open_database(session.settings, session.folder)
    try:
        schema.require_newest(database)
        database.call(probe.write)
    except RegistryError as error:
        return Finding("registry", "error", str(error), error.exit_code)
    finally:
        database.close()
    return Finding("registry", "ok", f"{database.name}, schema {schema.HEAD}, can be written")


async def _accounts(session: Session) -> AsyncIterator[Finding]:
    for name, account in session.settings.accounts.items():
        provider = connection(account)
        try:
            listing = await provider.listed()
        finally:
            await provider.close()
        subject = f"account {name}"
        if listing.blocked:
            yield Finding(subject, "error", listing.reason, 3)
        elif listing.absent:
            yield Finding(subject, "warning", f"the key cannot be tried without a paid call: {listing.reason}")
        elif listing.voice_ids is None:
            yield Finding(subject, "warning", f"the key cannot be tried now: {listing.reason}")
        else:
            yield Finding(subject, "ok", f"{account.provider} lists {len(listing.voice_ids)} voices of it")
        if listing.server_time is not None:
            yield _skew(subject, account.provider, listing.server_time)
        for words in budgets.too_small(session.settings, name):
            yield Finding(f"{subject} budget", "warning", words)


def _skew(subject: str, provider: str, server_time: datetime) -> Finding:
    found = WallClock().now() - server_time
    level = skew.severity(found)
    said = f"{skew.words(found)} {provider}"
    if level is None:
        return Finding(f"{subject} clock", "ok", said)
    state, code = ("error", 2) if level is Severity.CRITICAL else ("warning", 0)
    return Finding(f"{subject} clock", state, f"{said}, and deadlines are misjudged by as much: {skew.MEND}", code)


async def _sources(session: Session) -> AsyncIterator[Finding]:
    """Read the first page of each source; nothing is registered."""
    database = open_database(session.settings, session.folder)
    sources = Sources(database, session.settings, session.folder, WallClock(), logs.logger())
    for name in session.settings.sources:
        try:
            yield _first_page(name, await sources.look(name))
        except SourceError as error:
            yield Finding(f"source {name}", "error", str(error), error.exit_code)
    database.close()


def _first_page(name: str, tally: Tally) -> Finding:
    if tally.refused:
        words = f"{tally.refused} of the first {tally.rows} rows cannot be registered: {'; '.join(tally.problems)}"
        return Finding(f"source {name}", "warning", words)
    said = f"the first {tally.rows} rows" if tally.rows == PAGE else f"{tally.rows} rows, all of them"
    return Finding(f"source {name}", "ok", f"can be read; {said} are voices")
