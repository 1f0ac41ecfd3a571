"""Who is cloned when, and what their owner wants with them: the demo's plot."""

from dataclasses import dataclass
from datetime import timedelta

from voicekeeper.core.voice import Intent, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One voice of the demo: cloned `at` that long after its begin; `ends` is what must become of it.

    An `intent` of None means that nobody registers it; `failures` is how many of its first calls fail.
    """

    name: str
    at: timedelta
    pitch: int
    part: str
    intent: Intent | None = Intent.KEEP
    failures: int = 0
    ends: Status = Status.KEPT

    @property
    def voice_id(self) -> str:
        """The voice's name at the provider."""
        return f"voice-{self.name}"


def _hours(count: float) -> timedelta:
    return timedelta(hours=count)


ROLES = (
    Role(name="anna", at=_hours(0), pitch=220, part="registered: will be kept"),
    Role(
        name="dora",
        at=_hours(3),
        pitch=196,
        part="on hold: nobody decides, so it will be lost",
        intent=Intent.HOLD,
        ends=Status.LOST,
    ),
    Role(
        name="emil",
        at=_hours(6),
        pitch=110,
        part="released: its owner lets it go",
        intent=Intent.RELEASE,
        ends=Status.RELEASED,
    ),
    Role(name="gina", at=_hours(9), pitch=247, part="not registered: nobody keeps it", intent=None, ends=Status.LOST),
    Role(name="fay", at=_hours(15), pitch=262, part="registered: its first three calls will fail", failures=3),
    Role(name="ben", at=_hours(30), pitch=131, part="registered: will be kept"),
    Role(name="chloe", at=_hours(52), pitch=233, part="registered: will be kept"),
)
#: How long a voice lives that nobody keeps.
LIFETIME = _hours(168)
#: The demo takes so long; on a busy machine, where voices come later, until the last deadline has passed.
LENGTH = LIFETIME + _hours(60)
