"""A forecast against what the simulated keeper then really did, call by call."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from bench.policies import called, gone
from tests.simulation.cases import plan_of
from tests.simulation.plan import DAY, HOUR, MINUTE, PRICE, AccountPlan, Fault, HostPlan, Plan, VoicePlan
from tests.simulation.stage import play
from tests.simulation.virtual import START
from voicekeeper.core.forecast import Forecast, forecast
from voicekeeper.core.money import Budget, Price
from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.queue import Load
from voicekeeper.core.schedule import Policy
from voicekeeper.core.schedule import plan as planned

EVERY = 30 * MINUTE


def a_plan(seed: int, account: AccountPlan, keep_after: float = 0.0, count: int = 24, left: float = 2 * DAY) -> Plan:
    """Return a plan of voices that were cloned over the last two days, all registered before the first sweep."""
    random = Random(seed)  # noqa: S311 - not for secrets: it has to come out the same again
    voices = tuple(VoicePlan(0, -random.uniform(0, left), 0.0) for _ in range(count))
    bare = plan_of(voices=count)
    hosts = (HostPlan("daemon", EVERY),)
    return replace(
        bare, seed=seed, lifetime=3 * DAY, keep_after=keep_after, accounts=(account,), hosts=hosts, voices=voices
    )


def told(plan: Plan, start: float) -> Forecast:
    """Forecast a plan from its beginning, with the first call at `start`."""
    return forecast(*queue_of(plan, start))


def queue_of(plan: Plan, start: float) -> tuple[list[Load], Pace]:
    """Return a plan's voices as a forecast plays them, and its account's pace."""
    account, policy = plan.accounts[0], Policy(lifetime=timedelta(seconds=plan.lifetime))
    policy = replace(policy, keep_after=timedelta(seconds=plan.keep_after))
    loads = []
    for number, voice in enumerate(plan.voices):
        times = planned(START + timedelta(seconds=voice.cloned_at), None, policy)
        loads.append(Load(instant(times.due_at), instant(times.deadline), 0, number))
    price = Decimal(str(PRICE))
    per_day = None if account.keeps_per_day is None else account.keeps_per_day * price
    pace = Pace(
        as_of=START,
        start=START + timedelta(seconds=start),
        space=timedelta(seconds=account.space),
        price=Price(fee=price),
        budget=Budget(per_day=per_day),
    )
    return loads, pace


@pytest.mark.parametrize(
    ("account", "keep_after"),
    [
        (AccountPlan(rpm=20, real_rpm=20), 0.0),
        (AccountPlan(rpm=0.2, real_rpm=1), 0.0),
        (AccountPlan(rpm=20, real_rpm=20, keeps_per_day=10), 0.0),
        (AccountPlan(rpm=0.1, real_rpm=1, keeps_per_day=11), 1.5 * DAY),
        (AccountPlan(rpm=20, real_rpm=20), 2.5 * DAY),
        (AccountPlan(rpm=20, real_rpm=20, keeps_per_day=5), 0.0),
    ],
    ids=["at once", "slow", "by the day", "slow, late and by the day", "when due", "not all can be saved"],
)
def test_it_comes_as_it_was_told(account: AccountPlan, keep_after: float) -> None:
    """People would plan their money and their limits by calls that are never made, or made on another day."""
    plan = a_plan(7, account, keep_after)
    done = [(call.voice, call.time) for call in play(plan).calls if call.done]
    runs = [(run.key, run.at) for run in told(plan, done[0][1]).runs if run.at is not None]
    assert {voice for voice, _ in done} == {voice for voice, _ in runs}
    assert [voice for voice, _ in done] == [voice for voice, _ in runs]
    late = [time - (at - instant(START)) / 1e6 for (_, time), (_, at) in zip(done, runs, strict=True)]
    assert all(-1 <= wait <= EVERY + 5 for wait in late), "a day's first call waits for the next sweep, no other does"


def test_a_standstill_of_the_length_that_was_told_loses_nothing_and_a_longer_one_does() -> None:
    """People would wait for a provider until it is too late, or spend a night on what is not urgent."""
    plan = a_plan(3, AccountPlan(rpm=1, real_rpm=1), count=16)
    stands = told(plan, 0.0).standstill
    assert stands is not None
    long = stands.total_seconds()
    for outage, lost in ((long - HOUR, False), (long + HOUR, True)):
        history = play(replace(plan, faults=(Fault("blocked", 0.0, outage),)))
        assert (len(history.used) < len(plan.voices)) is lost


@pytest.mark.parametrize(("keep_after", "rpm"), [(DAY, 20), (1.5 * DAY, 0.2)], ids=["24h", "half-life, slow"])
def test_an_outage_loses_what_the_table_of_policies_says(keep_after: float, rpm: float) -> None:
    """The figures of docs/policies.md would be those of another keeper than this one."""
    plan = a_plan(11, AccountPlan(rpm=rpm, real_rpm=20), keep_after)
    loads, pace = queue_of(plan, 0.0)
    begins, ends = 0.25 * DAY, 2.5 * DAY
    history = play(replace(plan, faults=(Fault("blocked", begins, ends),)))
    foretold = gone(loads, called(loads, pace), pace, *(START + timedelta(seconds=at) for at in (begins, ends)))
    assert foretold
    assert set(range(len(loads))) - set(history.used) == foretold
