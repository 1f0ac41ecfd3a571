"""The provider's side: the emulator's world, and between it and the keeper what the plan lets go wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.simulation.history import Call, Heard, History
from tests.simulation.life import Life
from tests.simulation.plan import TIMEOUT, Fault, Kind, Plan
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Origin
from voicekeeper.emulator.records import Reason, Refused
from voicekeeper.emulator.world import World
from voicekeeper.providers import Listed, Listing, Note

_FIRST_TEXT = "Hi."


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault makes of a call: its answer, whether it was done all the same, and how long it takes."""

    outcome: Outcome
    done: bool = False
    seconds: float = 0.2
    wait: bool = False


_EFFECTS: dict[Kind, Effect] = {
    "outage": Effect(Outcome.TRANSIENT, seconds=0.05),
    "error": Effect(Outcome.TRANSIENT),
    "throttled": Effect(Outcome.THROTTLED),
    "asked to wait": Effect(Outcome.THROTTLED, wait=True),
    "timeout": Effect(Outcome.AMBIGUOUS, seconds=TIMEOUT),
    "answer lost": Effect(Outcome.AMBIGUOUS, done=True, seconds=TIMEOUT),
    "blocked": Effect(Outcome.BLOCKED),
    "slow": Effect(Outcome.KEPT, done=True, seconds=0.8 * TIMEOUT),
    "missing": Effect(Outcome.NOT_FOUND),
    "refused": Effect(Outcome.REFUSED),
    "poisoned": Effect(Outcome.BLOCKED),
    "broken": Effect(Outcome.TRANSIENT),
}
_WORKS = Effect(Outcome.KEPT, done=True)
_FLAKY: tuple[Kind, ...] = ("outage", "error", "throttled", "timeout", "answer lost")
#: The first that applies decides, the ones further from the voice before the nearer ones.
_ACCOUNT: tuple[Kind, ...] = ("outage", "timeout", "blocked", "throttled", "asked to wait", "error", "flaky")
_VOICE: tuple[Kind, ...] = ("missing", "poisoned", "broken", "refused")
_LATE: tuple[Kind, ...] = ("answer lost", "slow")
_NO_LIST: tuple[Kind, ...] = ("outage", "timeout", "blocked", "error", "list down")


class Upstream:
    """The one world behind all accounts of a simulation, with what goes wrong on the way to it."""

    def __init__(self, plan: Plan, world: World, history: History, random: Random) -> None:
        self.plan, self.world, self.history, self.random = plan, world, history, random
        self._number = {voice_name(number): number for number in range(len(plan.voices))}

    def number(self, voice_id: str) -> int:
        """Return a voice's number in the plan."""
        return self._number[voice_id]

    def effect(self, account: int, voice: int, text: str, time: float) -> tuple[Kind | None, Effect, Fault | None]:
        """Return what becomes of a call at this moment, and the fault that decides it."""
        for kinds, who in ((_ACCOUNT, account), (_VOICE, voice), (_LATE, account)):
            for kind in kinds:
                fault = next((f for f in self.plan.of(kind, who=who) if f.covers(time)), None)
                if fault is None or (kind == "refused" and text != _FIRST_TEXT):
                    continue
                if kind != "flaky":
                    return kind, _EFFECTS[kind], fault
                if self.random.random() < 0.5:
                    return kind, _EFFECTS[self.random.choice(_FLAKY)], fault
        return None, _WORKS, None

    def hidden(self, account: int, time: float) -> bool:
        """Tell whether the account's list cannot be had, or shows nothing."""
        if not self.plan.accounts[account].has_list:
            return True
        return any(fault.covers(time) for fault in self.plan.of(*_NO_LIST, "list empty", who=account))


