"""`spend`: what was paid, by account, month, day or label; and the evidence, call by call, for a billing dispute."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

import click

from voicekeeper.cli.render import clean, plain, print_json, print_table
from voicekeeper.cli.session import as_json, begin, require_account
from voicekeeper.config import Settings
from voicekeeper.core.money import written
from voicekeeper.core.shown import masked
from voicekeeper.registration import read_moment
from voicekeeper.registry import bills
from voicekeeper.registry.bills import Bill
from voicekeeper.registry.database import Database

#: What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_Row = Mapping[str, object]


@dataclass(slots=True)
class _Sum:
    """What one account's keeps cost within one day, month or label."""

    keeps: int = 0
    characters: int = 0
    paid: Decimal = Decimal()

    def add(self, bill: Bill) -> None:
        self.keeps += 1
        self.characters += bill.characters or 0
        self.paid += bill.cost


#: What a sum is for, beside its account.
_PARTS: Mapping[str, Callable[[Bill, tzinfo], str]] = {
    "account": lambda _bill, _zone: "",
    "month": lambda bill, zone: f"{bill.started_at.astimezone(zone):%Y-%m}",
    "day": lambda bill, zone: f"{bill.started_at.astimezone(zone):%Y-%m-%d}",
    "label": lambda bill, _zone: bill.label,
}


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else read_moment(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--by", type=click.Choice(list(_PARTS)), default="day", show_default=True, help="What is added up.")
@click.option("--calls", is_flag=True, help="Every billed call by itself: the evidence. Accounts are masked.")
@click.option("--account", help="Of this account alone.")
@click.option("--since", metavar="T", callback=_moment, help="From then on, like 2026-11-01.")
@click.option("--until", metavar="T", callback=_moment, help="Before then.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@as_json
@click.pass_context
def spend(
    context: click.Context,
    *,
    by: str,
    calls: bool,
    account: str | None,
    since: datetime | None,
    until: datetime | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show what was paid; days and months are those of each account's time_zone."""
    session = begin(context)
    with session.registry() as database:
        require_account(session, database, account)
        found = _pages(database, account, since, until)
        rows = list(map(_call, found)) if calls else _summed(found, by, session.settings)
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(rows)
    elif rows:
        _print_rows(rows)
    else:
        click.echo("nothing was paid")


def _pages(database: Database, account: str | None, since: datetime | None, until: datetime | None) -> Iterator[Bill]:
    last = 0
    while page := database.call(bills.page, account, since, until, last):
        yield from page
        last = page[-1].id


def _summed(found: Iterable[Bill], by: str, settings: Settings) -> list[_Row]:
    sums: dict[tuple[str, str, str], _Sum] = {}
    for bill in found:
        configured = settings.accounts.get(bill.account)
        part = _PARTS[by](bill, configured.time_zone if configured else UTC)
        sums.setdefault((bill.account, part, bill.currency or ""), _Sum()).add(bill)
    return [
        {"account": account}
        | ({} if by == "account" else {by: part})
        | {"keeps": one.keeps, "characters": one.characters, "paid": one.paid, "currency": currency}
        for (account, part, currency), one in sorted(sums.items())
    ]


def _call(bill: Bill) -> _Row:
    return {
        "time": bill.started_at,
        "account": masked(bill.account),
        "voice_id": bill.voice_id,
        "trace_id": bill.trace_id,
        "model": bill.model,
        "characters": bill.characters,
        "paid": bill.cost,
        "currency": bill.currency,
    }


def _print_csv(rows: Iterable[_Row]) -> None:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    for number, row in enumerate(rows):
        if not number:
            lines.writerow(row)
        lines.writerow(_cell(value) for value in row.values())
    click.echo(text.getvalue(), nl=False)


def _cell(value: object) -> str:
    """Write a value so that a spreadsheet takes it for what it is: labels come from others."""
    if isinstance(value, Decimal):
        return written(value)
    text = "" if value is None else clean(str(plain(value)))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _print_rows(rows: list[_Row]) -> None:
    headings = [name.upper() + (" (UTC)" if name == "time" else "") for name in rows[0]]
    print_table(headings, [[_shown(value) for value in row.values()] for row in rows])
    paid: dict[str, Decimal] = {}
    for row in rows:
        currency, amount = str(row["currency"] or ""), row["paid"]
        assert isinstance(amount, Decimal)  # noqa: S101 - for mypy: that is what `paid` is
        paid[currency] = paid.get(currency, Decimal()) + amount
    click.echo("in all: " + ", ".join(written(amount, currency) for currency, amount in sorted(paid.items())))


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return written(value)
    return clean(str(value)) if value not in (None, "") else "-"
