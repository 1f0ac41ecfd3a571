"""Money: decimal, to the millionth; what a keep costs, what a budget leaves, and when its days and months begin."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

#: Nothing smaller is counted: a character costs some ten-thousandths.
SMALLEST = Decimal("0.000001")
_PRICED_BY = 10_000


class Span(StrEnum):
    """What a budget is for; the name of its setting ends so."""

    DAY = "day"
    MONTH = "month"

    def began(self, now: datetime, zone: tzinfo) -> datetime:
        """Return when the day or month began that `now` lies in, by the clocks of a zone, in UTC.

        A midnight that the clocks skip is the moment at which they do; of two midnights the first one counts.
        """
        date = now.astimezone(zone).date()
        first = date if self is Span.DAY else date.replace(day=1)
        return datetime.combine(first, time(), zone).astimezone(UTC)

    def ends(self, now: datetime, zone: tzinfo) -> datetime:
        """Return when the next day or month begins."""
        return self.began(self.began(now, zone) + _MORE_THAN[self], zone)


#: Longer than any day, with its change of clocks, and than any month; shorter than two.
_MORE_THAN: Mapping[Span, timedelta] = {Span.DAY: timedelta(hours=36), Span.MONTH: timedelta(days=35)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that may be spent in a day and in a month of the zone's clocks; None for as much as there is."""

    per_day: Decimal | None = None
    per_month: Decimal | None = None
    zone: tzinfo = UTC

    @property
    def limits(self) -> Mapping[Span, Decimal]:
        """The spans that are limited, each with its limit."""
        both = {Span.DAY: self.per_day, Span.MONTH: self.per_month}
        return {span: limit for span, limit in both.items() if limit is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a keep costs: the fee for its voice, and its characters by the ten thousand.

    `characters` is how many a keep call is expected to have.
    """

    fee: Decimal = Decimal()
    per_10k: Decimal = Decimal()
    characters: int = 0

    @property
    def speech(self) -> Decimal:
        """What the characters of one call are expected to cost."""
        return self.of_characters(self.characters)

    @property
    def keep(self) -> Decimal:
        """What a keep is expected to cost, and what is set aside for it."""
        return self.fee + self.speech

    def of_characters(self, count: int) -> Decimal:
        """Return what so many characters cost."""
        return shortest((count * self.per_10k / _PRICED_BY).quantize(SMALLEST, ROUND_HALF_UP))


def billed_characters(text: str) -> int:
    """Return how many characters a provider bills for a text: a Chinese one counts as two (MiniMax's price list)."""
    return sum(2 if unicodedata.name(char, "").startswith("CJK") else 1 for char in text)


def shortest(amount: Decimal) -> Decimal:
    """Return an amount without zeros at its end, and never in the form 1E+2."""
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount.normalize()


def written(amount: Decimal, currency: str | None = None) -> str:
    """Write an amount for people: with two places, or as many as it needs."""
    whole, _, part = f"{amount:.6f}".rstrip("0").partition(".")
    return f"{whole}.{part:0<2} {currency or ''}".strip()
