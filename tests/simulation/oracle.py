"""Which voices could have been saved: earliest deadline first over the same capacity, with no code of voicekeeper's.

The oracle knows the plan and when instances ran. A keeper can only react: it does not know when an outage ends. So
a voice counts as savable from the moment by which the documented waits have brought its next try, no earlier; the
waits are those of docs/reliability.md. From then on, until the next thing goes wrong, it can be called; each account
calls one voice after the other, earliest deadline first, as fast as its rate and its budget allow.
"""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from tests.simulation.history import Call, History
from tests.simulation.plan import DAY, HOUR, MINUTE, TIMEOUT, Fault, Kind, Plan
from tests.simulation.spans import Span, inside, union, without

#: The longest wait of the retry table with its jitter, the share of the time left that caps it, and the shortest.
_LONGEST, _SHARE, _SHORTEST = 6 * HOUR * 1.1, 8, MINUTE
#: A lease outlives two timeouts and 30 seconds; the answer itself takes one timeout, and settling it some seconds.
_LEASE, _ANSWER = 2 * TIMEOUT + 30, TIMEOUT + 20
#: Where nothing is slow, an answer comes at once.
_QUICK_ANSWER = 10.0
#: A paused account is probed every ten minutes, and every second probe may be spent on one poisoned voice;
#: a voice that was blocked steps back a minute.
_PAUSE = 20 * MINUTE + MINUTE
#: A throttled account waits a minute at most, unless it was asked to wait longer; so does the voice.
_THROTTLE = 2 * MINUTE
#: With less than this left for its call, a voice is given up first where not all can be saved.
_CALL = 5.0
#: Seconds in which a task is begun, ends, and is seen to have ended.
_TASK = 8.0
#: Tries that the retry table makes in a voice's last hour, all of them in vain where answers are lost.
_REPEATED = 23
#: A voice that is not found so long may be given up: three answers over an hour.
_GIVEN_UP = 50 * MINUTE

_STOPS: tuple[Kind, ...] = ("outage", "error", "throttled", "asked to wait", "timeout", "blocked", "flaky")
_STOPS_VOICE: tuple[Kind, ...] = ("missing", "poisoned", "broken", "held")
_STOPS_ALL: tuple[Kind, ...] = ("registry down", "commit lost")


@dataclass(frozen=True, slots=True)
class Crowd:
    """The voices of one account that had their chance, though only so many `could` be saved."""

    voices: set[int]
    could: int


@dataclass(slots=True)
class Verdict:
    """What the oracle says of one simulation, by the voices' numbers.

    `savable` voices could each have been saved; `crowded` are, by account, those of whom not all could.
    """

    savable: set[int] = field(default_factory=set)
    crowded: dict[int, Crowd] = field(default_factory=dict)


def judge(history: History) -> Verdict:
    """Say which voices could have been saved."""
    plan, verdict = history.plan, Verdict()
    running = Running(history)
    for number in range(len(plan.accounts)):
        mine = [voice for voice, planned in enumerate(plan.voices) if planned.account == number]
        chances = {voice: _chances(plan, voice, running) for voice in mine}
        having = {voice for voice in mine if chances[voice]}
        had = {voice: chances[voice] for voice in having}
        saved = _earliest_first(plan, number, had, _charged(history, number, having), _taken(history, number, having))
        if saved == having:
            verdict.savable |= having
        else:
            verdict.crowded[number] = Crowd(having, len(saved))
    return verdict


