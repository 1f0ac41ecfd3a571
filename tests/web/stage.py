"""The HTTP face of a registry, served on loopback as the daemon serves it, with a clock that only a test moves."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.databases import HandClock
from voicekeeper import config
from voicekeeper.registry import planning
from voicekeeper.registry.voices import NewVoice, register
from voicekeeper.web.application import application
from voicekeeper.web.face import Face
from voicekeeper.web.server import listening
from voicekeeper.wiring import App, open_app

#: Made once: it costs more than the rest of a test, and nothing here is encrypted.
_ENCRYPTION = ssl.create_default_context()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKEN = "a-token-of-the-tests-only"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NEW = {"account": "main", "voice_id": "voice-one-1", "cloned_at": "2026-11-20T11:00:00Z"}
_CONFIGURATION = """
[registry]
url = "{url}"

[accounts.main]
provider = "minimax-cn"
base_url = "http://127.0.0.1:9"
api_key = "sk-test"

[serve]
{serve}
{more}
"""


class StandingClock(HandClock):
    """A clock that also stands still while somebody sleeps by it."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.001 if seconds else 0)

    def move_seconds(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))


@dataclass
class Stage:
    """A face on show: what it serves, and a client that talks to it."""

    face: Face
    app: App
    client: httpx.AsyncClient
    clock: StandingClock
    wakes: list[datetime] = field(default_factory=list)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def post(self, body: object = NEW, **more: Any) -> httpx.Response:
        return await self.client.post("/api/voices", json=body, headers=BEARER, **more)

    async def patch(self, path: str, body: object) -> httpx.Response:
        return await self.client.patch(f"/api/voices/{path}", json=body, headers=BEARER)

    def add(self, *voice_ids: str, **facts: Any) -> None:
        """Register voices as somebody else would."""
        known = {"account": "main", "cloned_at": NOW - timedelta(hours=1), **facts}
        self.app.database.call(register, [NewVoice(voice_id=name, **known) for name in voice_ids])

    async def looked_ahead(self) -> None:
        """Look ahead as after a sweep, at the test's own time."""
        keeper = self.app.keeper
        self.app.database.call(planning.plan_some, self.app.settings.policies, self.app.settings.default_policy)
        keeper.foresight._clock = self.clock
        await keeper.foresight.look([keeper._ahead(line) for line in keeper.lines.values()])

    async def counted(self) -> None:
        """Have everything counted, and wait until nobody counts any more."""
        asked = self.face.census._asked
        asked.set()
        await until(lambda: asked._waiters and not asked.is_set())


async def until(look: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - what is looked at is not ours to signal
            await asyncio.sleep(0.01)


@asynccontextmanager
async def staged(
    folder: Path,
    url: str,
    *,
    token: str | None = TOKEN,
    listen: str = "127.0.0.1:0",
    public_url: str | None = None,
    more: str = "",
) -> AsyncIterator[Stage]:
    """Serve this registry while the context lasts; `more` is added to the configuration."""
    told = {"listen": listen, "api_token": token, "public_url": public_url}
    serve = [f'{name} = "{value}"' for name, value in told.items() if value]
    path = folder / "voicekeeper.toml"
    path.write_text(_CONFIGURATION.format(url=url, serve="\n".join(serve), more=more), encoding="utf-8")
    clock, wakes = StandingClock(NOW), list[datetime]()
    face = Face(clock, lambda: timedelta(minutes=10), lambda: wakes.append(clock.now()))
    async with (
        open_app(config.load(path), folder) as app,
        face.showing(app),
        listening(application(face, listen), listen) as address,
        httpx.AsyncClient(base_url=_reached(address), trust_env=False, verify=_ENCRYPTION) as client,
    ):
        yield Stage(face, app, client, clock, wakes)


def _reached(address: str) -> str:
    """Return where a server that listens everywhere is reached."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:")
