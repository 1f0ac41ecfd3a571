"""`clone` and `design`: make a voice at the provider and register it in one step."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from voicekeeper.cli.render import clean, plain, print_json, when
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.cloning import Cloning, Made
from voicekeeper.core.schedule import plan
from voicekeeper.core.voice import Intent
from voicekeeper.providers.cloning import CloneRequest, DesignRequest
from voicekeeper.providers.fetch import FetchError
from voicekeeper.recordings import PROMPT, VOICE, Findings
from voicekeeper.wiring import open_cloning

F = TypeVar("F", bound=Callable[..., object])

_OWN = (
    click.option("--account", required=True, help="The account to make it with, and to keep it through."),
    click.option("--label", default="", help="Words of your own, shown beside it."),
    click.option("--hold", is_flag=True, help="Do not pay yet: warn, but make no keep call."),
    click.option(
        "--preview", metavar="FILE", type=click.Path(path_type=Path), help="Save the provider's preview here."
    ),
    click.option("--force", is_flag=True, help="Let --preview replace a file."),
    as_json,
)


def _own(command: F) -> F:
    """Add the options that both commands have."""
    for option in reversed(_OWN):
        command = option(command)
    return command


@click.command()
@click.argument("audio", metavar="AUDIO")
@click.option("--voice-id", metavar="ID", help="Its name; left out where the gateway makes it.")
@click.option("--prompt-audio", metavar="AUDIO", help="A sample of under 8 s, with --prompt-text.")
@click.option("--prompt-text", metavar="TEXT", help="What the prompt audio says.")
@click.option("--text", help="What the preview says, with --model. It never keeps the voice.")
@click.option("--model", help="The model that speaks the preview.")
@click.option("--language-boost", metavar="LANGUAGE", help='Like "Chinese", "English" or "auto".')
@click.option("--text-validation", metavar="TEXT", help="What the audio says: the provider compares.")
@click.option("--accuracy", type=float, help="How alike both must be, 0 to 1.")
@click.option("--noise-reduction", is_flag=True, help="Let the provider take noise out of the audio.")
@click.option("--volume-normalization", is_flag=True, help="Let the provider even out the volume.")
@click.option("--watermark", is_flag=True, help="Let the provider mark the preview as made by a machine.")
@_own
@click.pass_context
def clone(
    context: click.Context,
    *,
    audio: str,
    voice_id: str | None,
    prompt_audio: str | None,
    prompt_text: str | None,
    text: str | None,
    model: str | None,
    language_boost: str | None,
    text_validation: str | None,
    accuracy: float | None,
    noise_reduction: bool,
    volume_normalization: bool,
    watermark: bool,
    account: str,
    label: str,
    hold: bool,
    preview: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Clone a voice from AUDIO, a file or an address as the gateway wants it, and register it."""
    session, findings = begin(context, secrets=True), Findings()
    _check_preview(preview, findings, force=force)
    if preview is not None and text is None:
        findings.problems.append("there is no preview without a text: give --text and --model")

    async def work(cloning: Cloning) -> Made:
        request = CloneRequest(
            audio=await cloning.recording(audio, VOICE, findings),
            voice_id=voice_id,
            prompt_audio=None if prompt_audio is None else await cloning.recording(prompt_audio, PROMPT, findings),
            prompt_text=prompt_text,
            text=text,
            model=model,
            language_boost=language_boost,
            text_validation=text_validation,
            accuracy=accuracy,
            need_noise_reduction=noise_reduction,
            need_volume_normalization=volume_normalization,
            aigc_watermark=watermark,
        )
        return await cloning.clone(request, label, _intent(hold=hold), findings)

    made, sound = asyncio.run(_made(session, account, work, findings, wanted=preview is not None))
    _tell(session, made, findings, _saved(preview, sound, findings, force=force), as_json=as_json)


@click.command()
@click.option("--prompt", required=True, help="What the voice is like, in words.")
@click.option("--preview-text", required=True, metavar="TEXT", help="What the preview says, 500 characters at most.")
@click.option("--voice-id", metavar="ID", help="Its name; the provider makes one where it is left out.")
@click.option("--watermark", is_flag=True, help="Let the provider mark the preview as made by a machine.")
@_own
@click.pass_context
def design(
    context: click.Context,
    *,
    prompt: str,
    preview_text: str,
    voice_id: str | None,
    watermark: bool,
    account: str,
    label: str,
    hold: bool,
    preview: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Design a voice from words, and register it: it lives under the same rule as a clone."""
    session, findings = begin(context, secrets=True), Findings()
    _check_preview(preview, findings, force=force)
    request = DesignRequest(prompt=prompt, preview_text=preview_text, voice_id=voice_id, aigc_watermark=watermark)

    async def work(cloning: Cloning) -> Made:
        return await cloning.design(request, label, _intent(hold=hold), findings)

    made, sound = asyncio.run(_made(session, account, work, findings, wanted=preview is not None))
    _tell(session, made, findings, _saved(preview, sound, findings, force=force), as_json=as_json)


async def _made(
    session: Session,
    account: str,
    work: Callable[[Cloning], Awaitable[Made]],
    findings: Findings,
    *,
    wanted: bool,
) -> tuple[Made, bytes | None]:
    """Make the voice, then fetch its preview where one is wanted; without it the voice is as good."""
    async with open_cloning(session.settings, session.folder, account) as cloning:
        made = await work(cloning)
        findings.warnings += made.answer.warnings
        if not wanted:
            return made, None
        try:
            return made, await cloning.preview(made)
        except FetchError as error:
            findings.warnings.append(f"the preview cannot be had: {error}")
            return made, None


def _intent(*, hold: bool) -> Intent:
    return Intent.HOLD if hold else Intent.KEEP


def _check_preview(preview: Path | None, findings: Findings, *, force: bool) -> None:
    """Find out before anything is sent whether the preview can be saved."""
    if preview is None:
        return
    try:
        if preview.is_dir() or not preview.absolute().parent.is_dir():
            findings.problems.append(f"--preview {preview} is no place for a file")
        elif preview.exists() and not force:
            findings.problems.append(f"--preview {preview} exists already: choose another, or say --force")
    except OSError as error:
        findings.problems.append(f"--preview {preview} is no place for a file: {error.strerror}")


def _saved(preview: Path | None, sound: bytes | None, findings: Findings, *, force: bool) -> Path | None:
    """Write the preview for its owner's eyes only; return where it is."""
    if preview is None or sound is None:
        return None
    fresh = preview.with_name(f".{preview.name}.{os.getpid()}") if force else preview
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sound)
        fresh.replace(preview)
    except OSError as error:
        findings.warnings.append(f"the preview cannot be saved as {preview}: {error.strerror}")
        return None
    return preview


def _tell(session: Session, made: Made, findings: Findings, preview: Path | None, *, as_json: bool) -> None:
    """Say what was made, and by when it has to be kept."""
    for warning in findings.warnings:
        click.echo(f"{click.style('warning:', fg='yellow')} {clean(warning)}", err=True)
    voice, policies = made.voice, session.settings.policies
    deadline = plan(voice.cloned_at, None, policies[voice.account]).deadline
    if as_json:
        facts = {name: plain(value) for name, value in asdict(voice).items()}
        beside = {"deadline": plain(deadline), "preview": preview and str(preview), "trace_id": made.answer.trace_id}
        print_json(facts | beside | {"warnings": findings.warnings})
        return
    click.echo(
        f"registered {voice.account}/{clean(voice.voice_id or '')}, deadline {when(deadline, WallClock().now())}"
    )
    if preview is not None:
        click.echo(f"preview saved as {preview}")
