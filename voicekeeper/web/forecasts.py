"""`/api/forecast`: what will happen with the waiting voices, and what would happen otherwise."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from starlette.responses import Response

from voicekeeper.core.pace import Wish
from voicekeeper.core.told import ToldForecast, told
from voicekeeper.registry import outlook
from voicekeeper.web.operations import Call, Operation, shown
from voicekeeper.web.problems import Problem
from voicekeeper.web.requests import ForecastQuery


@dataclass(frozen=True, slots=True)
class Forecasts:
    """The forecasts of all accounts, or of the one that was asked for, by the queues as they were read last."""

    forecasts: list[ToldForecast]


async def foretell(call: Call) -> Response:
    """Return forecasts, made of the outline that the keeper has read after its sweeps."""
    asked: ForecastQuery = call.query
    settings, keeper = call.app.settings, call.app.keeper
    if asked.account is not None and asked.account not in settings.accounts:
        raise Problem(404, f"there is no account {asked.account} in the configuration")
    names = list(settings.accounts) if asked.account is None else [asked.account]
    now, found = call.face.clock.now(), []
    for name in names:
        line, loads = keeper.lines[name], keeper.foresight.outline(name)
        seen = await call.app.database.show(outlook.foretell, line.terms, line.concurrency, loads, _wish(asked), now)
        found.append(told(name, line.terms.currency, seen))
    return shown(Forecasts(found), Forecasts)


def _wish(asked: ForecastQuery) -> Wish:
    budgets = {name: getattr(asked, name) for name in ("budget_per_day", "budget_per_month")}
    amounts = {name: None if number is None else Decimal(str(number)) for name, number in budgets.items()}
    return Wish(rpm=asked.rpm, outage=asked.outage or timedelta(), **amounts)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/forecast",
        summary="What will happen with the waiting voices, what it costs, and what cannot be saved",
        work=foretell,
        query=ForecastQuery,
        answers={200: Forecasts},
        problems=(404,),
    ),
)
