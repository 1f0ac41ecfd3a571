"""The ways to reach people: `alert-test` sends to each of them, `check` says what each is told and how it does."""

import asyncio
from collections.abc import Iterator, Mapping

import click

from voicekeeper.alerts.channels import Channels, Sent
from voicekeeper.alerts.message import Message, titled
from voicekeeper.cli.finding import Finding
from voicekeeper.cli.render import clean
from voicekeeper.cli.session import Session, begin
from voicekeeper.configured import alert_channels
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rule, State
from voicekeeper.core.errors import ConfigError, RegistryError
from voicekeeper.core.wording import phrase
from voicekeeper.registry import deliveries
from voicekeeper.wiring import open_database

_NONE = "alerts.urls and alerts.channels are empty"
_TOLD = {
    None: "told of nothing",
    Severity.INFO: "told of everything",
    Severity.WARNING: "told of warnings and criticals",
    Severity.CRITICAL: "told of criticals",
}


@click.command("alert-test")
@click.pass_context
def alert_test(context: click.Context) -> None:
    """Send one test message through every channel, in its language."""
    settings = begin(context, secrets=True, level="error").settings
    channels = Channels(alert_channels(settings))
    if not channels:
        raise ConfigError(f"{_NONE}: nobody would be told of anything")
    sent = asyncio.run(_test(channels))
    failed = click.style("failed", fg="red") + ": is its address still valid, and can this machine reach it?"
    for one in sent:
        click.echo(f"{clean(one.channel)}: {'sent' if one.ok else failed}")
    context.exit(0 if all(one.ok for one in sent) else 1)


async def _test(channels: Channels) -> list[Sent]:
    channels.open()
    return list(await asyncio.gather(*(channels.deliver(rule.id, _message(rule)) for rule in channels.rules)))


def _message(rule: Rule) -> Message:
    words = phrase("test", rule.language)
    return Message(Severity.INFO, titled(phrase("test_title", rule.language)), words)


def findings(session: Session) -> Iterator[Finding]:
    """Look at every channel's address, rule and last tries; nothing is sent."""
    channels = Channels(alert_channels(session.settings))
    if not channels:
        yield Finding("alerts", "warning", f"{_NONE}: nobody is told when a voice is in danger")
        return
    try:
        channels.open()
    except ConfigError as error:
        yield Finding("alerts", "error", str(error), 2)
        return
    if any(rule.wants(Severity.CRITICAL) for rule in channels.rules):
        yield Finding("alerts", "ok", f"{len(channels.rules)} channels; `voicekeeper alert-test` sends to them")
    else:
        words = 'every channel has min_severity = "none": nobody is told when a voice is in danger'
        yield Finding("alerts", "warning", words)
    states = _states(session)
    for rule in channels.rules:
        yield _channel(rule, states.get(rule.id, State(id=rule.id)))


def _states(session: Session) -> Mapping[str, State]:
    """Return how the channels do; nothing where the registry does not work, which is said elsewhere."""
    database = open_database(session.settings, session.folder)
    try:
        return database.call(deliveries.states)
    except RegistryError:
        return {}
    finally:
        database.close()


def _channel(rule: Rule, state: State) -> Finding:
    subject = f"channel {rule.name}"
    if state.failing_since is None:
        return Finding(subject, "ok", ", ".join(_rule(rule)))
    since = f"has failed since {state.failing_since:%Y-%m-%d %H:%M} UTC (tries: {state.tries})"
    return Finding(subject, "warning", f"{since}: correct its address, `voicekeeper alert-test` tries it")


def _rule(rule: Rule) -> Iterator[str]:
    """Say what a channel is told, and when."""
    yield _TOLD[rule.least]
    if rule.quiet:
        begin, end = rule.quiet
        yield f"only of criticals from {begin:%H:%M} to {end:%H:%M} ({rule.zone})"
    if rule.digest:
        yield f"a {rule.digest.value} digest at {rule.digest_at:%H:%M} ({rule.zone})"
    yield f"in {rule.language.value}"
