"""How the gateways behave where their documents leave it open; chosen at the start, changeable at any time."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import ClassVar, Literal

LONGEST_TASK_SECONDS = 7 * 86_400


@dataclass
class Habits:
    """What a test or a user may choose; ValueError names what makes no sense.

    `hingnet_raw_audio` is the share of hingnet's spoken answers that are the sound itself (0 to 1).
    `minimax_prefix` is who speaks below `/minimax`: the aggregator, which takes uploads at `/v1/files`, or kkiai,
    which takes them at `kkiai_upload` and answers a clone with `{}`.
    `no_get_voice` is what is answered there instead of a list: 404 in JSON, or a web page under HTTP 200.
    `task_seconds` is how long asynchronous work takes on the emulator's clock, in every family.
    `predictions_at_once` is how many unfinished predictions WaveSpeedAI lets a key have.
    """

    hingnet_raw_audio: float = 1.0
    minimax_prefix: Literal["aggregator", "kkiai"] = "aggregator"
    kkiai_upload: Literal["/v1/files/upload", "/v1/files"] = "/v1/files/upload"
    no_get_voice: Literal["json", "html"] = "json"
    task_seconds: float = 2.0
    predictions_at_once: int = 3

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # the control API reads habits from JSON

    def __post_init__(self) -> None:
        if not 0 <= self.hingnet_raw_audio <= 1:
            raise ValueError(f"hingnet_raw_audio: found {self.hingnet_raw_audio}, needs a share from 0 to 1")
        if not 0 <= self.task_seconds <= LONGEST_TASK_SECONDS:
            raise ValueError(f"task_seconds: found {self.task_seconds}, needs 0 to {LONGEST_TASK_SECONDS}")
        if self.predictions_at_once < 1:
            raise ValueError(f"predictions_at_once: found {self.predictions_at_once}, needs 1 or more")

    @property
    def task_takes(self) -> timedelta:
        """Return how long asynchronous work takes."""
        return timedelta(seconds=self.task_seconds)

    def become(self, other: "Habits") -> None:
        """Take over all of the other's habits."""
        for name, value in asdict(other).items():
            setattr(self, name, value)
