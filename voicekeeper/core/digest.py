"""A digest: once a day or week, what was kept and lost, what it cost, what is coming, what is open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rhythm
from voicekeeper.core.wording import Language, fact, phrase

#: What lies ahead is told for so long.
AHEAD: Mapping[Rhythm, timedelta] = {Rhythm.DAILY: timedelta(days=3), Rhythm.WEEKLY: timedelta(days=7)}


class Worded(Protocol):
    """An open alert, which reads in every language."""

    @property
    def severity(self) -> Severity: ...  # noqa: D102 - as in the table

    def words(self, language: Language) -> tuple[str, str]:
        """Return its title and body."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a digest: from `since` until it was made, and for `ahead` from then on.

    `spent` is by currency, "" where none is configured; `lasting` alerts are open, `lasting_first` the most severe.
    """

    since: datetime
    ahead: timedelta
    kept: int = 0
    lost: int = 0
    released: int = 0
    spent: Mapping[str, Decimal] = field(default_factory=dict)
    waiting: int = 0
    coming: int = 0
    first: datetime | None = None
    lasting: int = 0
    lasting_first: Sequence[Worded] = ()


def digest(figures: Figures, rhythm: Rhythm, language: Language) -> tuple[str, str]:
    """Return the title and the text of a digest."""
    return phrase(f"digest_{rhythm.value}", language), "\n".join(_lines(figures, language))


def _lines(figures: Figures, language: Language) -> Iterator[str]:
    def say(name: str, **facts: str | float | None) -> str:
        return phrase(name, language, **facts)

    yield say("since", since=fact(figures.since))
    yield say("done", kept=figures.kept, lost=figures.lost, released=figures.released)
    money = ", ".join(f"{amount:.2f} {currency}".strip() for currency, amount in sorted(figures.spent.items()))
    yield say("spent", spent=money) if money else say("spent_nothing")
    yield say("waiting", waiting=figures.waiting)
    coming = {"span": fact(figures.ahead), "coming": figures.coming}
    yield say("coming_first", **coming, first=fact(figures.first)) if figures.first else say("coming", **coming)
    yield say("open", count=figures.lasting) if figures.lasting else say("nothing_open")
    for one in figures.lasting_first:
        yield say(one.severity.value, title=one.words(language)[0])
