"""Voices as people hand them in: column names are forgiven, values are not."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from voicekeeper.config import Settings
from voicekeeper.core.duration import format_duration
from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.registry.voices import NewVoice

#: What a column may also be called, letters only.
_ALIASES = {
    "voiceid": "voice_id",
    "voice": "voice_id",
    "id": "voice_id",
    "name": "label",
    "clonedat": "cloned_at",
    "createdat": "cloned_at",
    "created": "cloned_at",
    "createdtime": "cloned_at",
    "clonetime": "cloned_at",
    "time": "cloned_at",
    "provider": "account",
    "note": "label",
    "comment": "label",
    "expiresat": "deadline",
}
_COLUMNS = ("account", "voice_id", "cloned_at", "label", "intent", "origin", "priority", "deadline")
_LARGEST = 64 * 1024 * 1024
#: What spreadsheets write between cells where a comma is something else.
_SEPARATORS = (";", "\t")
#: Clocks differ a little; a voice cannot be cloned later than this.
SKEW = timedelta(minutes=5)
#: SQLite compares whole milliseconds, after rounding: it may take two moments for one that are one of them apart.
_APART = timedelta(milliseconds=2)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2189, 1, 1, tzinfo=UTC)

#: A row of a file, with the number of its line.
Row = tuple[int, dict[str, Any]]


@dataclass(slots=True)
class Parsed:
    """One row: the voice, or every problem it has; warnings do not stop it."""

    voice: NewVoice | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_rows(file: Path) -> tuple[list[Row], list[str]]:
    """Read CSV (with a heading) or JSON lines; return each row with its line number, and what is wrong with others."""
    if (size := file.stat().st_size) > _LARGEST:
        raise InputError(f"{file}: has {size:,} bytes, {_LARGEST:,} at most: split it")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"{error.reason} at byte {error.start}"
        raise InputError(f"{file}: is not UTF-8 text ({what}): save it as UTF-8") from error
    if text.lstrip().startswith("["):
        raise InputError(f"{file}: is one JSON array: write each object on a line of its own (jq -c '.[]')")
    rows, problems = _json_lines(file, text) if text.lstrip().startswith("{") else _csv(file, text)
    if not rows and not problems:
        raise InputError(f"{file}: there are no rows in it")
    return rows, problems


def parse(row: Mapping[str, Any], settings: Settings, account: str | None, now: datetime) -> Parsed:
    """Check one row against the configuration; `account` stands in where the row names none."""
    parsed = Parsed()
    try:
        columns(row)
    except InputError as error:
        parsed.problems += error.problems
    given = {_named(column): value for column, value in row.items() if value not in (None, "")}
    values = {"account": account, **given}
    fields = {name: _read(parsed, name, read, values.get(name)) for name, read in _READERS.items()}
    _check_account(parsed, fields, settings)
    _check_times(parsed, fields, settings, now)
    if not parsed.problems:
        parsed.voice = NewVoice(**{name: value for name, value in fields.items() if value is not None})
    return parsed


def columns(headings: Iterable[str]) -> list[str]:
    """Return what the columns of a heading are called here; raise InputError for one that is none or is there twice."""
    found: dict[str, str] = {}
    problems = []
    for heading in headings:
        name = _named(heading)
        if name is None:
            problems.append(f'"{heading}" is not a column: there are {", ".join(_COLUMNS)}')
        elif name in found:
            problems.append(f'"{found[name]}" and "{heading}" both mean {name}')
        else:
            found[name] = heading
    if problems:
        raise InputError(problems)
    return list(found)


def twice(rows: Iterable[tuple[NewVoice, str]]) -> list[str]:
    """Name the rows whose voice stands in an earlier row already."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for voice, place in rows:
        first = seen.setdefault((voice.account, voice.voice_id), place)
        if first != place:
            problems.append(f"{place}{voice.account}/{voice.voice_id} stands in {first.rstrip(': ')} already")
    return problems


