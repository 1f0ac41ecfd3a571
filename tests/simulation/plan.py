"""What happens in one simulation, as plain values: a plan can be printed, replayed and made smaller.

All times are seconds since the simulation began, true time: what a perfect clock would show.
"""

from dataclasses import dataclass
from typing import Literal

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
TIMEOUT = 30.0
PRICE = 9.9

#: What a provider can do to all calls of one account, or to those for one voice, within a window.
Kind = Literal[
    "outage",  # no connection
    "error",  # its own failure, and codes that nobody has seen before
    "throttled",  # too many calls, without saying how long to wait
    "asked to wait",  # likewise, and it says how long
    "timeout",  # no answer, and nothing was done
    "answer lost",  # no answer, but the voice is permanent
    "blocked",  # key, balance or quota
    "slow",  # it takes its time, but it works
    "flaky",  # some calls work
    "list down",  # no list of voices
    "list empty",  # a list that shows none
    "missing",  # one voice is not found although it is there
    "refused",  # one voice's first text is refused
    "poisoned",  # one voice answers as if its account were blocked
    "broken",  # one voice's calls fail
    "registry down",  # no transaction
    "commit lost",  # transactions are done, but their answer is lost
    "channel down",  # no message gets through
    "crash",  # one instance dies at an await and is started again
    "asleep",  # one instance stands still, as a suspended machine or a late cron does
    "clock step",  # one machine's clock is wrong by `number` seconds
    "stopped",  # one instance is told to end, and is started again at the end
    "reloaded",  # one daemon is told to read its configuration again
    "held",  # its owner puts one voice on hold, or lets it go where `number` is 1, and wants it again at the end
    "retried",  # its owner has one voice tried at once
]
#: Those that concern one voice or one host, whose number is their `who`.
OF_VOICES: tuple[Kind, ...] = ("missing", "refused", "poisoned", "broken", "held", "retried")
OF_HOSTS: tuple[Kind, ...] = ("crash", "asleep", "clock step", "stopped", "reloaded")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong from `start` to `end`; `who` is the number of an account, voice or host.

    `number` is what the kind needs: seconds to wait, the await to die or fall asleep at, seconds a clock is ahead, or
    after which an instance that was told to end is told so again (0: never).
    """

    kind: Kind
    start: float
    end: float
    who: int = 0
    number: float = 0.0

    def covers(self, time: float) -> bool:
        """Tell whether it goes wrong at this moment."""
        return self.start <= time < self.end


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One key: the configured calls a minute and those its provider really allows, a list or none, a daily budget.

    With `tasks` a call only begins one, which goes on whatever becomes of the caller, and is asked for by its id.
    """

    rpm: float
    real_rpm: float
    concurrency: int = 4
    has_list: bool = True
    keeps_per_day: int | None = None
    tasks: bool = False

    @property
    def space(self) -> float:
        """Seconds between two calls, as the configuration asks for them."""
        return 60 / self.rpm * 1.05


@dataclass(frozen=True, slots=True)
class VoicePlan:
    """One voice; on hold until `wanted_at` where that is given, for good where it is infinite."""

    account: int
    cloned_at: float
    registered_at: float
    wanted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One instance: a daemon or cron, and how often it sweeps."""

    runs: Literal["daemon", "cron"]
    every: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One simulation, whole."""

    seed: int
    lifetime: float
    keep_after: float
    accounts: tuple[AccountPlan, ...]
    hosts: tuple[HostPlan, ...]
    voices: tuple[VoicePlan, ...]
    faults: tuple[Fault, ...]

    def deadline(self, voice: int) -> float:
        """Return when the provider deletes a voice that was not used."""
        return self.voices[voice].cloned_at + self.lifetime

    @property
    def end(self) -> float:
        """When the last deadline is long past and every fault is over."""
        last = max((self.deadline(voice) for voice in range(len(self.voices))), default=0.0)
        return max(last, *(fault.end for fault in self.faults), 0.0) + DAY

    def of(self, *kinds: Kind, who: int | None = None) -> list[Fault]:
        """Return the faults of these kinds, of one account, voice or host where `who` is given."""
        return [fault for fault in self.faults if fault.kind in kinds and who in (None, fault.who)]

    def __str__(self) -> str:
        """Write it for a person, one line for each thing."""
        lines = [f"plan of seed {self.seed}: a life of {_span(self.lifetime)}, due after {_span(self.keep_after)}"]
        lines += [f"  account {number}: {account}" for number, account in enumerate(self.accounts)]
        lines += [f"  host {number}: {host.runs} every {_span(host.every)}" for number, host in enumerate(self.hosts)]
        lines += [f"  voice {number}: {_voice(voice)}" for number, voice in enumerate(self.voices)]
        lines += [_fault(fault) for fault in self.faults]
        return "\n".join(lines)


def _voice(voice: VoicePlan) -> str:
    hold = f", on hold until {_span(voice.wanted_at)}" if voice.wanted_at else ""
    times = f"cloned at {_span(voice.cloned_at)}, registered at {_span(voice.registered_at)}"
    return f"of account {voice.account}, {times}{hold}"


def _fault(fault: Fault) -> str:
    return f"  {fault.kind} of {fault.who}: {_span(fault.start)} to {_span(fault.end)}, {fault.number:g}"


def _span(seconds: float) -> str:
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    if seconds == float("inf"):
        return "ever"
    days, rest = divmod(seconds, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    return f"{sign}{int(days)}d {int(hours):02}:{int(minutes):02}:{rest:06.3f}"
