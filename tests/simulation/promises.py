"""What is promised of every simulation, each promise by itself: it returns what broke it, in words."""

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, pairwise
from math import inf

from tests.simulation.history import Call, Heard, History
from tests.simulation.oracle import Running, Verdict, hopeless
from tests.simulation.plan import HOUR, MINUTE, PRICE, TIMEOUT, Fault, Kind, Plan
from tests.simulation.spans import Span, inside, without

_REPEAT = 4 * HOUR
#: A voice's alert may be told anew at each rung of warning, and where it is lost or resolved.
_RUNGS = 5
#: Messages in an hour: 5, 10, 20 and 40 minutes lie between them, and what is new and urgent comes in between.
_MESSAGES = 12
#: Seconds after which an answer is safe in a file, whatever the registry does.
_SAFE = 3.0
#: Seconds in which nothing happens but what was about to happen.
_MOMENT = 1e-4
#: A call is made at most so long after its voice was claimed.
_CLAIM = 2 * TIMEOUT + 30


def broken(history: History, verdict: Verdict) -> list[str]:
    """Return every broken promise of a simulation."""
    return [f"{name}: {words}" for name, holds in PROMISES.items() for words in holds(history, verdict)]


def lost(history: History) -> set[int]:
    """Return the voices that are gone at the provider although their owner wanted them."""
    plan = history.plan
    wanted = {number for number, voice in enumerate(plan.voices) if voice.wanted_at < inf and not _let_go(plan, number)}
    return wanted - set(history.used)


def _let_go(plan: Plan, voice: int) -> bool:
    """Tell whether its owner did not want a voice any more at its deadline."""
    unsure, deadline = sum(abs(step.number) for step in plan.of("clock step")), plan.deadline(voice)
    return any(fault.start - unsure <= deadline < fault.end + unsure for fault in _releases(plan, voice))


def _releases(plan: Plan, voice: int) -> list[Fault]:
    return [fault for fault in plan.of("held", who=voice) if fault.number]


def lost_savable(history: History, verdict: Verdict) -> set[int]:
    """Return the voices that were lost and could have been saved; of a crowd, as many as were lost too many."""
    gone = lost(history)
    names = gone & verdict.savable
    for account, crowd in verdict.crowded.items():
        too_many = len(gone & crowd.voices) - (len(crowd.voices) - crowd.could) - len(_wasting(history, account))
        names |= set(sorted(gone & crowd.voices)[: max(too_many, 0)])
    return names


def _wasting(history: History, account: int) -> set[int]:
    """Return the voices that take a call more than the oracle counts, which a crowd has to spare for them.

    One that cannot be saved is among them: nobody knows before the call.
    """
    kinds: tuple[Kind, ...] = ("refused", "poisoned", "broken", "missing")
    return {fault.who for fault in history.plan.of(*kinds) if history.plan.voices[fault.who].account == account}


def called_twice(history: History) -> list[Call]:
    """Return the calls that were made for a voice already kept, where a look would have shown it."""
    awake = (call for call in history.calls if not call.slept)
    return [call for call in awake if call.recorded or (call.again and call.done and _shown(history, call))]


def unwarned(history: History, _: Verdict | None = None) -> list[int]:
    """Return the voices that were lost in silence although there was time to tell."""
    return [voice for voice in sorted(lost(history)) if _could_tell(history, voice) and not _was_told(history, voice)]


def _none_lost(history: History, verdict: Verdict) -> list[str]:
    return [_line(history, voice) for voice in sorted(lost_savable(history, verdict))]


def _none_twice(history: History, _: Verdict) -> list[str]:
    return [f"{call}" for call in called_twice(history)]


def _shown(history: History, call: Call) -> bool:
    """Tell whether the provider's list would have shown a voice right before this call."""
    plan, account = history.plan, history.plan.voices[call.voice].account
    if not plan.accounts[account].has_list:
        return False
    hides = plan.of("outage", "timeout", "blocked", "error", "list down", "list empty", who=account)
    return not any(fault.start <= call.time and fault.end >= call.time - MINUTE for fault in hides)


def _one_fee(history: History, _: Verdict) -> list[str]:
    paid = ((voice, sum(costs)) for voice, costs in sorted(history.costs.items()))
    return [f"voice {voice} cost {cost}" for voice, cost in paid if cost > PRICE + 0.01]


