"""The demo itself: clones, sweeps, prints what happens, and at the end lets the provider's own list prove it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from voicekeeper import config
from voicekeeper.clock import ScaledClock
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.demo.audio import hum
from voicekeeper.demo.story import LENGTH, LIFETIME, ROLES, Role
from voicekeeper.emulator import Emulator, Fault, Key
from voicekeeper.registry import schema, voices
from voicekeeper.registry.voices import Filter, NewVoice
from voicekeeper.web.server import listening
from voicekeeper.wiring import App, open_app, open_database

_KEY = "sk-demo"
_SWEEP_EVERY = timedelta(minutes=30)
_AUDIO_SECONDS = 12
_CONFIG = """\
[registry]
url = "sqlite:///voicekeeper.db"

[accounts.demo]
provider = "minimax-cn"
base_url = "{provider}"
api_key = "{key}"
requests_per_minute = 60
price_per_voice = 9.9
currency = "CNY"

[alerts]
urls = ["{sink}"]
repeat_every = "48h"
"""

Say = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """How one role ended: in the registry, in the provider's list, and at the provider."""

    role: Role
    voice: Voice | None
    listed: bool
    alive: bool

    @property
    def as_told(self) -> bool:
        """Whether it came as the story says."""
        registered = self.voice is None or self.voice.status is self.role.ends
        return registered and self.listed is self.alive is (self.role.ends is Status.KEPT)


@dataclass(slots=True)
class Stage:
    """Everything that the demo has running; times are on its own fast clock."""

    clock: ScaledClock
    emulator: Emulator
    app: App
    folder: Path
    say: Say
    alerts: list[str] = field(default_factory=list)

    async def play(self) -> list[Ending]:
        """Let the weeks pass and return how every voice ended."""
        begin, roles = self.clock.now(), list(ROLES)
        end = begin + LENGTH
        while (now := self.clock.now()) < end:
            while roles and roles[0].at <= now - begin:
                await self._enter(roles.pop(0))
                end = max(end, self.clock.now() + LIFETIME + _SWEEP_EVERY)
            await self.app.round()
            await self.clock.sleep((_SWEEP_EVERY - (self.clock.now() - now)).total_seconds())
        return await self._endings()

    async def _enter(self, role: Role) -> None:
        """Clone one voice from a real audio file, over HTTP, and register it as its owner wants."""
        cloned_at = self.clock.now()
        audio = self.folder / f"{role.name}.wav"
        hum(audio, role.pitch, _AUDIO_SECONDS)
        async with httpx.AsyncClient(base_url=self.emulator.url, headers={"Authorization": f"Bearer {_KEY}"}) as client:
            with audio.open("rb") as file:
                upload = await client.post("/v1/files/upload", data={"purpose": "voice_clone"}, files={"file": file})
            clone = {"file_id": upload.json()["file"]["file_id"], "voice_id": role.voice_id}
            answer = (await client.post("/v1/voice_clone", json=clone)).json()
        if answer["base_resp"]["status_code"] != 0:
            raise RuntimeError(f"the emulator refused to clone {role.voice_id}: {answer}")
        if role.failures:
            self.emulator.fault(Fault(kind="code", code=1000, voice_id=role.voice_id, times=role.failures))
        if role.intent is not None:
            await self._register(role, NewVoice(account="demo", voice_id=role.voice_id, cloned_at=cloned_at))
        self.say("cloned", role.voice_id, role.part)

    async def _register(self, role: Role, voice: NewVoice) -> None:
        await self.app.database.run(voices.register, [voice])
        if role.intent not in (None, Intent.KEEP):
            found = await self.app.database.run(voices.find, role.voice_id)
            await self.app.database.run(voices.decide, found[0], role.intent, self.clock.now())

    async def _endings(self) -> list[Ending]:
        listing = await self.app.keeper.lines["demo"].provider.listed()
        known = {voice.voice_id: voice for voice in await self.app.database.run(voices.listing, Filter(), None, 100)}
        now = self.emulator.world.now()
        return [
            Ending(
                role,
                known.get(role.voice_id),
                listed=role.voice_id in (listing.voice_ids or ()),
                alive=not self.emulator.world.voices[_KEY, role.voice_id].deleted(now),
            )
            for role in ROLES
        ]

    def fees(self) -> float:
        """Return what the provider has charged for keeping."""
        return sum(self.emulator.world.fees().values())


class Narrator:
    """Stands in for the log: says what the keeper does, in words."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def log(self, _level: int, event: str, **facts: Any) -> None:  # noqa: ANN401 - like structlog's
        """Say one event."""
        words = _WORDS.get(event)
        if words is not None:
            self._say(words, str(facts.get("voice_id", "")), _about(event, facts))

    def info(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - likewise
        """Say one event."""
        self.log(0, event, **facts)

    warning = error = exception = info


_WORDS = {
    "voice.kept": "kept",
    "voice.retry_scheduled": "failed",
    "voice.lost": "lost",
    "voice.released": "let go",
    "voice.verified": "proven",
}


def _about(event: str, facts: dict[str, Any]) -> str:
    if event == "voice.kept":
        return f"one short T2A call, {facts['slack_s'] // 3600} h before its deadline"
    if event == "voice.verified":
        return "the provider's own list shows it: permanent"
    return str(facts.get("reason") or "its deadline has passed, as its owner wanted")


@asynccontextmanager
async def stage(folder: Path, clock: ScaledClock, say: Say) -> AsyncIterator[Stage]:
    """Start the emulator, the alert sink and the keeper, all on loopback and on one fast clock."""
    alerts: list[str] = []
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(clock=clock, keys={_KEY: Key(balance=1000.0)}))
        sink = await stack.enter_async_context(listening(_sink(alerts, say), "127.0.0.1:0"))
        path = folder / "voicekeeper.toml"
        text = _CONFIG.format(provider=emulator.url, key=_KEY, sink=sink.replace("http://", "json://"))
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        settings = config.load(path)
        database = open_database(settings, folder, create=True)
        schema.migrate(database)
        database.close()
        app = await stack.enter_async_context(open_app(settings, folder, clock=clock, log=Narrator(say)))
        yield Stage(clock, emulator, app, folder, say, alerts)


def _sink(alerts: list[str], say: Say) -> Starlette:
    """Return a webhook like one of a chat or a pager, which takes what people would be told."""

    async def take(request: Request) -> Response:
        title = str((await request.json())["title"]).removeprefix("voicekeeper: ")
        alerts.append(title)
        say("ALERT", "", title)
        return Response(status_code=204)

    return Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])
