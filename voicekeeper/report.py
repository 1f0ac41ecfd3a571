"""What a sweep has done so far, counted for those who wait for it."""

from dataclasses import dataclass, field

from voicekeeper.core.account import Account
from voicekeeper.core.voice import Status, Voice


@dataclass(slots=True)
class Report:
    """What a sweep has done so far, by numbers; `failing` are the ids of voices whose last call failed.

    `unfinished` accounts have more to do, `stopped` ones cannot, and why; `unknown` ones have voices and are not
    configured. `busy` tells that other instances hold what is due, `moved` that this sweep spoke with a voice,
    or waits for a slot that is further away than its end.
    """

    kept: int = 0
    lost: int = 0
    released: int = 0
    verified: int = 0
    failing: set[int] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)
    stopped: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    busy: bool = False
    moved: bool = False

    @property
    def failed(self) -> int:
        """How many voices were spoken with and have to be tried again."""
        return len(self.failing)

    @property
    def worked(self) -> int:
        """How many voices were spoken with."""
        return self.kept + self.failed + self.lost

    def count(self, voice: Voice, account: Account) -> None:
        """Take in what came of one voice's call."""
        self.moved = True
        self.kept += voice.status is Status.KEPT
        self.lost += voice.status is Status.LOST
        (self.failing.add if voice.status is Status.WAITING else self.failing.discard)(voice.id)
        (self.paused.add if account.paused else self.paused.discard)(account.name)

    def go_on(self) -> None:
        """Begin the next sweep of the same work: what was done stays, what was in the way is looked at anew."""
        self.moved = self.busy = False
        self.unfinished.clear()
        self.stopped.clear()

    def figures(self) -> dict[str, int]:
        """Return the numbers that the log shows."""
        names = ("kept", "failed", "lost", "released", "verified")
        return {name: getattr(self, name) for name in names}
