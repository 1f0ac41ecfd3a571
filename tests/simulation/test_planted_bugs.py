"""The simulation finds mistakes: each of these is planted below the surface, and caught by the right promise."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any

import pytest
from sqlalchemy import Connection, Select

from tests.simulation.cases import plan_of
from tests.simulation.plan import DAY, HOUR, MINUTE, AccountPlan, Fault, Kind, Plan
from tests.simulation.planning import random_plan
from tests.simulation.trial import try_plan
from voicekeeper.core import lifecycle, rate, schedule
from voicekeeper.core.lifecycle import Settled
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Voice
from voicekeeper.foresight import Foresight
from voicekeeper.proof import Proof
from voicekeeper.registry import accounts, claims, deliveries, spending, tables
from voicekeeper.registry.deliveries import Results, Round

_WITHIN, _CROWD = 60, 20
Plant = Callable[[pytest.MonkeyPatch], None]


def _no_cap(patch: pytest.MonkeyPatch) -> None:
    def uncapped(wait: timedelta, _left: timedelta) -> timedelta:
        return max(wait, timedelta(minutes=1))

    patch.setattr(schedule, "cap_wait", uncapped)
    patch.setattr(lifecycle, "cap_wait", uncapped)


def _never_looks(patch: pytest.MonkeyPatch) -> None:
    async def unseen(*_: object, **__: object) -> bool:
        return False

    patch.setattr(Proof, "shows", unseen)


def _never_warns(patch: pytest.MonkeyPatch) -> None:
    real = lifecycle.warn

    def silent(voice: Voice, now: datetime, policy: Policy, **how: Any) -> Settled:
        return Settled(real(voice, now, policy, **how).voice)

    async def blind(*_: object) -> None:
        """See nothing coming."""

    patch.setattr(lifecycle, "warn", silent)
    patch.setattr(Foresight, "look", blind)


def _never_probes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(accounts, "probe_due", lambda *_: False)


def _leases_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("voicekeeper.wiring._LEASE_MARGIN", timedelta(days=365))


def _gives_up_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "CONFIRMATIONS", 1)
    patch.setattr(lifecycle, "CONFIRM_OVER", timedelta())


def _any_rate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rate, "interval", lambda _: timedelta(milliseconds=1))


def _latest_first(patch: pytest.MonkeyPatch) -> None:
    def backwards(query: Select[tuple[int]], _now: datetime) -> Select[tuple[int]]:
        return query.order_by(tables.voices.c.deadline.desc())

    patch.setattr(claims, "_in_order", backwards)


def _spends_what_it_likes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(spending, "affordable", lambda _connection, _terms, _now, ids: len(ids))


def _believes_in_luck(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(lifecycle._NEXT, Outcome.AMBIGUOUS, lifecycle._kept)


def _repeats_itself(patch: pytest.MonkeyPatch) -> None:
    real = deliveries.finish

    def again(connection: Connection, this: Round, results: Results, now: datetime, _every: timedelta) -> None:
        real(connection, this, results, now, timedelta(minutes=1))

    patch.setattr(deliveries, "finish", again)


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake, the promise that has to catch it, and what plans have to have for it to show."""

    plant: Plant
    promise: str
    needs: tuple[Kind, ...] = ()
    crowd: bool = False
    among: Iterable[Plan] | None = None


_EVERY_AWAIT = [plan_of(Fault("crash", 0.0, HOUR, 0, step)) for step in range(_WITHIN)]
_POOR = [replace(plan_of(voices=3), accounts=(AccountPlan(rpm=20, real_rpm=20, keeps_per_day=1),))]
_NO_ANSWER = [plan_of(Fault("timeout", 0.0, HOUR), has_list=False)]
_NO_PROVIDER = [plan_of(Fault("outage", 0.0, 5 * HOUR), lifetime=4 * HOUR)]
_NOT_FOUND = [plan_of(Fault("missing", 0.0, minutes * MINUTE)) for minutes in (10, 40)]
BUGS: dict[str, Bug] = {
    "the wait between tries is not capped": Bug(_no_cap, "a savable voice was lost", ("outage",)),
    "the list is never asked": Bug(_never_looks, "a voice already kept was called", ("answer lost",)),
    "nobody is warned": Bug(_never_warns, "a voice was lost in silence", ("outage",)),
    "a paused account is never probed": Bug(_never_probes, "a savable voice was lost", ("blocked",)),
    "a dead instance's lease never ends": Bug(_leases_for_ever, "a savable voice was lost", among=_EVERY_AWAIT),
    "one 'no such voice' is believed": Bug(_gives_up_at_once, "a savable voice was lost", among=_NOT_FOUND),
    "the rate limit is not kept": Bug(_any_rate, "a rate was exceeded", crowd=True),
    "no budget is looked at": Bug(_spends_what_it_likes, "a budget was exceeded", among=_POOR),
    "no answer is taken for a success": Bug(_believes_in_luck, "registry and provider disagree", among=_NO_ANSWER),
    "an alert is repeated every minute": Bug(_repeats_itself, "alerts came as a storm", among=_NO_PROVIDER),
    "the latest deadline goes first": Bug(_latest_first, "a savable voice was lost", crowd=True),
}


def plans(bug: Bug) -> Iterator[Plan]:
    """Yield the plans in which this mistake could show, in the order of their seeds."""
    for plan in bug.among or map(random_plan, count()):
        quick = plan.lifetime <= DAY and (len(plan.voices) > _CROWD if bug.crowd else len(plan.voices) < _CROWD)
        if quick and all(plan.of(kind) for kind in bug.needs):
            yield plan


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch):
    """The simulation would be green whatever voicekeeper does."""
    bug = BUGS[name]
    bug.plant(monkeypatch)
    found = (try_plan(plan).broken for plan in islice(plans(bug), _WITHIN))
    assert any(words.startswith(bug.promise) for broken in found for words in broken)
