"""The simulation finds mistakes: each of these is planted below the surface, and caught by the right promise."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count, islice
from typing import Any

import pytest
from sqlalchemy import Connection, Select, select

from tests.simulation.cases import plan_of
from tests.simulation.plan import DAY, HOUR, MINUTE, AccountPlan, Fault, HostPlan, Kind, Plan, VoicePlan
from tests.simulation.planning import random_plan
from tests.simulation.trial import try_plan
from voicekeeper.core import lifecycle, rate, schedule, telling
from voicekeeper.core.lifecycle import Settled
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Voice
from voicekeeper.foresight import Foresight
from voicekeeper.keeper import Keeper
from voicekeeper.proof import Proof
from voicekeeper.registry import accounts, claims, conditions, deliveries, settling, spending, tables
from voicekeeper.registry.claims import Claim
from voicekeeper.registry.deliveries import Results, Round
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.spending import Terms
from voicekeeper.speaking import Speaker
from voicekeeper.spool import Spool
from voicekeeper.ticking import Ticks

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
    patch.setattr("voicekeeper.configured.LEASE_MARGIN", timedelta(days=365))


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


def _never_looks_twice(patch: pytest.MonkeyPatch) -> None:
    def believed(connection: Connection, ids: Sequence[int], most: int, *_: object) -> list[Voice]:
        rows = connection.execute(select_voices().where(tables.voices.c.id.in_(ids)).limit(most))
        return [to_voice(row) for row in rows]

    patch.setattr(claims, "_lock_free", believed)


def _pays_each_call(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "_paid", lambda *_: set())


def _forgets_doubts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(spending, "_set_aside", lambda *_: Decimal())


def _shares_no_rate(patch: pytest.MonkeyPatch) -> None:
    real, own = claims.claim, dict[str, datetime | None]()

    def alone(connection: Connection, terms: Terms, ids: Sequence[int], most: int, now: datetime, token: str) -> Claim:
        place = tables.accounts.c.name == terms.account
        instance = f"{terms.account} {token.partition('#')[0]}"
        connection.execute(tables.accounts.update().where(place).values(slot_at=own.get(instance)))
        claim = real(connection, terms, ids, most, now, token)
        own[instance] = connection.execute(select(tables.accounts.c.slot_at).where(place)).scalar_one()
        return claim

    patch.setattr(claims, "claim", alone)


def _moves_what_it_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "_may_move", lambda _one, holder: holder is not None)


def _gathers_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(telling, "held_until", lambda *_, **__: None)


def _has_no_spool(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Spool, "put", lambda *_: None)


def _fails_itself(patch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> Answer:
        raise KeyError("a mistake of our own")

    patch.setattr(Speaker, "_ask", fails)


def _asks_for_no_task(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "_open_task", lambda *_: None)


def _notes_no_task(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claims, "note_task", lambda *_: None)


def _calls_what_it_lost(patch: pytest.MonkeyPatch) -> None:
    async def always(*_: object) -> bool:
        return True

    patch.setattr(Keeper, "_workable", always)


def _waits_in_its_tick(patch: pytest.MonkeyPatch) -> None:
    async def waits(self: Ticks) -> None:
        await self.begin(self._make_round())

    patch.setattr(Ticks, "_tick", waits)


def _overlooks_holds(patch: pytest.MonkeyPatch) -> None:
    real = conditions.due
    patch.setattr(conditions, "due", lambda now: (conditions.WAITING, *real(now)[len(conditions.WANTED) :]))


def _leaves_at_once(patch: pytest.MonkeyPatch) -> None:
    async def leaves(self: Ticks) -> None:
        self.scheduler.shutdown(wait=False)

    patch.setattr(Ticks, "stop", leaves)


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake, the promise that has to catch it, and what plans have to have for it to show."""

    plant: Plant
    promise: str
    needs: tuple[Kind, ...] = ()
    crowd: bool = False
    hosts: int = 1
    among: Iterable[Plan] | None = None


