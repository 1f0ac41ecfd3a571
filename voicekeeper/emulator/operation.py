"""What every API family is made of: operations, what they are asked, what they did, and how that is said."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel
from starlette.responses import PlainTextResponse, Response

from voicekeeper.emulator.habits import Habits
from voicekeeper.emulator.records import Limit, Reason
from voicekeeper.emulator.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request that was let in: whose it is, where the server stands, and the file it brought, if any."""

    world: World
    key: str
    base_url: str
    filename: str = ""
    content: bytes | None = None

    def sound_url(self, form: str = "mp3", sample_rate: int = 32000) -> str:
        """Return where the emulator serves a sound of that kind."""
        return f"{self.base_url}_emulator/audio?format={form}&sample_rate={sample_rate}"


@dataclass(frozen=True)
class Done:
    """What was done: the vendor's fields, and what it cost.

    `bare`: the fields are the whole answer. `raw`: the sound is. `voice_id`: the voice that the vendor named itself.
    """

    fields: Json | None = field(default_factory=dict)
    characters: int = 0
    fee: float = 0.0
    sound: bytes = b""
    bare: bool = False
    raw: bool = False
    voice_id: str | None = None


@dataclass(frozen=True)
class Operation:
    """One path: what it takes (`shape`), the limit it counts under, and what it does."""

    method: Literal["GET", "POST"]
    path: str
    shape: type[BaseModel]
    work: Callable[[Asked, Any], Done]
    limit: Limit | None = None
    form: bool = False


@dataclass(frozen=True)
class Arrival:
    """What an answer may repeat of its request. `key` is empty where the call was not let in."""

    method: str
    path: str
    base_url: str
    trace_id: str
    at: datetime
    key: str = ""


@dataclass(frozen=True)
class Failure:
    """An error in MiniMax's number and words; `reason` and `http_status` where they are known or wanted."""

    code: int
    message: str
    reason: Reason | None = None
    http_status: int | None = None


class Family(ABC):
    """One vendor's API: its paths, and how it says success and failure.

    `base` is what a client's base URL has after the host, `root` the path below which all of it lies.
    """

    name: ClassVar[str]
    base: ClassVar[str] = ""
    root: ClassVar[str] = ""
    query: ClassVar[frozenset[str]] = frozenset()  # what may stand in the query of a POST, and is ignored

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.operations = self._operations()

    @abstractmethod
    def _operations(self) -> tuple[Operation, ...]:
        """Return every path with what it does."""

    @abstractmethod
    def success(self, done: Done, arrival: Arrival) -> Response:
        """Say what was done."""

    @abstractmethod
    def failure(self, failure: Failure, arrival: Arrival) -> Response:
        """Say why not."""

    @abstractmethod
    def hollow(self, operation: Operation, sound: str | None, arrival: Arrival) -> Done:
        """Return a success with no data (`sound` None) or with that for sound."""

    def serves(self, operation: Operation) -> bool:  # noqa: ARG002 - for families whose habits decide
        """Tell whether that path exists at present."""
        return True

    def nowhere(self, arrival: Arrival) -> Response:  # noqa: ARG002 - for families that say more
        """Answer a call to a path or method that does not exist."""
        return PlainTextResponse("404 page not found", 404)

    def forget(self) -> None:  # noqa: B027 - most families have nothing to forget
        """Forget what belongs to the world that was."""


def named_voice(fields: Mapping[str, Any]) -> str | None:
    """Return the voice that a request is about, as far as it names one."""
    setting = fields.get("voice_setting")
    name = setting.get("voice_id") if isinstance(setting, dict) else fields.get("voice_id")
    name = fields.get("custom_voice_id") if name is None else name
    return name if isinstance(name, str) else None
