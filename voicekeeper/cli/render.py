"""Output that people like to read: aligned tables, relative times beside absolute ones, colour on a terminal."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click

from voicekeeper.core.duration import format_duration
from voicekeeper.core.shown import escaped, printable
from voicekeeper.core.voice import Status, Voice

_COLOURS = {Status.KEPT: "green", Status.LOST: "red", Status.WAITING: "yellow", Status.RELEASED: "bright_black"}


def plain(value: object) -> object:
    """Return a value as JSON has it; times as ISO 8601 with Z, amounts as numbers."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def as_object(voice: Voice) -> dict[str, Any]:
    """Return a voice as an object named like the table's columns."""
    return {name: plain(value) for name, value in asdict(voice).items()}


def print_json(value: object) -> None:
    """Print JSON that people can read too."""
    click.echo(escaped(json.dumps(value, indent=2, ensure_ascii=False, default=plain)))


def when(moment: datetime | None, now: datetime) -> str:
    """Return a time with its distance: "2026-11-28 09:00 (in 6d 3h)"."""
    if moment is None:
        return "-"
    away = format_duration(moment - now)
    return f"{moment:%Y-%m-%d %H:%M} ({f'in {away}' if moment > now else f'{away} ago'})"


def status(voice: Voice) -> str:
    """Return a voice's status in its colour, with its intent where that is not the usual one."""
    intent = f", {voice.intent.value}" if voice.status is Status.WAITING and voice.intent != "keep" else ""
    return click.style(f"{voice.status.value}{intent}", fg=_COLOURS[voice.status])


def clean(text: str) -> str:
    """Return text that cannot steer a terminal: labels and answers come from others."""
    return printable(text)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; wide characters count as two."""
    table = [[click.style(heading, bold=True) for heading in headings], *([*row] for row in rows)]
    widths = [max(_width(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _width(text: str) -> int:
    shown = click.unstyle(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in shown
    )