def _agree(history: History, _: Verdict) -> list[str]:
    """Registry and provider say the same at the end; of a voice that its provider denies nobody knows better."""
    said = {voice for voice, row in history.rows.items() if row["status"] == "kept"}
    truth = set(history.used)
    wrong = [f"voice {voice} counts as kept and is not" for voice in sorted(said - truth)]
    missed = sorted(voice for voice in truth - said if not hopeless(history.plan, voice))
    return wrong + [f"voice {voice} is kept and counts as {history.rows[voice]['status']}" for voice in missed]


def _none_in_silence(history: History, _: Verdict) -> list[str]:
    return [_line(history, voice) for voice in unwarned(history)]


def _could_tell(history: History, voice: int) -> bool:
    """Tell whether instances, registry and channel worked together in the last hours before the deadline."""
    plan = history.plan
    slack = 2 * sum(abs(step.number) for step in plan.of("clock step"))
    start, end = _telling_span(plan, voice)
    holes = [
        (fault.start, fault.end + 16 * MINUTE) for fault in plan.of("channel down", "registry down", "commit lost")
    ]
    holes += [(fault.start, fault.end + MINUTE) for fault in _releases(plan, voice)]
    running = Running(history)
    for first, last in inside(without(running.alive, holes), start + slack, end - slack):
        sweep = running.sweep(running.sweep(first) + 3 * MINUTE)
        if sweep + 3 * MINUTE < last and not any(a <= sweep <= b for a, b in running.troubled):
            return True
    return False


def _telling_span(plan: Plan, voice: int) -> Span:
    """Return when an alert for a voice can be raised: from its due time on, at most twelve hours before its end."""
    planned, deadline = plan.voices[voice], plan.deadline(voice)
    room = min(plan.lifetime / 8, HOUR)
    due = planned.cloned_at + min(plan.keep_after, plan.lifetime - room)
    known = max(planned.registered_at, due) + TIMEOUT
    return max(known, deadline - min(12 * HOUR, plan.lifetime / 2)), deadline


def _was_told(history: History, voice: int) -> bool:
    deadline, row = history.plan.deadline(voice), history.rows[voice]
    account = f"account/account-{history.plan.voices[voice].account}/"
    mine = (f"voice/{row['id']}/", account)
    return any(told.time < deadline and told.key.startswith(mine) and not told.resolved for told in history.told)


