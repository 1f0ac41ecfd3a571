"""One source's rows on their way into the registry: what is new, what changed, what cannot be registered.

All rows are read first, into a temporary file: the owner's database is held no longer than that takes. Then the
registry is asked once for each page what it knows: a row that it knows and whose intent did not change costs nothing
more. All of it runs on one thread.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from voicekeeper import registration
from voicekeeper.clock import Clock
from voicekeeper.config import Settings, SourceSettings
from voicekeeper.core.errors import InputError, SourceError
from voicekeeper.core.voice import Intent
from voicekeeper.registry import foreign, sourced
from voicekeeper.registry.foreign import LONGEST, GivenUp
from voicekeeper.registry.sourced import Handed, Name, Standing, Taken

#: Rows that are named when they cannot be registered, and how many characters of each.
_NAMED = 5
_WORDS = 200
#: Bytes of rows that are kept in memory before there is a file.
_IN_MEMORY = 4 * 2**20
#: What every row must give; `account` may stand in the configuration instead.
_NEEDED = ("voice_id", "cloned_at", "account")

#: Runs a function of a transaction on the registry.
Ask = Callable[..., Any]
Row = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What has come of a source's rows so far; `problems` says of the first of the `refused` why they are no voices."""

    rows: int = 0
    registered: int = 0
    followed: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)

    def refuse(self, voice_id: object, problems: Sequence[str]) -> None:
        """Count a row that cannot be registered."""
        self.refused += 1
        if len(self.problems) < _NAMED:
            self.problems.append(f"voice_id {voice_id!r}: {'; '.join(problems)}"[:_WORDS])


@dataclass(slots=True)
class _Work:
    """What there is to do for one page: voices to register, and intents to follow as (before, now) by voice id."""

    new: dict[Name, Handed] = field(default_factory=dict)
    changed: dict[int, tuple[Intent, Intent]] = field(default_factory=dict)


class Intake:
    """Takes one source in; `tally` says how far it has come."""

    def __init__(self, source: SourceSettings, settings: Settings, folder: Path, clock: Clock) -> None:
        self.tally = Tally()
        self._source, self._settings, self._folder, self._clock = source, settings, folder, clock

    def take(self, ask: Ask, given_up: GivenUp) -> None:
        """Take in all rows; where they cannot be read to the end, raise SourceError after those that could."""
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            failure = self._spool(file, given_up)
            file.seek(0)
            for rows in _spooled(file):
                if given_up():
                    return
                self._take_page(rows, ask)
        if failure:
            raise failure

    def look(self, given_up: GivenUp) -> None:
        """Check the rows of the first page, and do nothing with them."""
        with self._pages(given_up) as pages:
            for row in next(pages, []):
                self.tally.rows += 1
                self._read(row)

    def _spool(self, file: IO[bytes], given_up: GivenUp) -> SourceError | None:
        """Write the rows to a file, page by page; return what stopped that early."""
        until = self._clock.monotonic() + LONGEST * self._clock.scale
        try:
            with self._pages(lambda: given_up() or self._clock.monotonic() > until) as pages:
                for rows in pages:
                    pickle.dump(rows, file)
        except SourceError as error:
            return error
        return None

    @contextmanager
    def _pages(self, given_up: GivenUp) -> Iterator[Iterator[list[Row]]]:
        """Open the source; its rows come with the columns' own names, and the configured account where they need it."""
        source = self._source
        with foreign.reading(source.url.reveal(), source.query, self._folder, given_up) as found:
            columns = _columns(found.columns, source.account)
            yield ([self._row(columns, cells) for cells in page] for page in found.pages)

    def _row(self, columns: Sequence[str], cells: Sequence[Any]) -> Row:
        row = dict(zip(columns, cells, strict=True))
        if row.get("account") in (None, ""):
            row["account"] = self._source.account
        return row

    def _take_page(self, rows: Sequence[Row], ask: Ask) -> None:
        """Take in a page with two short transactions at most; one when nothing is to be done."""
        named = [(row, _name(row)) for row in rows]
        known: dict[Name, Standing] = ask(sourced.standing, {name for _, name in named if name})
        work = _Work()
        for row, name in named:
            standing = known.get(name) if name else None
            if standing:
                self._compare(row, standing, work)
            elif handed := self._read(row):
                work.new.setdefault((handed.voice.account, handed.voice.voice_id), handed)
        if work.new or work.changed:
            self._write(work, ask)
        self.tally.rows += len(rows)

    def _write(self, work: _Work, ask: Ask) -> None:
        """Have the registry take in what is new and what changed; a row that it alone finds wrong stops no other."""
        taken: Taken = ask(sourced.take_in, list(work.new.values()), work.changed, self._clock.now())
        for (_, voice_id), reason in taken.refused.items():
            self.tally.refuse(voice_id, [reason])
        self.tally.followed += taken.followed
        self.tally.registered += len(work.new) - len(taken.refused)

    def _compare(self, row: Row, standing: Standing, work: _Work) -> None:
        """Note a changed intent of a voice that is registered; nothing else is followed."""
        said = row.get("intent")
        if said in (None, "", standing.said.value):
            return
        try:
            intent = registration.read_intent(said)
        except ValueError as error:
            self.tally.refuse(row.get("voice_id"), [f"intent: {error}"])
            return
        if intent is not standing.said:
            work.changed.setdefault(standing.id, (standing.said, intent))

    def _read(self, row: Row) -> Handed | None:
        """Check a row that is not registered."""
        plain = {name: cell.isoformat() if isinstance(cell, date) else cell for name, cell in row.items()}
        parsed = registration.parse(plain, self._settings, self._source.account, self._clock.now())
        if parsed.voice is None:
            self.tally.refuse(row.get("voice_id"), parsed.problems)
            return None
        return Handed(voice=parsed.voice, said=None if row.get("intent") in (None, "") else parsed.voice.intent)


def _spooled(file: IO[bytes]) -> Iterator[list[Row]]:
    try:
        while True:
            yield pickle.load(file)  # noqa: S301 - our own file, which nobody else can open
    except EOFError:
        return


def _columns(headings: Sequence[str], account: str | None) -> list[str]:
    """Return the columns' own names; raise SourceError where they are not those of a voice."""
    try:
        columns = registration.columns(headings)
    except InputError as error:
        raise SourceError("; ".join(error.problems)) from None
    for name in _NEEDED:
        if name not in columns and not (name == "account" and account):
            mend = ", or set account beside it" if name == "account" else ""
            raise SourceError(f"the query gives no {name}: let it give one{mend}")
    return columns


def _name(row: Row) -> Name | None:
    """Return what the registry knows a row's voice by; None where it cannot be in there."""
    account, voice_id = row["account"], row["voice_id"]
    if not (isinstance(account, str | int) and isinstance(voice_id, str | int)):
        return None
    name = str(account).strip(), str(voice_id).strip()
    return name if "".join(name).isprintable() else None
