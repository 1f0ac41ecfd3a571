"""The emulator as a server inside the running loop: `async with Emulator(...) as emulator`."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from voicekeeper.clock import Clock, WallClock
from voicekeeper.emulator.control import Control
from voicekeeper.emulator.desk import Desk
from voicekeeper.emulator.families import Families
from voicekeeper.emulator.faults import Fault, Faults
from voicekeeper.emulator.habits import Habits
from voicekeeper.emulator.operation import Family, Operation
from voicekeeper.emulator.records import Call, Key
from voicekeeper.emulator.world import LIFETIME, World

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IDLE_SECONDS = 75  # as long as a usual gateway keeps an idle connection
CLOSING_SECONDS = 2.0


class BreakableProtocol(H11Protocol):
    """HTTP/1.1 whose answers can reach their transport, to break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        """Put the transport into the state that each request's scope copies."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Emulator:
    """MiniMax's API and its gateways' on loopback, with their rules, their money, their time and their faults.

    All families share one world: a key is one account, whose voices any family reaches, so give each account its own.
    `habits` is how the gateways behave where their documents leave it open; it may be changed while it runs.
    `port` 0 takes any free one. OSError when the port is taken, ValueError for a host that is not loopback.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        keys: Mapping[str, Key] | None = None,
        lifetime: timedelta = LIFETIME,
        misbehave: float = 0.0,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        on_call: Callable[[Call], None] | None = None,
        habits: Habits | None = None,
    ) -> None:
        if host not in LOOPBACK:
            raise ValueError(
                f"host: found {host!r}, the emulator listens on loopback only: {', '.join(sorted(LOOPBACK))}"
            )
        self.world = World(clock or WallClock(), {"sk-emulator": Key()} if keys is None else keys, lifetime)
        self.habits = Habits() if habits is None else habits
        self.families = Families(self.habits)
        self.faults = Faults(self.families.paths(), self.families.paths(speech=True), seed, misbehave)
        self._control = Control(self.world, self.faults, self.families, self.habits)
        self._desk = Desk(self.world, self.families, self.faults, on_call)
        self._host, self._port = host, port
        self.url = ""

    def fault(self, fault: Fault) -> Fault:
        """Plant a fault and return it: its `struck` counts."""
        self.faults.add(fault)
        return fault

    async def __aenter__(self) -> Self:
        """Start serving; `url` is known from now on."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=2048)
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # inherited; else each answer waits 40 ms for an ACK
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{name}:{listener.getsockname()[1]}"
        self._server = _server(self._app())
        await self._server.startup(sockets=[listener])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once: open connections are cut, and every answer still under way ends with them."""
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await _ended(set(self._server.server_state.tasks))

    def _app(self) -> Starlette:
        served = [
            _route(self._desk, family, operation) for family in self.families.all for operation in family.operations
        ]
        lost = Route("/{path:path}", self._desk.lost, methods=VERBS)
        return Starlette(routes=[*served, *self._control.routes(), lost])


def _route(desk: Desk, family: Family, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        return await desk.take(request, family, operation)

    return Route(operation.path, endpoint, methods=[operation.method])


def _server(app: Starlette) -> uvicorn.Server:
    """Return a server whose `startup` is all that is used: no signals, no ticking, no waiting at the end."""
    config = uvicorn.Config(
        app,
        http=BreakableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait for the answers under way; those that do not end by themselves are cancelled."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=CLOSING_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
