"""One seed played and judged; and the smallest plan that still fails, found by leaving things out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tests.simulation.history import History
from tests.simulation.oracle import Verdict, judge
from tests.simulation.plan import OF_HOSTS, OF_VOICES, Fault, Kind, Plan
from tests.simulation.planning import random_plan
from tests.simulation.promises import broken
from tests.simulation.stage import play


@dataclass(frozen=True, slots=True)
class Trial:
    """A simulation with what the oracle says of it and the promises that it broke."""

    history: History
    verdict: Verdict
    broken: list[str]


def try_seed(seed: int) -> Trial:
    """Play the plan of a seed and judge it."""
    return try_plan(random_plan(seed))


def try_plan(plan: Plan) -> Trial:
    """Play a plan and judge it."""
    history = play(plan)
    verdict = judge(history)
    return Trial(history, verdict, broken(history, verdict))


def shrunk(plan: Plan, fails: Callable[[Plan], bool] = lambda plan: bool(try_plan(plan).broken)) -> Plan:
    """Return a plan that still fails and fails no more with any one fault, voice or host less."""
    smaller = next((less for less in _smaller(plan) if fails(less)), None)
    return plan if smaller is None else shrunk(smaller, fails)


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with one thing less, the largest things first."""
    if len(plan.voices) > 1:
        half = len(plan.voices) // 2
        yield _of_voices(plan, range(half))
        yield _of_voices(plan, range(half, len(plan.voices)))
    for number in range(len(plan.faults)):
        yield replace(plan, faults=plan.faults[:number] + plan.faults[number + 1 :])
    if len(plan.hosts) > 1:
        for host in range(len(plan.hosts)):
            yield _of_hosts(plan, [other for other in range(len(plan.hosts)) if other != host])
    if len(plan.voices) > 1:
        for voice in range(len(plan.voices)):
            yield _of_voices(plan, [other for other in range(len(plan.voices)) if other != voice])


def _of_voices(plan: Plan, kept: "range | list[int]") -> Plan:
    faults = _of(plan.faults, list(kept), OF_VOICES)
    return replace(plan, voices=tuple(plan.voices[voice] for voice in kept), faults=faults)


def _of_hosts(plan: Plan, kept: list[int]) -> Plan:
    faults = _of(plan.faults, kept, OF_HOSTS)
    return replace(plan, hosts=tuple(plan.hosts[host] for host in kept), faults=faults)


def _of(faults: tuple[Fault, ...], kept: list[int], kinds: tuple[Kind, ...]) -> tuple[Fault, ...]:
    """Return the faults that are left when only some voices or hosts are, numbered as these are now."""
    left = (fault for fault in faults if fault.kind not in kinds or fault.who in kept)
    return tuple(replace(f, who=kept.index(f.who)) if f.kind in kinds else f for f in left)
