"""An HTTP server inside the daemon's own loop: it neither takes signals nor decides when to end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from voicekeeper.core.errors import ConfigError

#: Connections at once: without a bound they would take the files that the registry and the providers need.
MOST_CONNECTIONS = 200
#: Seconds that a client may take for the head of a request. Its body has a limit of its own.
PATIENCE = 10.0
#: So many times that long an answer may take, until its client has read it.
_LONGEST = 6


@asynccontextmanager
async def listening(app: Starlette, listen: str) -> AsyncIterator[str]:
    """Serve an application on HOST:PORT while the context lasts; give its address."""
    host, _, port = listen.rpartition(":")
    listener = bind(host, int(port))
    server = _server(app)
    await server.startup(sockets=[listener])
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        await _close(server)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; raise ConfigError where that cannot be."""
    bare = host.strip("[]")
    try:
        listener = socket.create_server((bare, port), family=socket.AF_INET6 if ":" in bare else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"serve.listen: cannot listen on {host}:{port}: {error}") from error
    # asyncio does so only for sockets of its own: without it each answer on a kept connection comes 40 ms late.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Impatient(H11Protocol):
    """A connection that is cut when there are too many, or when its client does not go on to ask or to read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own is as narrow
        """Take a connection, if there are not too many."""
        super().connection_made(transport)
        self._seen, self._looks = self.cycle, 0
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(PATIENCE, self._look)

    def _look(self) -> None:
        """Cut a connection on which nothing was asked since the last look, and nothing is answered or for too long."""
        unread = self.transport.get_write_buffer_size() > 0
        if self.transport.is_closing() and not unread:
            return
        # There is none before the first request.
        answered = getattr(self.cycle, "response_complete", True) and not unread
        self._looks = self._looks + 1 if self.cycle is self._seen else 0
        if self._looks and (answered or self._looks >= _LONGEST):
            self.transport.abort()
            return
        self._seen = self.cycle
        self.loop.call_later(PATIENCE, self._look)


def _server(app: Starlette) -> uvicorn.Server:
    # A client's address is the connection's: what X-Forwarded-For says of it would let a flood look like many clients.
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=_Impatient,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def _close(server: uvicorn.Server) -> None:
    """Stop listening and cut what is open: health answers are short, and a reader can ask again."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
