"""`keep`, `hold`, `release`, `retry`: change one's mind about voices."""

import click

from voicekeeper.cli.session import begin, one_voice
from voicekeeper.clock import WallClock
from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import voices

_names = click.argument("voice_ids", metavar="VOICE_ID…", nargs=-1, required=True)


@click.command()
@_names
@click.pass_context
def keep(context: click.Context, voice_ids: tuple[str, ...]) -> None:
    """Keep voices: pay for them when they are due."""
    _decide(context, voice_ids, Intent.KEEP)


@click.command()
@_names
@click.pass_context
def hold(context: click.Context, voice_ids: tuple[str, ...]) -> None:
    """Hold voices: do not pay yet, but warn before they are lost."""
    _decide(context, voice_ids, Intent.HOLD)


@click.command()
@_names
@click.pass_context
def release(context: click.Context, voice_ids: tuple[str, ...]) -> None:
    """Release voices: let them go at their deadline, without a fee or a warning."""
    _decide(context, voice_ids, Intent.RELEASE)


@click.command()
@_names
@click.pass_context
def retry(context: click.Context, voice_ids: tuple[str, ...]) -> None:
    """Try voices again with the next sweep, lost ones as well."""
    now, session = WallClock().now(), begin(context)
    with session.registry() as database:
        for voice in [one_voice(database, name) for name in voice_ids]:
            if database.call(voices.retry, voice, session.settings.policy_of(voice.account), now):
                click.echo(f"{voice.name} will be tried with the next sweep")
            else:
                click.echo(f"{voice.name} is kept already")


def _decide(context: click.Context, names: tuple[str, ...], intent: Intent) -> None:
    """Change all of them or none: every name is looked up, and every voice still waits, before the first change."""
    with begin(context).registry() as database:
        found = [one_voice(database, name) for name in names]
        problems = [problem for voice in found if (problem := _problem(voice, intent))]
        if problems:
            raise InputError([*problems, "nothing was changed"])
        for voice in found:
            if voice.status is Status.WAITING and database.call(voices.decide, voice, intent, WallClock().now()):
                click.echo(f"{voice.name}: {intent.value}")
            else:
                click.echo(f"{voice.name} is kept already")


def _problem(voice: Voice, intent: Intent) -> str | None:
    if voice.status is Status.KEPT and intent is not Intent.KEEP:
        return f"{voice.name} is kept and paid for already: there is nothing left to {intent.value}"
    if voice.status in (Status.LOST, Status.RELEASED):
        return f"{voice.name} is {voice.status.value}: `voicekeeper retry {voice.name}` tries it once more"
    return None
