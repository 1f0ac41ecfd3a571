"""What the provider writes down: keys, voices, uploads, tasks, calls; and why it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Origin = Literal["clone", "design"]
Limit = Literal["speech", "clone", "design"]
Grade = Literal["turbo", "hd"]
Stage = Literal["created", "processing", "completed", "failed"]


class Reason(StrEnum):
    """Why the provider refuses; each vendor has its own way to say it."""

    NO_KEY = "no_key"
    UNKNOWN_KEY = "unknown_key"
    DISABLED_KEY = "disabled_key"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    BALANCE = "balance"
    INVALID = "invalid"
    INVISIBLE = "invisible"
    NO_TASK = "no_task"
    NO_VOICE = "no_voice"
    FOREIGN_VOICE = "foreign_voice"
    DUPLICATE = "duplicate"
    AUDIO_LENGTH = "audio_length"
    PROMPT_LENGTH = "prompt_length"


class Refused(Exception):
    """The provider does not do what was asked."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or reason.value)
        self.reason = reason
        self.detail = detail


@dataclass
class Key:
    """One account: what it may still spend (CNY) and how many T2A calls it may make in 60 s."""

    balance: float = 1000.0
    rpm: int = 600
    disabled: bool = False


@dataclass
class Voice:
    """One cloned or designed voice; `used_at` is its first formal use, which makes it permanent."""

    key: str
    voice_id: str
    cloned_at: datetime
    deadline: datetime
    origin: Origin = "clone"
    used_at: datetime | None = None
    uses: int = 0
    paid: float = 0.0
    removed_at: datetime | None = None

    def deleted(self, at: datetime) -> bool:
        """Tell whether the voice is gone: removed by its owner, or unused at its deadline."""
        return self.removed_at is not None or (self.used_at is None and at >= self.deadline)


@dataclass(frozen=True)
class Upload:
    """One uploaded file; `seconds` is None where its length cannot be told."""

    file_id: int
    key: str
    purpose: str
    filename: str
    size: int
    seconds: float | None
    created_at: datetime


@dataclass
class Task:
    """Asynchronous work, done and paid for when it ends, not when it is asked for: a T2A, or what `makes` a voice.

    `note` is what the vendor wants to remember of it; `error` says why it failed.
    """

    task_id: int
    key: str
    voice_id: str
    created_at: datetime
    ends_at: datetime
    makes: Origin | None = None
    characters: int = 0
    grade: Grade = "turbo"
    note: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    error: Refused | None = None

    def stage(self, at: datetime) -> Stage:
        """Tell how far it is: in its queue for the first half of its time, then worked on."""
        if self.ended:
            return "completed" if self.error is None else "failed"
        return "created" if at < self.created_at + (self.ends_at - self.created_at) / 2 else "processing"


@dataclass
class Call:
    """One line of the ledger. `key` is its last four characters; `code` is None where none was answered."""

    at: datetime
    key: str
    path: str
    voice_id: str | None = None
    code: int | None = None
    http_status: int | None = None
    characters: int = 0
    fee: float = 0.0
    fault: str | None = None
    trace_id: str = ""
