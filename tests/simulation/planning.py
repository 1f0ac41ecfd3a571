"""Plans at random: everything about a plan follows from its seed."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.simulation.plan import DAY, HOUR, MINUTE, AccountPlan, Fault, HostPlan, Kind, Plan, VoicePlan

#: Kinds of faults by whom they concern, and how often each is taken.
_OF_ACCOUNTS: dict[Kind, int] = {
    "outage": 4,
    "error": 2,
    "throttled": 2,
    "asked to wait": 1,
    "timeout": 2,
    "answer lost": 3,
    "blocked": 3,
    "slow": 1,
    "flaky": 2,
    "list down": 1,
    "list empty": 1,
}
_OF_VOICES: dict[Kind, int] = {"missing": 2, "refused": 2, "poisoned": 1, "broken": 2, "held": 1, "retried": 1}
_OF_ALL: dict[Kind, int] = {"registry down": 2, "commit lost": 1, "channel down": 2}
_OF_HOSTS: dict[Kind, int] = {"crash": 6, "asleep": 3, "clock step": 2, "stopped": 3, "reloaded": 2}
#: A plan has up to so many voices that come one by one.
SINGLE_VOICES = 5


def random_plan(seed: int) -> Plan:
    """Return the plan of a seed."""
    random = Random(seed)  # noqa: S311 - not for secrets: a plan has to come out the same again
    lifetime = random.choice((12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR))
    accounts = tuple(_account(random) for _ in range(random.choice((1, 1, 1, 2, 3))))
    budgeted = any(account.keeps_per_day is not None for account in accounts)
    hosts = tuple(_host(random, slow=budgeted) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))))
    span = random.choice((0.0, 0.5, 1.0, 3.0)) * lifetime
    voices = tuple(_voices(random, len(accounts), span, lifetime))
    keep_after = random.choice((0.0, 0.0, 0.0, lifetime / 2, lifetime * 0.9))
    bare = Plan(seed, lifetime, keep_after, accounts, hosts, voices, ())
    faults = [fault for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4))) for fault in faults_for(random, bare)]
    return Plan(seed, lifetime, keep_after, accounts, hosts, voices, tuple(faults))


def _account(random: Random) -> AccountPlan:
    rpm = random.choice((1.0, 5.0, 20.0, 60.0))
    real = rpm if random.random() < 0.8 else max(rpm / 2, 1.0)
    budget = random.choice((1, 2, 5)) if random.random() < 0.07 else None
    concurrency, has_list = random.choice((1, 2, 4)), random.random() < 0.7
    return AccountPlan(rpm, real, concurrency, has_list, budget, tasks=concurrency > 1 and not has_list)


def _host(random: Random, *, slow: bool) -> HostPlan:
    if random.random() < 0.6:
        return HostPlan("daemon", random.choice((30, 60) if slow else (1, 5, 15, 30)) * MINUTE)
    return HostPlan("cron", random.choice((15, 30, 60)) * MINUTE)


def _voices(random: Random, accounts: int, span: float, lifetime: float) -> list[VoicePlan]:
    """Return single voices and, in some plans, a bulk of them that is imported late."""
    alone = [_voice(random, accounts, span, lifetime) for _ in range(random.randint(1, SINGLE_VOICES))]
    if random.random() < 0.8:
        return alone
    account, registered_at = random.randrange(accounts), random.uniform(0, span)
    left = random.choice((0.002, 0.01, 0.1, 0.5)) * lifetime
    cloned_at = registered_at + left - lifetime
    bulk = random.choice((5, 5, 5, 10, 10, 40))
    return alone + [VoicePlan(account, cloned_at + random.uniform(0, left), registered_at) for _ in range(bulk)]


def _voice(random: Random, accounts: int, span: float, lifetime: float) -> VoicePlan:
    cloned_at = random.uniform(0, span)
    late = random.choice((0.0, 0.0, 0.0, 0.1, 0.9)) * lifetime * random.random()
    hold = random.random()
    wanted = cloned_at + random.random() * lifetime if hold < 0.1 else float("inf") if hold < 0.15 else 0.0
    return VoicePlan(random.randrange(accounts), cloned_at, cloned_at + late, wanted)


def faults_for(random: Random, plan: Plan) -> list[Fault]:
    """Return one fault, or what belongs together: a machine's clock steps back as far as it stepped forward."""
    among, choose = random.choice(_FAULTS)
    kind = random.choices(list(among), list(among.values()))[0]
    return choose(random, plan, kind)


