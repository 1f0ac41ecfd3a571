"""The provider's rules: voices, keys, money and time. No vendor's JSON and no HTTP."""

import heapq
import itertools
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from voicekeeper.clock import Clock
from voicekeeper.emulator.records import Call, Grade, Key, Limit, Origin, Reason, Refused, Task, Upload, Voice

LIFETIME = timedelta(hours=168)
MINUTE = timedelta(seconds=60)
VOICE_FEE = 9.9  # CNY, at the first formal use (PROVIDERS.md § 1)
PER_CHARACTER: Mapping[Grade, float] = {"turbo": 2.0 / 10_000, "hd": 3.5 / 10_000}  # CNY
SYSTEM_VOICES = ("male-qn-qingse", "female-shaonv", "English_expressive_narrator")


class World:
    """Everything the provider knows. Methods raise `Refused`, and then nothing was done."""

    def __init__(
        self, clock: Clock, keys: Mapping[str, Key], lifetime: timedelta = LIFETIME, voice_fee: float = VOICE_FEE
    ) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.voice_fee = voice_fee
        self.keys = dict(keys)
        self._first_keys = {name: replace(key) for name, key in keys.items()}
        self._clear()

    def _clear(self) -> None:
        self.voices: dict[tuple[str, str], Voice] = {}
        self.uploads: dict[int, Upload] = {}
        self.tasks: dict[int, Task] = {}
        self.ledger: list[Call] = []
        self._offset = timedelta(0)
        self._windows: defaultdict[tuple[str, Limit], deque[datetime]] = defaultdict(deque)
        self._ids = itertools.count(95_157_322_514_001)
        self._unfinished: list[tuple[datetime, int, Task]] = []  # a heap: what ends first comes first

    def reset(self) -> None:
        """Forget everything and put keys and clock back to what they were at the start."""
        self.keys = {name: replace(key) for name, key in self._first_keys.items()}
        self._clear()

    def now(self) -> datetime:
        """Return the provider's time in UTC."""
        return self.clock.now().astimezone(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Step the provider's clock forward and return the new time; ValueError for a step back."""
        if not seconds >= 0:
            raise ValueError(f"the clock only moves forward, found {seconds}")
        now = self.now() + timedelta(seconds=seconds)
        self._offset += timedelta(seconds=seconds)
        return now

    def admit(self, key: str | None, limit: Limit | None) -> str:
        """Let a call in and count it: the key must be known, and under its limit in the last 60 s."""
        if not key:
            raise Refused(Reason.NO_KEY)
        if key not in self.keys:
            raise Refused(Reason.UNKNOWN_KEY)
        if self.keys[key].disabled:
            raise Refused(Reason.DISABLED_KEY)
        if limit is not None:
            self._count(key, limit)
        return key

    def _count(self, key: str, limit: Limit) -> None:
        allowed = {"speech": self.keys[key].rpm, "clone": 60, "design": 20}[limit]
        window, now = self._windows[key, limit], self.now()
        while window and window[0] <= now - MINUTE:
            window.popleft()
        if len(window) >= allowed:
            raise Refused(Reason.RATE)
        window.append(now)

    def upload(self, key: str, purpose: str, filename: str, size: int, seconds: float | None) -> Upload:
        """Keep an uploaded file's facts, not its bytes."""
        upload = Upload(next(self._ids), key, purpose, filename, size, seconds, self.now())
        self.uploads[upload.file_id] = upload
        return upload

    def uploaded(self, key: str, file_id: int, purpose: str) -> Upload:
        """Return this key's file of that purpose."""
        upload = self.uploads.get(file_id)
        if upload is None or upload.key != key or upload.purpose != purpose:
            raise Refused(Reason.INVALID, f"no file {file_id} uploaded for {purpose}")
        return upload

    def clone(self, key: str, voice_id: str, cloned_at: datetime | None = None, origin: Origin = "clone") -> Voice:
        """Make a voice. A removed voice's name stays taken; an expired one's is free again (both: PROVIDERS.md)."""
        now = self.now()
        self._settle(now)
        return self._clone(key, voice_id, now if cloned_at is None else cloned_at.astimezone(UTC), origin, now)

    def _clone(self, key: str, voice_id: str, cloned_at: datetime, origin: Origin, at: datetime) -> Voice:
        old = self.voices.get((key, voice_id))
        if voice_id in SYSTEM_VOICES or (old is not None and (old.removed_at or not old.deleted(at))):
            raise Refused(Reason.DUPLICATE)
        voice = Voice(key, voice_id, cloned_at, cloned_at + self.lifetime, origin)
        self.voices[key, voice_id] = voice
        return voice

    def speak(self, key: str, voice_id: str, characters: int, grade: Grade = "turbo") -> float:
        """Use a voice formally: it becomes permanent, and the key pays. Returns what it cost (CNY)."""
        now = self.now()
        self._settle(now)
        return self._speak(key, voice_id, characters, grade, now)

    def _speak(self, key: str, voice_id: str, characters: int, grade: Grade, at: datetime) -> float:
        voice = self._reach(key, voice_id, at)
        fee = self._price(voice, characters, grade)
        self._pay(key, fee)
        if voice is not None:
            voice.used_at = voice.used_at or at
            voice.uses += 1
            voice.paid = round(voice.paid + fee, 6)
        return fee

    def _price(self, voice: Voice | None, characters: int, grade: Grade) -> float:
        first = voice is not None and voice.used_at is None
        return round(characters * PER_CHARACTER[grade] + (self.voice_fee if first else 0.0), 6)

    def _pay(self, key: str, fee: float) -> None:
        self._afford(key, fee)
        self.keys[key].balance = round(self.keys[key].balance - fee, 6)

    def _afford(self, key: str, fee: float) -> None:
        if self.keys[key].balance < fee:
            raise Refused(Reason.BALANCE)

    def _reach(self, key: str, voice_id: str, at: datetime) -> Voice | None:
        """Return the living voice, None for one of the system's."""
        if voice_id in SYSTEM_VOICES:
            return None
        voice = self.voices.get((key, voice_id))
        if voice is not None and not voice.deleted(at):
            return voice
        others = (self.voices.get((other, voice_id)) for other in self.keys)
        if voice is None and any(other is not None and not other.deleted(at) for other in others):
            raise Refused(Reason.FOREIGN_VOICE)
        raise Refused(Reason.NO_VOICE)

    def remove(self, key: str, voice_id: str, origin: Origin) -> Voice:
        """Delete a voice at its owner's wish."""
        now = self.now()
        self._settle(now)
        voice = self._reach(key, voice_id, now)
        if voice is None or voice.origin != origin:
            raise Refused(Reason.NO_VOICE)
        voice.removed_at = now
        return voice

    def listed(self, key: str, origin: Origin) -> list[Voice]:
        """Return the voices that the provider lists: living, and formally used at least once."""
        now = self.now()
        self._settle(now)
        mine = (voice for voice in self.voices.values() if voice.key == key and voice.origin == origin)
        return [voice for voice in mine if voice.used_at is not None and not voice.deleted(now)]

    def start(
        self, key: str, voice_id: str, characters: int, grade: Grade, takes: timedelta, note: Mapping[str, Any]
    ) -> Task:
        """Begin an asynchronous T2A; voice and balance are looked at now, and again when it ends."""
        now = self.now()
        self._settle(now)
        self._afford(key, self._price(self._reach(key, voice_id, now), characters, grade))
        task = Task(next(self._ids), key, voice_id, now, now + takes, characters=characters, grade=grade, note=note)
        return self._begin(task)

    def submit(
        self,
        key: str,
        voice_id: str,
        *,
        makes: Origin | None,
        takes: timedelta,
        at_most: int,
        note: Mapping[str, Any],
        characters: int = 0,
        grade: Grade = "turbo",
    ) -> Task:
        """Begin a task of which only its end tells whether its voice is there; `at_most` so many at once for a key.

        With `makes` it makes the voice, without it speaks with one.
        """
        now = self.now()
        self._settle(now)
        if sum(task.key == key for _, _, task in self._unfinished) >= at_most:
            raise Refused(Reason.CONCURRENCY)
        if makes is None:
            self._afford(key, self._price(self.voices.get((key, voice_id)), characters, grade))
        task = Task(next(self._ids), key, voice_id, now, now + takes, makes, characters, grade, note)
        return self._begin(task)

    def _begin(self, task: Task) -> Task:
        self.tasks[task.task_id] = task
        heapq.heappush(self._unfinished, (task.ends_at, task.task_id, task))
        self._settle(task.created_at)  # one that takes no time ends at once
        return task

    def task(self, key: str, task_id: int) -> Task:
        """Return this key's task as it stands now."""
        self._settle(self.now())
        task = self.tasks.get(task_id)
        if task is None or task.key != key:
            raise Refused(Reason.NO_TASK, f"no task {task_id}")
        return task

    def settle(self) -> None:
        """Bring tasks and ledger up to now, for whoever only looks."""
        self._settle(self.now())

    def _settle(self, now: datetime) -> None:
        """End the tasks that are due, each at its own time: a voice may expire between that and now."""
        while self._unfinished and self._unfinished[0][0] <= now:
            self._end(heapq.heappop(self._unfinished)[2])

    def _end(self, task: Task) -> None:
        line = Call(task.ends_at, task.key[-4:], f"task/{task.task_id}", task.voice_id)
        try:
            if task.makes is not None:
                self._clone(task.key, task.voice_id, task.ends_at, task.makes, task.ends_at)
            else:
                line.fee = self._speak(task.key, task.voice_id, task.characters, task.grade, task.ends_at)
        except Refused as refused:
            task.error, line.fault = refused, refused.reason.value
        else:
            line.code, line.characters = 0, task.characters
        task.ended = True
        self.ledger.append(line)

    def fees(self) -> dict[tuple[str, str], float]:
        """Return what each voice cost so far (CNY), by (last four characters of the key, voice_id)."""
        total: defaultdict[tuple[str, str], float] = defaultdict(float)
        for call in self.ledger:
            if call.fee and call.voice_id:
                total[call.key, call.voice_id] += call.fee
        return {name: round(fee, 6) for name, fee in total.items()}