def _no_storm(history: History, _: Verdict) -> list[str]:
    """No alert is told more often than at its rungs and every few hours while it lasts."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for told in history.told:
        times[told.key].append(told.time)
    again = _RUNGS + 2 + len(history.crashes) + history.injected.get("commit lost", 0)
    again += history.injected.get("registry down", 0) + _pauses(history)
    return [f"{key} told {len(told)} times" for key, told in times.items() if _quick(told) > again]


def _few_messages(history: History, _: Verdict) -> list[str]:
    """No hour brings more messages than a person can read, however many voices are concerned."""
    times = history.messages
    crowds = [sum(start <= time < start + HOUR for time in times[place:]) for place, start in enumerate(times)]
    return [f"{most} in an hour" for most in (max(crowds, default=0),) if most > _MESSAGES]


def _quick(times: list[float]) -> int:
    """Count how often something was told again sooner than it is to be repeated."""
    return sum(later - earlier < _REPEAT - MINUTE for earlier, later in pairwise(times))


def _pauses(history: History) -> int:
    plan = history.plan
    few = len(plan.of("blocked", "asleep", "held", "retried"))
    return 2 * few + 8 * len(plan.of("poisoned"))


def _in_budget(history: History, _: Verdict) -> list[str]:
    """No day's first uses cost more than its budget."""
    days: defaultdict[tuple[int, float], int] = defaultdict(int)
    for voice, time in history.used.items():
        days[history.plan.voices[voice].account, time // (24 * HOUR)] += 1
    limits = [account.keeps_per_day for account in history.plan.accounts]
    return [
        f"account {account} paid for {count} voices on day {day:g}"
        for (account, day), count in days.items()
        if (limit := limits[account]) is not None and count > limit and not history.plan.of("clock step")
    ]


def _in_rate(history: History, _: Verdict) -> list[str]:
    """No minute sees more calls than are configured, over all instances together.

    What a machine had a slot for when it fell asleep, and calls when it wakes up within its lease, is left out.
    """
    if history.plan.of("clock step"):
        return []
    by_account: defaultdict[int, list[float]] = defaultdict(list)
    awake = (call for call in history.calls if not _woken(history.plan, call))
    for call in sorted(awake, key=lambda call: call.time):
        by_account[history.plan.voices[call.voice].account].append(call.time)
    found = []
    for account, times in by_account.items():
        rpm = int(history.plan.accounts[account].rpm)
        crowded = [time for time, later in zip(times, times[rpm:], strict=False) if later - time < MINUTE]
        found += [f"account {account} made over {rpm} calls in the minute from {time:.1f}" for time in crowded[:1]]
    return found


def _woken(plan: Plan, call: Call) -> bool:
    """Tell whether a call was made in the moment its machine woke up: what it claims after that takes longer."""
    return any(fault.end <= call.time < fault.end + _MOMENT for fault in plan.of("asleep", who=call.host))


def _none_forgotten(history: History, _: Verdict) -> list[str]:
    """Every answer that an instance has heard is in the registry's evidence; one that says "not found" is asked about.

    Only an instance that died with it on its lips may have taken it along.
    """
    heard = [one for one in history.heard if one.outcome != "not_found" and one.trace not in history.recorded]
    return [f"{one}" for one in heard if not _died_soon(history, one)]


def _none_begun_twice(history: History, _: Verdict) -> list[str]:
    """No task is begun while an earlier one of the same voice is known, may still come to something, and is not old."""
    if history.plan.of("clock step"):
        return []
    return [
        f"{later} after {first}"
        for first, later in combinations(history.tasks, 2)
        if first.voice == later.voice
        and first.noted + _CLAIM < later.begun < first.begun + HOUR - MINUTE
        and not first.failed
    ]


def _died_soon(history: History, one: Heard) -> bool:
    return any(one.time <= end <= one.time + _SAFE for end in history.killed[one.host])


def _none_on_hold(history: History, _: Verdict) -> list[str]:
    """No call is begun for a voice whose owner has put it on hold or let it go, but for what was claimed before."""
    return [f"{call}" for call in history.calls if _on_hold(history.plan, call)]


def _on_hold(plan: Plan, call: Call) -> bool:
    wishes = plan.of("held", "retried", who=call.voice)
    return len(wishes) == 1 and wishes[0].kind == "held" and wishes[0].start + _CLAIM < call.time < wishes[0].end


def _none_cut(history: History, _: Verdict) -> list[str]:
    """No call is cut but by who was told twice to end."""
    hasty = [fault for fault in history.plan.of("stopped") if fault.number]
    told = [(time, host) for time, host in history.cuts if not any(_told_twice(fault, time, host) for fault in hasty)]
    return [f"host {host} cut a call at {time:.1f}" for time, host in told]


def _told_twice(fault: Fault, time: float, host: int) -> bool:
    return fault.who == host and fault.start + fault.number <= time + _MOMENT


def _no_mistake(history: History, _: Verdict) -> list[str]:
    return history.mistakes


def _line(history: History, voice: int) -> str:
    row = history.rows.get(voice, {})
    return f"voice {voice} ({row.get('status')}, {row.get('attempts')} tries, last {row.get('last_outcome')})"


PROMISES: dict[str, Callable[[History, Verdict], list[str]]] = {
    "a savable voice was lost": _none_lost,
    "a voice already kept was called": _none_twice,
    "more than one fee was recorded": _one_fee,
    "registry and provider disagree": _agree,
    "a voice was lost in silence": _none_in_silence,
    "alerts came as a storm": _no_storm,
    "messages came as a storm": _few_messages,
    "a budget was exceeded": _in_budget,
    "a rate was exceeded": _in_rate,
    "an answer was forgotten": _none_forgotten,
    "a task was begun twice": _none_begun_twice,
    "a voice on hold was called": _none_on_hold,
    "a call was cut without need": _none_cut,
    "voicekeeper itself failed": _no_mistake,
}
