"""A queue in outline: how many voices wait, by quarters of an hour. It is small, however many there are."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from voicekeeper.core.queue import Load

QUARTER = timedelta(minutes=15)
_QUARTER = 900_000_000


@dataclass(frozen=True, slots=True)
class Profile:
    """How many voices there are by due time, deadline and priority.

    A deadline counts from the quarter that it lies in, a due time until the end of its own: so the outline of a queue
    that can be saved may look worse than it is, and never better.
    """

    counts: Counter[tuple[int, int, int]] = field(default_factory=Counter)

    def add(self, load: Load) -> None:
        """Take voices in."""
        due = -(-load.due // _QUARTER) * _QUARTER
        deadline = load.deadline // _QUARTER * _QUARTER
        self.counts[due, deadline, load.priority] += load.size

    def loads(self) -> list[Load]:
        """Return the outline as loads; their keys are numbers of their own."""
        return [Load(*kind, key, size) for key, (kind, size) in enumerate(sorted(self.counts.items()))]
