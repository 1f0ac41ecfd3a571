"""The emulator's own API under /_emulator/: look, plant faults, move time, change keys."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voicekeeper.emulator import audio
from voicekeeper.emulator.desk import told
from voicekeeper.emulator.families import Families
from voicekeeper.emulator.faults import Fault, Faults
from voicekeeper.emulator.habits import Habits
from voicekeeper.emulator.records import Key, Origin, Refused, Task, Voice
from voicekeeper.emulator.requests import NewVoiceId
from voicekeeper.emulator.world import World

FAULT = TypeAdapter(Fault)
HABITS = TypeAdapter(Habits)


class Order(BaseModel):
    """A control request: JSON, every field known."""

    model_config = ConfigDict(extra="forbid")


class VoiceOrder(Order):
    """`POST voices`: a voice made directly; `key` may be left out where there is one only."""

    voice_id: NewVoiceId
    key: str | None = None
    cloned_at: AwareDatetime | None = None
    origin: Origin = "clone"


class KeyChange(Order):
    """`PATCH keys/{key}`: what changes."""

    balance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    rpm: Annotated[int, Field(ge=0)] | None = None
    disabled: bool | None = None


class KeyOrder(KeyChange):
    """`POST keys`: a new key."""

    key: Annotated[str, Field(min_length=1)]


class ClockOrder(Order):
    """`POST clock`: seconds to go forward."""

    advance: Annotated[float, Field(ge=0, le=10 * 366 * 86_400)]


class Control:
    """The control API of one world. What makes no sense is answered with HTTP 400 and `{error}`."""

    def __init__(self, world: World, faults: Faults, families: Families, habits: Habits) -> None:
        self.world = world
        self.faults = faults
        self.families = families
        self.habits = habits
        self._first_habits = replace(habits)

    def routes(self) -> list[Route]:
        """Return the routes, each one method of this class."""
        table: Mapping[tuple[str, str], Callable[[Request, bytes], object]] = {
            ("GET", "state"): self.state,
            ("GET", "ledger"): self.ledger,
            ("POST", "voices"): self.make_voice,
            ("POST", "keys"): self.make_key,
            ("PATCH", "keys/{key:path}"): self.change_key,
            ("GET", "faults"): self.list_faults,
            ("POST", "faults"): self.plant,
            ("DELETE", "faults"): self.clear_faults,
            ("PATCH", "habits"): self.change_habits,
            ("POST", "clock"): self.step,
            ("POST", "reset"): self.reset,
        }
        plain = [Route(f"/_emulator/{path}", _endpoint(work), methods=[verb]) for (verb, path), work in table.items()]
        return [*plain, Route("/_emulator/audio", _sound)]

    def state(self, request: Request, _body: bytes) -> object:
        """Return the time, the voices, the keys, the tasks, the API families and their habits."""
        self.world.settle()
        return {
            "now": _iso(self.world.now()),
            "lifetime_seconds": self.world.lifetime.total_seconds(),
            "voices": [self._voice(voice) for voice in self.world.voices.values()],
            "keys": [{**asdict(key), "key": name[-4:]} for name, key in self.world.keys.items()],
            "tasks": [self._task(task) for task in self.world.tasks.values()],
            "families": self._families(str(request.base_url).rstrip("/")),
            "habits": asdict(self.habits),
        }

    def _families(self, url: str) -> list[dict[str, Any]]:
        return [
            {
                "name": family.name,
                "base_url": url + family.base,
                "root": family.root,
                "paths": [f"{o.method} {o.path}" for o in family.operations if family.serves(o)],
            }
            for family in self.families.all
        ]

    def _task(self, task: Task) -> dict[str, Any]:
        return {
            "task_id": task.task_id,
            "key": task.key[-4:],
            "voice_id": task.voice_id,
            "makes": task.makes,
            "stage": task.stage(self.world.now()),
            "ends_at": _iso(task.ends_at),
        }

    def _voice(self, voice: Voice) -> dict[str, Any]:
        times = {name: _iso(getattr(voice, name)) for name in ("cloned_at", "deadline", "used_at")}
        gone = {"key": voice.key[-4:], "deleted": voice.deleted(self.world.now())}
        return (
            {"voice_id": voice.voice_id, "origin": voice.origin, "uses": voice.uses, "paid": voice.paid} | times | gone
        )

    def ledger(self, _request: Request, _body: bytes) -> object:
        """Return every call, and what each voice cost."""
        self.world.settle()
        fees = self.world.fees().items()
        return {
            "calls": [{**asdict(call), "at": _iso(call.at)} for call in self.world.ledger],
            "fees": [{"key": key, "voice_id": voice_id, "fee": fee} for (key, voice_id), fee in fees],
        }

    def make_voice(self, _request: Request, body: bytes) -> object:
        """Make a voice, cloned now or at `cloned_at`."""
        order = VoiceOrder.model_validate_json(body)
        key = order.key or next(iter(self.world.keys))
        if key not in self.world.keys or (order.key is None and len(self.world.keys) > 1):
            raise ValueError("key: name one of the emulator's keys")
        return self._voice(self.world.clone(key, order.voice_id, order.cloned_at, order.origin))

    def make_key(self, _request: Request, body: bytes) -> object:
        """Add a key."""
        order = KeyOrder.model_validate_json(body)
        if order.key in self.world.keys:
            raise ValueError("key: exists already, PATCH it")
        key = self.world.keys[order.key] = Key(**order.model_dump(exclude={"key"}, exclude_none=True))
        return {**asdict(key), "key": order.key[-4:]}

    def change_key(self, request: Request, body: bytes) -> object:
        """Change a key's balance, limit or state."""
        name = request.path_params["key"]
        if name not in self.world.keys:
            raise ValueError("key: unknown, POST it first")
        for attribute, value in KeyChange.model_validate_json(body).model_dump(exclude_none=True).items():
            setattr(self.world.keys[name], attribute, value)
        return {**asdict(self.world.keys[name]), "key": name[-4:]}

    def list_faults(self, _request: Request, _body: bytes) -> object:
        """Return the planted faults, and how often each has struck."""
        return [_shown(fault) for fault in self.faults.planted]

    def plant(self, _request: Request, body: bytes) -> object:
        """Plant a fault."""
        fault = FAULT.validate_json(body)
        self.faults.add(fault)
        return _shown(fault)

    def clear_faults(self, _request: Request, _body: bytes) -> object:
        """Take all faults away."""
        self.faults.clear()
        return []

    def change_habits(self, _request: Request, body: bytes) -> object:
        """Change how the gateways behave; what is not named stays."""
        wanted = json.loads(body)
        if not isinstance(wanted, dict):
            raise ValueError("body: not a JSON object")  # noqa: TRY004 - answered with HTTP 400, as all bad orders are
        self.habits.become(HABITS.validate_python(asdict(self.habits) | wanted))
        return asdict(self.habits)

    def step(self, _request: Request, body: bytes) -> object:
        """Step the clock forward."""
        return {"now": _iso(self.world.advance(ClockOrder.model_validate_json(body).advance))}

    def reset(self, _request: Request, _body: bytes) -> object:
        """Go back to the start: no voices, no ledger, no faults, the first keys and habits."""
        self.world.reset()
        self.families.forget()
        self.habits.become(self._first_habits)
        self.faults.clear()
        return {"now": _iso(self.world.now())}


def _endpoint(work: Callable[[Request, bytes], object]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(work(request, await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": told(error)}, 400)
        except (ValueError, OverflowError, Refused) as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shown(fault: Fault) -> dict[str, Any]:
    return {**asdict(fault), "key": fault.key and fault.key[-4:]}


async def _sound(request: Request) -> Response:
    """Serve the sounds that answers link to."""
    form = request.query_params.get("format", "mp3")
    rate = request.query_params.get("sample_rate", "32000")
    if not rate.isdigit() or not 8000 <= int(rate) <= 48_000:  # noqa: PLR2004 - what any player takes
        return JSONResponse({"error": f"sample_rate: found {rate!r}, needs 8000 to 48000"}, 400)
    return Response(audio.sound(form, int(rate), 128_000, 1), media_type=f"audio/{form}")