_CRASHES = [Fault("crash", 0.0, 10 * MINUTE, 0, step) for step in range(_WITHIN)]
_EVERY_AWAIT = [plan_of(replace(crash, end=HOUR)) for crash in _CRASHES]
_POOR = [replace(plan_of(voices=3), accounts=(AccountPlan(rpm=20, real_rpm=20, keeps_per_day=1),))]
_NO_ANSWER = [plan_of(Fault("timeout", 0.0, HOUR), has_list=False)]
_NO_PROVIDER = [plan_of(Fault("outage", 0.0, 5 * HOUR), lifetime=4 * HOUR)]
# Too short for the alert of an account that fails for an hour.
_LATE = plan_of(Fault("outage", 3 * HOUR, 5 * HOUR), lifetime=4 * HOUR)
_NO_PROVIDER_AT_LAST = [replace(_LATE, voices=(VoicePlan(0, 0.0, 4 * HOUR - 45 * MINUTE),))]
_NOT_FOUND = [plan_of(Fault("missing", 0.0, minutes * MINUTE)) for minutes in (10, 40)]
_DEAF = Fault("answer lost", 0.0, 10 * MINUTE)
_POOR_AND_DEAF = [replace(poor, faults=(_DEAF,)) for poor in _POOR]
# Each of the two in turn, for either may be the one that claims; it does not in its first steps.
_SLEEPS = [Fault("asleep", 0.0, HOUR, who, step) for step in range(_WITHIN // 2, _WITHIN) for who in range(2)]
_TWO_CALLS = [plan_of(sleep, hosts=2, has_list=False) for sleep in _SLEEPS]
_WOKEN = [plan_of(sleep, hosts=2) for sleep in _SLEEPS]
_WOKEN_IN_VAIN = [plan_of(sleep, Fault("timeout", 0.0, 6 * MINUTE), hosts=2, has_list=False) for sleep in _SLEEPS]
_ONE_BY_ONE = [
    replace(
        plan_of(Fault("outage", 0.0, 80 * MINUTE), lifetime=HOUR),
        keep_after=50 * MINUTE,
        voices=tuple(VoicePlan(0, minute * MINUTE, minute * MINUTE) for minute in range(14)),
    )
]
_DIES_IN_A_TASK = [plan_of(crash, Fault("slow", 0.0, HOUR), tasks=True) for crash in _CRASHES]
_BACKLOG = [
    replace(
        plan_of(voices=19),
        accounts=(AccountPlan(rpm=4, real_rpm=4),),
        hosts=(HostPlan("daemon", 15 * MINUTE),),
        voices=(VoicePlan(0, HOUR - DAY, HOUR - 25 * MINUTE),) * 19,
    )
]
_CUT_OFF = [
    plan_of(
        Fault("slow", 0.0, HOUR),
        Fault("registry down", 5 * MINUTE + 5, HOUR),
        Fault("crash", 20 * MINUTE, 0.0),
    )
]
_HELD = [plan_of(Fault("held", MINUTE, HOUR))]
_STOPPED = [plan_of(Fault("slow", 0.0, HOUR), Fault("stopped", 5 * MINUTE + 5, HOUR))]
BUGS: dict[str, Bug] = {
    "the wait between tries is not capped": Bug(_no_cap, "a savable voice was lost", ("outage",)),
    "the list is never asked": Bug(_never_looks, "a voice already kept was called", ("answer lost",)),
    "nobody is warned": Bug(_never_warns, "a voice was lost in silence", among=_NO_PROVIDER_AT_LAST),
    "a paused account is never probed": Bug(_never_probes, "a savable voice was lost", ("blocked",)),
    "a dead instance's lease never ends": Bug(_leases_for_ever, "a savable voice was lost", among=_EVERY_AWAIT),
    "one 'no such voice' is believed": Bug(_gives_up_at_once, "a savable voice was lost", among=_NOT_FOUND),
    "the rate limit is not kept": Bug(_any_rate, "a rate was exceeded", crowd=True),
    "no budget is looked at": Bug(_spends_what_it_likes, "a budget was exceeded", among=_POOR),
    "no answer is taken for a success": Bug(_believes_in_luck, "registry and provider disagree", among=_NO_ANSWER),
    "an alert is repeated every minute": Bug(_repeats_itself, "alerts came as a storm", among=_NO_PROVIDER),
    "the latest deadline goes first": Bug(_latest_first, "a savable voice was lost", crowd=True),
    "a voice is claimed as it was listed": Bug(_never_looks_twice, "a voice already kept was called", hosts=2),
    "a fee is recorded with each call": Bug(_pays_each_call, "more than one fee was recorded", among=_TWO_CALLS),
    "a lost answer costs nothing": Bug(_forgets_doubts, "a budget was exceeded", among=_POOR_AND_DEAF),
    "instances share no rate": Bug(_shares_no_rate, "a rate was exceeded", crowd=True, hosts=2),
    "a lost lease still moves its voice": Bug(
        _moves_what_it_lost, "a voice already kept was called", among=_WOKEN_IN_VAIN
    ),
    "a lost lease is called": Bug(_calls_what_it_lost, "a voice already kept was called", among=_WOKEN),
    "messages are not gathered": Bug(_gathers_nothing, "messages came as a storm", among=_ONE_BY_ONE),
    "no answer waits in a file": Bug(_has_no_spool, "an answer was forgotten", among=_CUT_OFF),
    "no task is asked for": Bug(_asks_for_no_task, "a task was begun twice", among=_DIES_IN_A_TASK),
    "no task is noted": Bug(_notes_no_task, "a task was begun twice", among=_DIES_IN_A_TASK),
    "a tick waits for its round": Bug(_waits_in_its_tick, "a savable voice was lost", among=_BACKLOG),
    "a voice on hold is due": Bug(_overlooks_holds, "a voice on hold was called", among=_HELD),
    "SIGTERM ends calls at once": Bug(_leaves_at_once, "a call was cut without need", among=_STOPPED),
    "every call fails in voicekeeper": Bug(_fails_itself, "voicekeeper itself failed"),
}


def plans(bug: Bug) -> Iterator[Plan]:
    """Yield the plans in which this mistake could show, in the order of their seeds."""
    for plan in bug.among or map(random_plan, count()):
        quick = plan.lifetime <= DAY and (len(plan.voices) > _CROWD if bug.crowd else len(plan.voices) < _CROWD)
        if quick and len(plan.hosts) >= bug.hosts and all(plan.of(kind) for kind in bug.needs):
            yield plan


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch):
    """The simulation would be green whatever voicekeeper does."""
    bug = BUGS[name]
    bug.plant(monkeypatch)
    found = (try_plan(plan).broken for plan in islice(plans(bug), _WITHIN))
    assert any(words.startswith(bug.promise) for broken in found for words in broken)