def read_moment(text: object) -> datetime:
    """Read an ISO 8601 time; without an offset it is UTC."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a time: write it like 2026-11-20T12:00:00Z")  # noqa: TRY004 - one kind for all
    try:
        moment = datetime.fromisoformat(text.strip().replace(" +", "+"))
    except ValueError:
        raise ValueError(f'"{text}" is not a time: write it like 2026-11-20T12:00:00Z') from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f'"{text}" cannot be: it is not in this century')
    return moment.astimezone(UTC)


def _csv(file: Path, text: str) -> tuple[list[Row], list[str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[str] = []
    try:
        _check_heading(file, reader.fieldnames or ())
        for row in reader:
            if None in row or None in row.values():
                problems.append(f"{file}:{reader.line_num}: has not as many cells as the heading")
            else:
                rows.append((reader.line_num, dict(row)))
    except csv.Error as error:
        raise InputError(f"{file}:{reader.line_num}: is not CSV: {error}") from error
    return rows, problems


def _check_heading(file: Path, headings: Sequence[str]) -> None:
    """Refuse a heading once and not row by row: of two columns that mean the same, one would win unseen."""
    other = next((mark for mark in _SEPARATORS if len(headings) == 1 and mark in headings[0]), None)
    if other:
        raise InputError(f"{file}:1: its cells are separated by {json.dumps(other)}: separate them by commas")
    try:
        columns(headings)
    except InputError as error:
        raise InputError([*(f"{file}:1: {problem}" for problem in error.problems), "nothing was imported"]) from None


def _json_lines(file: Path, text: str) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append(f"{file}:{number}: is not JSON: {error}")
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            problems.append(f"{file}:{number}: is not a JSON object")
    return rows, problems


def _named(column: object) -> str | None:
    letters = "".join(char for char in str(column).lower() if char.isalnum())
    plain = {name.replace("_", ""): name for name in _COLUMNS}
    return plain.get(letters) or _ALIASES.get(letters)


def _read(parsed: Parsed, name: str, read: Any, value: object) -> Any:  # noqa: ANN401 - each column has its own type
    if value is None:
        if name in _REQUIRED:
            parsed.problems.append(f"{name} is missing")
        return None
    try:
        return read(value)
    except ValueError as error:
        parsed.problems.append(f"{name}: {error}")
        return None


def _text(value: object) -> str:
    if not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not text")  # noqa: TRY004 - one kind for all
    if not str(value).isprintable():
        raise ValueError(f"{value!r} has characters in it that cannot be printed")
    return str(value).strip()


def _short(longest: int) -> Any:  # noqa: ANN401 - a reader, like the others
    def read(value: object) -> str:
        text = _text(value)
        if len(text) > longest:
            raise ValueError(f"is {len(text)} characters long, {longest} at most")
        return text

    return read


def _one_of(kind: type[Intent | Origin]) -> Any:  # noqa: ANN401 - a reader, like the others
    def read(value: object) -> Intent | Origin:
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            raise ValueError(f'"{value}" is not one of {", ".join(kind)}') from None

    return read


def _number(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError(f'"{value}" is not a whole number') from None
    if not -1000 <= number <= 1000:  # noqa: PLR2004 - the sentence says what they are
        raise ValueError(f"{number} is not between -1000 and 1000")
    return number


read_intent = _one_of(Intent)
_READERS = {
    "account": _short(64),
    "voice_id": _short(256),
    "cloned_at": read_moment,
    "label": _short(255),
    "intent": read_intent,
    "origin": _one_of(Origin),
    "priority": _number,
    "deadline": read_moment,
}
_REQUIRED = frozenset({"account", "voice_id", "cloned_at"})


def _check_account(parsed: Parsed, fields: Mapping[str, Any], settings: Settings) -> None:
    account, voice_id = fields["account"], fields["voice_id"]
    if account is None:
        return
    if account not in settings.accounts:
        known = ", ".join(settings.accounts) or "none"
        parsed.problems.append(f'account "{account}" is not configured (there is: {known})')
    elif voice_id is not None and (problem := settings.accounts[account].gateway.id_problem(voice_id)):
        parsed.problems.append(problem)


def _check_times(parsed: Parsed, fields: Mapping[str, Any], settings: Settings, now: datetime) -> None:
    cloned_at, deadline = fields["cloned_at"], fields["deadline"]
    if cloned_at is None:
        return
    if cloned_at > now + SKEW:
        parsed.problems.append(f"cloned_at {cloned_at:%Y-%m-%d %H:%M} UTC lies in the future")
    if deadline is not None and deadline < cloned_at + _APART:
        nearly = ", by two milliseconds at least" if deadline > cloned_at else ""
        parsed.problems.append(f"deadline must be later than cloned_at{nearly}")
    policy = settings.policies.get(fields["account"] or "", settings.default_policy)
    last = deadline or cloned_at + policy.lifetime
    if last <= now:
        passed = format_duration(now - last)
        parsed.warnings.append(f"its deadline passed {passed} ago: a late try may still save it, and will be made")