class SimulatedProvider:
    """One account as one instance reaches it; a `voicekeeper.providers.Provider`."""

    def __init__(self, upstream: Upstream, life: Life, account: int, recorded_kept) -> None:
        self._up, self._life, self._account, self._recorded = upstream, life, account, recorded_kept

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:  # noqa: ARG002 - these answer at once
        """Make one keep call."""
        return self._heard(await self._call(voice_id, text, self._done))

    async def _call(self, voice_id: str, text: str, do: Callable[[Effect, str], Answer]) -> Answer:
        """Make one call, at which the provider may do its work before it says so or after."""
        ready = self._life.time()
        await self._life.step()
        up, voice, time = self._up, self._up.number(voice_id), self._life.time()
        kind, effect, fault = up.effect(self._account, voice, text, time)
        early = up.random.random() < 0.5
        recorded, again = self._recorded(self._account, voice_id), self._used(voice_id)
        answer = do(effect, voice_id) if early else None

        def note(outcome: Outcome) -> None:
            done, slept = effect.done and self._used(voice_id), time > ready
            up.history.calls.append(Call(time, self._life.host, voice, outcome.value, done, recorded, again, slept))
            up.history.note(time, "call", self._life.host, voice_id, outcome.value, kind, done)

        try:
            await asyncio.sleep(effect.seconds * up.random.uniform(0.5, 1.0) if effect.seconds < TIMEOUT else TIMEOUT)
        except asyncio.CancelledError:
            if not self._life.dead:
                note(Outcome.AMBIGUOUS)
                up.history.cuts.append((self._life.time(), self._life.host))
            raise
        answer = answer or do(effect, voice_id)
        if kind is not None:
            up.history.count(kind)
        note(answer.outcome)
        await self._life.step()
        return replace(answer, retry_after=fault.number if fault and effect.wait else None)

    def _heard(self, answer: Answer) -> Answer:
        """Write down that the instance has heard an answer, and give it a name that the registry's evidence repeats."""
        heard = self._up.history.heard
        trace = f"answer-{len(heard)}"
        heard.append(Heard(self._life.time(), self._life.host, answer.outcome.value, trace))
        return replace(answer, trace_id=trace)

    def _used(self, voice_id: str) -> bool:
        """Tell whether a voice is permanent by now."""
        self._up.world.settle()
        return self._up.world.voices[account_name(self._account), voice_id].used_at is not None

    def _done(self, effect: Effect, voice_id: str) -> Answer:
        """Do at the provider what is done there, and return what it answers."""
        key, said = account_name(self._account), Answer(outcome=effect.outcome, message=effect.outcome.value)
        if not effect.done:
            return said
        try:
            self._up.world.admit(key, "speech")
            self._up.world.speak(key, voice_id, 3)
        except Refused as refused:
            outcome = Outcome.THROTTLED if refused.reason is Reason.RATE else Outcome.NOT_FOUND
            return said if said.outcome is Outcome.AMBIGUOUS else Answer(outcome=outcome, message=refused.reason.value)
        return said

    async def resume(self, task_id: str) -> Answer:
        """Never asked: this one works no tasks."""
        raise AssertionError(task_id)

    async def listed(self) -> Listing:
        """Return the list of the account's used voices, or none."""
        await self._life.step()
        await asyncio.sleep(0.1)
        hidden = self._up.hidden(self._account, self._life.time())
        kept = [] if hidden else self._up.world.listed(account_name(self._account), "clone")
        await self._life.step()
        if not self._up.plan.accounts[self._account].has_list:
            return Listing(None, "this provider has no list")
        if hidden:
            shown = any(fault.covers(self._life.time()) for fault in self._up.plan.of("list empty", who=self._account))
            self._up.history.count("list empty" if shown else "list down")
            return Listing({} if shown else None, "the list does not answer")
        return Listing({voice.voice_id: Listed(Origin.CLONE) for voice in kept})

    async def close(self) -> None:
        """Close nothing."""


def voice_name(number: int) -> str:
    """Return the voice_id of a voice of the plan."""
    return f"voice-{number:05}"


def account_name(number: int) -> str:
    """Return the name of an account of the plan, which is its key too."""
    return f"account-{number}"


def account_number(key: str) -> int:
    """Return whose key this is."""
    return int(key.rpartition("-")[2])