def _window(random: Random, plan: Plan, longest: float) -> tuple[float, float]:
    """Return a window after a voice's registration, around its deadline, or from the one to just before the other."""
    voice = random.randrange(len(plan.voices))
    registered, deadline = max(plan.voices[voice].registered_at, 0.0), plan.deadline(voice)
    length = min(10 ** random.uniform(1.3, 5.2), longest)
    start = random.choice(
        (
            registered,
            registered + random.random() * plan.lifetime / 2,
            deadline - length * random.uniform(0.5, 1.5),
        )
    )
    left = 10 ** random.uniform(2.0, 4.3)
    # Every voice is tried some sixty times in so long a window: that is for small plans.
    if random.random() < 2 / len(plan.voices) * DAY / plan.lifetime / 4 and registered < deadline - left:
        return max(registered, deadline - left - longest), deadline - left
    return max(start, 0.0), max(start, 0.0) + length


def _of_account(random: Random, plan: Plan, kind: Kind) -> list[Fault]:
    start, end = _window(random, plan, _LONGEST.get(kind, plan.lifetime * 0.8))
    return [Fault(kind, start, end, random.randrange(len(plan.accounts)), random.choice((5.0, 60.0, 600.0)))]


def _of_voice(random: Random, plan: Plan, kind: Kind) -> list[Fault]:
    voice = random.randrange(len(plan.voices))
    start, end = _window(random, plan, 3 * HOUR if kind == "missing" else plan.lifetime)
    if kind == "refused":
        start, end = 0.0, plan.deadline(voice)
    if kind == "poisoned":  # for a day at most: its account is probed every ten minutes
        start = max(plan.voices[voice].registered_at, 0.0)
        end = min(start + DAY, plan.deadline(voice))
    if kind in ("held", "retried"):
        return _of_owner(random, plan, Fault(kind, start, end, voice))
    return [Fault(kind, start, end, voice)]


def _of_owner(random: Random, plan: Plan, wish: Fault) -> list[Fault]:
    """Return what an owner changes once a voice is registered; one that is on hold already stays so."""
    start = max(wish.start, plan.voices[wish.who].registered_at) + MINUTE
    if plan.voices[wish.who].wanted_at:
        return []
    return [replace(wish, start=start, end=max(wish.end, start + MINUTE), number=float(random.randrange(2)))]


def _of_all(random: Random, plan: Plan, kind: Kind) -> list[Fault]:
    return [Fault(kind, *_window(random, plan, _LONGEST.get(kind, DAY)))]


def _of_host(random: Random, plan: Plan, kind: Kind) -> list[Fault]:
    start, end = _window(random, plan, plan.lifetime / 2)
    host = random.randrange(len(plan.hosts))
    steps, seconds = random.randrange(30), random.choice((-1, 1)) * 10 ** random.uniform(0, 3.9)
    if kind == "reloaded":
        kind, end = ("reloaded", start) if plan.hosts[host].runs == "daemon" else ("stopped", end)
    # Half of them sleep at once.
    number = {"crash": steps, "asleep": steps if steps % 2 else 0, "clock step": seconds, "stopped": steps % 3 * 5}
    return [Fault(kind, start, end, host, float(number.get(kind, 0)))]


#: Seconds; the others may last for most of a voice's life.
_LONGEST: dict[Kind, float] = {
    "blocked": 6 * HOUR,
    "slow": 6 * HOUR,
    "throttled": 2 * DAY,  # a call every minute
    "asked to wait": 2 * DAY,
    "commit lost": 10 * MINUTE,
    "flaky": 6 * HOUR,
}
_Choice = Callable[[Random, Plan, Kind], list[Fault]]
_FAULTS: tuple[tuple[dict[Kind, int], _Choice], ...] = (
    (_OF_ACCOUNTS, _of_account),
    (_OF_ACCOUNTS, _of_account),
    (_OF_VOICES, _of_voice),
    (_OF_ALL, _of_all),
    (_OF_HOSTS, _of_host),
    (_OF_HOSTS, _of_host),
)
