"""What a benchmark gives back: one ratio and its bound, and how two things are measured side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Bound:
    """The ratio that must be reached, or must not be passed."""

    number: float
    at_least: bool = False

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio keeps to it."""
        return ratio >= self.number if self.at_least else ratio <= self.number

    def __str__(self) -> str:
        """Return it as a table shows it."""
        return f"{'≥' if self.at_least else '≤'} {self.number:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio; `sides` says what stood above and below the line. With no bound, it is only shown."""

    name: str
    ratio: float
    bound: Bound | None
    sides: str

    @property
    def holds(self) -> bool:
        """Whether the bound is kept, where there is one."""
        return self.bound is None or self.bound.holds(self.ratio)


def alternate(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Measure A B A B … after one unmeasured pair, and return both medians.

    Side by side, so that whatever else this machine does meanwhile slows both.
    """
    first(), second()
    pairs = [(first(), second()) for _ in range(rounds)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)
