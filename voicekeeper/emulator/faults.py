"""Which call goes wrong, and how: planted faults, and the provider's own moods."""

import random
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """The ways an answer can go wrong; the second group does the work first."""

    CODE = "code"  # MiniMax's `code`, as the family says it: in base_resp under HTTP 200, wrapped, by status, …
    HTTP = "http"  # `http_status` with `body` and `headers`
    WRAPPED = "wrapped"  # `http_status` with {error: {message: "… code=`code`", type, code}}
    HTML = "html"  # a web page under HTTP 200
    NULL_DATA = "null_data"  # success and no data
    EMPTY_AUDIO = "empty_audio"  # success and no sound
    HANG = "hang"  # no answer until the client goes
    ENDLESS = "endless"  # a body without end
    RESET = "reset"  # the connection breaks before the work
    REDIRECT = "redirect"  # `http_status` to `location`

    TRUNCATED = "truncated"  # half of the JSON
    RAW_AUDIO = "raw_audio"  # the sound itself instead of JSON
    SLOW = "slow"  # the answer starts `seconds` late
    DRIP = "drip"  # the body in 20 pieces, `seconds` apart
    LOST = "lost"  # the connection breaks after the work: the voice is kept, the answer lost


WORKS = frozenset({Kind.TRUNCATED, Kind.RAW_AUDIO, Kind.SLOW, Kind.DRIP, Kind.LOST})
LONGEST_SECONDS = 3600
HTTP_STATUSES = range(200, 600)


@dataclass
class Fault:
    """One planted fault: the calls it meets (None: any), how often it strikes, and what it answers.

    `times` is how often it may still strike (None: for ever), `rate` the probability of each time.
    `seconds` are real ones, whatever the emulator's clock. ValueError names what makes no sense.
    """

    kind: Kind | str
    voice_id: str | None = None
    key: str | None = None
    path: str | None = None
    times: int | None = None
    rate: float = 1.0
    code: int = 1000
    message: str = ""
    http_status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    location: str = "/_emulator/elsewhere"
    struck: int = field(default=0, init=False)

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # the control API reads faults from JSON

    def __post_init__(self) -> None:
        if self.kind not in list(Kind):
            raise ValueError(f"kind: {self.kind!r} is none of {', '.join(Kind)}")
        self.kind = Kind(self.kind)
        if self.times is not None and self.times < 1:
            raise ValueError(f"times: found {self.times}, needs 1 or more (leave it out for ever)")
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate: found {self.rate}, needs a probability above 0 and up to 1")
        if not 0 <= self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds: found {self.seconds}, needs 0 to {LONGEST_SECONDS}")
        if self.http_status is not None and self.http_status not in HTTP_STATUSES:
            raise ValueError(f"http_status: found {self.http_status}, needs 200 to 599")

    @property
    def works(self) -> bool:
        """Tell whether the provider does its work before the answer goes wrong."""
        return self.kind in WORKS

    @property
    def answers(self) -> bool:
        """Tell whether the client hears anything at all."""
        return self.kind not in {Kind.HANG, Kind.RESET, Kind.LOST}

    @property
    def names_code(self) -> bool:
        """Tell whether the answer carries `code`."""
        return self.kind in {Kind.CODE, Kind.WRAPPED}

    def meets(self, key: str, path: str, voice_id: str | None) -> bool:
        """Tell whether this call is one the fault is meant for."""
        wanted = ((self.key, key), (self.path, path), (self.voice_id, voice_id))
        return self.times != self.struck and all(mine in {None, theirs} for mine, theirs in wanted)


MOODS: tuple[Fault, ...] = (
    Fault(Kind.CODE, code=1000, message="unknown error"),
    Fault(Kind.CODE, code=1001, message="timeout"),
    Fault(Kind.CODE, code=1002, message="rate limit"),
    Fault(Kind.HTTP, http_status=503, body="upstream connect error"),
    Fault(Kind.RESET),
    Fault(Kind.LOST),
    Fault(Kind.SLOW, seconds=0.2),
)


class Faults:
    """The planted faults, and with probability `misbehave` a harmless one on a T2A call (`speech_paths`).

    Every throw of the dice depends on the seed, the voice and how many calls it has had, not on the order
    in which voices come: so a run replays. A voice never meets two moods in a row.
    """

    def __init__(
        self, paths: Collection[str], speech_paths: Collection[str], seed: int = 0, misbehave: float = 0.0
    ) -> None:
        if not 0 <= misbehave <= 1:
            raise ValueError(f"misbehave: found {misbehave}, needs a probability from 0 to 1")
        self.paths, self.speech_paths = paths, speech_paths
        self.seed = seed
        self.misbehave = misbehave
        self.clear()

    def clear(self) -> None:
        """Take all planted faults away and forget what was thrown."""
        self.planted: list[Fault] = []
        self._calls: defaultdict[tuple[str, str, str | None], int] = defaultdict(int)
        self._in_mood: set[tuple[str, str | None]] = set()

    def add(self, fault: Fault) -> None:
        """Plant a fault; the first planted that meets a call and strikes wins. ValueError for a path not served."""
        if fault.path is not None and fault.path not in self.paths:
            raise ValueError(f"path: {fault.path!r} is none of {', '.join(sorted(self.paths))}")
        self.planted.append(fault)

    def choose(self, key: str, path: str, voice_id: str | None) -> Fault | None:
        """Return what goes wrong with this call, and count it; None: nothing."""
        name = (key, path, voice_id)
        self._calls[name] += 1
        throw = f"{self.seed}|{name}|{self._calls[name]}"
        for number, fault in enumerate(self.planted):
            if fault.meets(*name) and random.Random(f"{throw}|{number}").random() < fault.rate:  # noqa: S311 - replays, not secrets
                fault.struck += 1
                return fault
        return self._mood(key, path, voice_id, random.Random(throw))  # noqa: S311 - as above

    def _mood(self, key: str, path: str, voice_id: str | None, dice: random.Random) -> Fault | None:
        if not self.misbehave or path not in self.speech_paths:
            return None
        if (key, voice_id) in self._in_mood:
            self._in_mood.discard((key, voice_id))
            return None
        if dice.random() >= self.misbehave:
            return None
        self._in_mood.add((key, voice_id))
        return dice.choice(MOODS)