class Running:
    """When instances ran, and when each would sweep next."""

    def __init__(self, history: History) -> None:
        self.history = history
        plan = self.plan = history.plan
        asleep = [[(f.start, f.end) for f in plan.of("asleep", who=host)] for host in range(len(plan.hosts))]
        self.lives = [without(lives, asleep[host]) for host, lives in enumerate(history.lives)]
        self.alive = union(span for spans in self.lives for span in spans)
        stops = [*history.crashes, *history.standstills]
        # Whoever stands still holds what it has claimed as long as one that has died: until its leases end.
        self.troubled = union((stop - _ANSWER - TIMEOUT, stop + _LEASE) for stop in stops)

    def leases_end(self, moment: float) -> float:
        """Return when no instance that died or stands still can hold a voice any more."""
        return next((end for start, end in self.troubled if start <= moment <= end), moment)

    def sweep(self, after: float) -> float:
        """Return by when some instance has begun a sweep after a moment."""
        return min((self._of(host, after) for host in range(len(self.lives))), default=float("inf"))

    def _of(self, host: int, after: float) -> float:
        if self.plan.hosts[host].runs == "daemon":
            lives = (life for life in self.history.lives[host] if life[1] > after)
            return next((begun for life in lives if (begun := self._tick(host, life, after)) < life[1]), float("inf"))
        every = self.plan.hosts[host].every
        begins = ((max(start, after) // every + 1) * every for start, _ in self.lives[host])
        ends = (end for _, end in self.lives[host])
        return next((begun for begun, end in zip(begins, ends, strict=True) if begun < end), float("inf"))

    def _tick(self, host: int, life: Span, after: float) -> float:
        """Return when a daemon makes its first regular sweep after a moment, which its own round may cost one tick."""
        every = self.plan.hosts[host].every
        began = next((time for time in self.history.ticking[host] if life[0] <= time < life[1]), float("inf"))
        if after <= began:
            tick = began
        elif self.plan.of("clock step", who=host):
            tick = after + every
        else:
            tick = began + ceil((after - began) / every) * every
            while any(start < tick - 1 and tick < end for start, end in self.history.rounds[host]):
                tick += every
        asleep = (fault.end for fault in self.plan.of("asleep", who=host) if fault.covers(tick))
        return max(tick, *asleep, tick) + 1


def _chances(plan: Plan, voice: int, running: Running) -> list[Span]:
    """Return when a voice could be called by a keeper that reacts as it is documented."""
    off, ahead = _unsteadiness(plan)
    planned, deadline = plan.voices[voice], plan.deadline(voice) - ahead
    known = max(planned.registered_at, planned.wanted_at, _due(plan, voice), 0.0) + off
    if hopeless(plan, voice, off):
        return []
    stops = _stops(plan, voice)
    open_spans = inside(without(running.alive, [(f.start, f.end) for f in stops]), known, deadline)
    reacted = [(_reaction(plan, voice, start, known, deadline, stops, running) + off, end) for start, end in open_spans]
    answer, begins = _answer(plan, planned.account), {start for start, _ in reacted}
    steady = without([span for span in reacted if span[0] < span[1] - answer], running.troubled)
    # What an instance held that died or stands still is taken up by the next sweep, not at once.
    swept = ((start if start in begins else running.sweep(start), end) for start, end in steady)
    return [span for span in swept if span[0] < span[1]]


def _answer(plan: Plan, account: int) -> float:
    """Return how long a call of an account takes at most, until it is settled."""
    slow = plan.of("slow", "timeout", "answer lost", "flaky", who=account) or plan.accounts[account].tasks
    return _ANSWER if slow else _QUICK_ANSWER


def _unsteadiness(plan: Plan) -> tuple[float, float]:
    """Return how far steps of clocks can prolong waits altogether, and how far a clock may be ahead."""
    steps = plan.of("clock step")
    return 2 * sum(abs(step.number) for step in steps), max((step.number for step in steps), default=0.0)


def _due(plan: Plan, voice: int) -> float:
    """Return when a voice comes due: late enough to leave its owner a choice, early enough for some tries."""
    last_room = min(plan.lifetime / 8, HOUR)
    return plan.voices[voice].cloned_at + min(plan.keep_after, plan.lifetime - last_room)


def hopeless(plan: Plan, voice: int, off: float = 0.0) -> bool:
    """Tell whether a voice may be given up: its provider says again and again that there is no such voice."""
    missing = plan.of("missing", who=voice)
    return any(fault.end - fault.start > _GIVEN_UP or off for fault in missing)


def _stops(plan: Plan, voice: int) -> list[Fault]:
    """Return everything that keeps a voice from being called with success."""
    account = plan.voices[voice].account
    stops = [*plan.of(*_STOPS, who=account), *plan.of(*_STOPS_VOICE, who=voice), *plan.of(*_STOPS_ALL)]
    return stops + _unheard(plan, account)


def _unheard(plan: Plan, account: int) -> list[Fault]:
    """Return the faults during which an account that was paused stays so: no answer tells that it is open again."""
    poisoned = [fault for fault in plan.of("poisoned") if plan.voices[fault.who].account == account]
    pauses = [*plan.of("blocked", who=account), *poisoned]
    lost = plan.of("answer lost", who=account) if _hides(plan, account) else []
    return [one for one in lost if any(one.start < fault.end + _PAUSE and fault.start < one.end for fault in pauses)]


def _hides(plan: Plan, account: int) -> bool:
    """Tell whether no list shows which of an account's voices are kept, or not at any time."""
    return not plan.accounts[account].has_list or bool(plan.of("list down", "list empty", who=account))


def _reaction(
    plan: Plan, voice: int, start: float, known: float, deadline: float, stops: list[Fault], running: Running
) -> float:
    """Return by when the next try is made after things went well again."""
    before = [fault for fault in stops if fault.kind != "held" and known - _ANSWER <= fault.end <= start + 1]
    untried = start <= known and not before
    tries = 2 if plan.of("refused", who=voice) else 1
    tries += bool(plan.accounts[plan.voices[voice].account].tasks and plan.of("slow", who=plan.voices[voice].account))
    moment = running.leases_end(start) if untried else _next_try(start, deadline)
    for _ in range(tries - 1):
        moment = _next_try(running.sweep(moment) + _ANSWER, deadline)
    account = plan.voices[voice].account
    paused = _paused(plan, account, start, deadline)
    moment = running.sweep(moment + _slowed(plan, account, start) + (_PAUSE if paused else 0.0))
    return running.sweep(moment) if paused else moment


def _next_try(after: float, deadline: float) -> float:
    """Return by when a voice is tried again that failed just before."""
    return after + min(_LONGEST, max(_SHORTEST, (deadline - after) / _SHARE)) + _ANSWER


def _slowed(plan: Plan, account: int, start: float) -> float:
    """Return how long an account's voices wait at most because its provider asks it to slow down."""
    asked = max((f.number for f in plan.of("asked to wait", who=account) if f.start < start), default=0.0)
    throttled = any(f.start < start for f in plan.of("throttled", "asked to wait", "flaky", who=account))
    slowed = plan.accounts[account].real_rpm < plan.accounts[account].rpm
    return asked + (_THROTTLE if throttled or slowed else 0.0)


def _paused(plan: Plan, account: int, start: float, deadline: float) -> bool:
    """Tell whether an account may still be paused at a moment, or be paused again by one voice before a deadline."""
    poisoned = (fault for fault in plan.of("poisoned") if plan.voices[fault.who].account == account)
    again = any(fault.start < deadline and fault.end + _PAUSE > start for fault in poisoned)
    return again or any(fault.start < start for fault in plan.of("blocked", who=account))


def _space(plan: Plan, number: int, time: float) -> float:
    """Return the seconds that one call of an account, or all that a voice gets, takes from the next at that time."""
    account = plan.accounts[number]
    usual, slowest = (_TASK, TIMEOUT) if account.tasks else (0.2, 0.8 * TIMEOUT)
    slow = slowest if plan.of("slow", who=number) else usual
    lost = TIMEOUT if plan.of("answer lost", "timeout", "flaky", who=number) else 0.0
    lost *= _REPEATED if _in_doubt(plan, number, time) else 1
    # Where the provider allows less than was configured, half of the calls are turned away and waited for.
    allowed = account.space if account.real_rpm >= account.rpm else 4 * 60 / account.real_rpm
    return max(allowed, max(slow, lost) / account.concurrency + 0.1)


def _in_doubt(plan: Plan, number: int, time: float) -> bool:
    """Tell whether an account's calls may work without anybody knowing: so they are made again and again."""
    return _hides(plan, number) and any(fault.covers(time) for fault in plan.of("answer lost", who=number))


def _charged(history: History, number: int, having: set[int]) -> Counter[float]:
    """Return for each day how many fees an account may have paid for other voices than those kept that day.

    Nothing is spent beyond a budget, so it holds back what a call may have cost whose answer nobody has. What an
    instance that stood still or died was about to call may be such a call too. A voice that was kept although the
    oracle saw no chance for it has its fee all the same.
    """
    plan, account = history.plan, history.plan.accounts[number]
    unknown = {(call.voice, call.time // DAY) for call in history.calls if call.outcome == "ambiguous"}
    kept = {(voice, time // DAY) for voice, time in history.used.items()}
    doubts = Counter(day for voice, day in unknown - kept if plan.voices[voice].account == number)
    doubts += Counter(day for voice, day in kept if plan.voices[voice].account == number and voice not in having)
    days = {stop // DAY for stop in (*history.crashes, *history.standstills)}
    return doubts + Counter(dict.fromkeys(days, account.concurrency))


def _taken(history: History, number: int, having: set[int]) -> list[float]:
    """Return when an account's calls went to voices that the oracle would not have called, but a keeper may.

    They were kept although it saw no chance, or called so late that it would not have: nobody knows before how long
    an answer takes, but for the seconds that any call may take. An owner's retry may come at any time.
    """
    plan, answer = history.plan, _answer(history.plan, number)
    retried = {fault.who for fault in plan.of("retried")}

    def is_taken(call: Call) -> bool:
        left = plan.deadline(call.voice) - call.time
        late = call.voice not in history.used and left < answer and (left > _CALL or call.voice in retried)
        return late or (call.done and not call.again and call.voice not in having)

    mine = (call for call in history.calls if plan.voices[call.voice].account == number)
    return sorted(call.time for call in mine if is_taken(call))


def _earliest_first(
    plan: Plan, number: int, chances: dict[int, list[Span]], doubts: Counter[float], taken: list[float]
) -> set[int]:
    """Play the earliest deadline first over one account's calls, but those taken; return the voices that are saved."""
    account, answer = plan.accounts[number], _answer(plan, number)
    coming = sorted((start, end, voice) for voice, spans in chances.items() for start, end in spans)
    ready: list[tuple[float, float, int]] = []
    saved: set[int] = set()
    spent = doubts.copy()
    time = 0.0
    while coming or ready:
        change = time if ready else max(time, coming[0][0])
        if taken and taken[0] <= change:
            time = max(time, taken.pop(0))
            time += _space(plan, number, time)
            continue
        time = change
        while coming and coming[0][0] <= time:
            _, end, voice = coming.pop(0)
            heapq.heappush(ready, (plan.deadline(voice), end, voice))
        _, end, voice = heapq.heappop(ready)
        if voice in saved or end <= time + answer:
            continue
        day = time // DAY
        if account.keeps_per_day is not None and spent[day] >= account.keeps_per_day:
            heapq.heappush(ready, (plan.deadline(voice), end, voice))
            time = (day + 1) * DAY + 2 * HOUR
            continue
        saved.add(voice)
        spent[day] += 1
        time += _space(plan, number, time)
    return saved
