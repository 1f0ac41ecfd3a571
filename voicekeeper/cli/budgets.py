"""How the accounts' budgets stand, in words: a voice that waits for money says so, and until when."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from voicekeeper.cli.render import when
from voicekeeper.config import Settings
from voicekeeper.configured import terms
from voicekeeper.core.money import Span, written
from voicekeeper.registry import spending
from voicekeeper.registry.database import Database
from voicekeeper.registry.spending import Spent, Terms

Standing = Mapping[str, Mapping[Span, Spent]]


def standing(settings: Settings, database: Database, now: datetime) -> Standing:
    """Return how the budgets of all accounts stand that have one."""
    limited = (one for one in (terms(settings, name) for name in settings.accounts) if one.limited)
    return {one.account: database.call(spending.standing, one, now) for one in limited}


def too_small(settings: Settings, name: str) -> Iterator[str]:
    """Name each budget of an account that does not pay for a single voice."""
    own = terms(settings, name)
    for span, limit in (("day", own.budget_per_day), ("month", own.budget_per_month)):
        if own.price and limit is not None and limit < own.price.keep:
            less = f"is less than one voice costs, {written(own.price.keep, own.currency)}"
            yield f"budget_per_{span}, {written(limit, own.currency)}, {less}: raise it, or none will be kept"


def stopped(settings: Settings, found: Standing, name: str, now: datetime) -> str | None:
    """Say that an account's budget stops its voices, which one and until when; None where it does not."""
    spent = found.get(name)
    own = terms(settings, name) if spent else None
    if not spent or own is None or own.price is None:
        return None
    until = spending.waits(spent, own.price)
    if until is None:
        return None
    used = ", ".join(_used(own, span, one) for span, one in spent.items() if one.until == until)
    if any(one.limit < own.price.keep for one in spent.values()):
        return f"its budget ({used}) is less than one voice costs, {written(own.price.keep, own.currency)}"
    return f"{spending.SPENT} ({used}) until {when(until, now)}"


def _used(own: Terms, span: Span, spent: Spent) -> str:
    limit = written(spent.limit, own.currency)
    return f"{written(spent.committed)} of {limit} a {span.value}"
