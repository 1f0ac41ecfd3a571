"""What happened in a simulation: the only thing that the oracle and the promises look at."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from tests.simulation.plan import Plan


@dataclass(frozen=True, slots=True)
class Call:
    """One keep call as the provider saw it; `done` means that it made or found the voice permanent.

    `recorded` says that the registry had this voice as kept when the call was made, `again` that it had been used,
    `slept` that the machine fell asleep when all was ready for the request, and made it when it woke up.
    """

    time: float
    host: int
    voice: int
    outcome: str
    done: bool
    recorded: bool
    again: bool
    slept: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer that an instance has heard; `trace` names it, as it does in the registry's evidence."""

    time: float
    host: int
    outcome: str
    trace: str


@dataclass(slots=True)
class Task:
    """One task that a call began; `noted` is when its id was written down, `failed` whether it came to nothing."""

    number: int
    begun: float
    voice: int
    noted: float = float("inf")
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One alert within a message that got through."""

    time: float
    key: str
    resolved: bool


@dataclass(slots=True)
class History:
    """Everything that happened in one simulation of `plan`.

    By host, `lives` are the spans in which an instance ran, `ticking` when a daemon's ticks began, `rounds` the spans
    in which it made rounds, `killed` when it died with all that it had not written down. `rows` are the voices as the
    registry has them at the end, `used` when the provider's voice became permanent, `costs` what was recorded as paid,
    each by the voice's number; `recorded` are the traces of the answers that the registry has, `crashes` and
    `standstills` the moments at which an instance died or fell asleep, `cuts` those at which a host cut a call.
    """

    plan: Plan
    calls: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    messages: list[float] = field(default_factory=list)
    lives: list[list[tuple[float, float]]] = field(default_factory=list)
    ticking: list[list[float]] = field(default_factory=list)
    rounds: list[list[tuple[float, float]]] = field(default_factory=list)
    killed: list[list[float]] = field(default_factory=list)
    crashes: list[float] = field(default_factory=list)
    standstills: list[float] = field(default_factory=list)
    cuts: list[tuple[float, int]] = field(default_factory=list)
    injected: dict[str, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)
    used: dict[int, float] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    costs: dict[int, list[float]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    sweeps: int = 0

    def note(self, time: float, *facts: object) -> None:
        """Write one event down."""
        self.events.append(f"{time:.6f} {' '.join(map(str, facts))}")

    def count(self, kind: str) -> None:
        """Count that a fault did something."""
        self.injected[kind] = self.injected.get(kind, 0) + 1

    @property
    def fingerprint(self) -> str:
        """A hash of everything that happened, in its order."""
        return blake2b("\n".join(self.events).encode(), digest_size=8).hexdigest()
