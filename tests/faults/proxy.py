"""A way over loopback to a database server that can be broken: silent, cut, or leading somewhere else."""

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL, make_url

_CHUNK = 65536
_PORTS = {"postgresql": 5432, "mysql": 3306}
#: To close a socket so that the other end is told at once that the connection broke.
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards what comes to its port; `silent` lets nothing through any more, but keeps everything open."""

    def __init__(self, server: str) -> None:
        self._to = make_url(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.silent = False
        self._open = True
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The server's URL by this way."""
        return self._to.set(host="127.0.0.1", port=self.port, query={}).render_as_string(hide_password=False)

    def lead_to(self, server: str) -> None:
        """Lead to another server from now on, and break what is open, as a failover does."""
        self._to = make_url(server)
        self.reset()

    def reset(self) -> None:
        """Break every connection."""
        for pair in list(self._pairs):
            self._pairs.discard(pair)
            for end in pair:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self) -> None:
        self._open = False
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while self._open:
            with contextlib.suppress(OSError):
                near, _ = self._listener.accept()
                self._lead(near)

    def _lead(self, near: socket.socket) -> None:
        try:
            far = _connected(self._to)
        except OSError:
            near.close()
            return
        self._pairs.add((near, far))
        threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready, contextlib.suppress(OSError, ValueError, KeyError):
            for one in other:
                ready.register(one, selectors.EVENT_READ, one)
            while (near, far) in self._pairs:
                for key, _ in [] if self.silent else ready.select(0.1):
                    end: socket.socket = key.data
                    if not (data := end.recv(_CHUNK)):
                        return self._end(near, far)
                    other[end].sendall(data)
                if self.silent:
                    threading.Event().wait(0.05)
        return self._end(near, far)

    def _end(self, near: socket.socket, far: socket.socket) -> None:
        self._pairs.discard((near, far))
        near.close()
        far.close()


def _connected(to: URL) -> socket.socket:
    folder = to.query.get("host")
    if isinstance(folder, str):
        end = socket.socket(socket.AF_UNIX)
        end.connect(f"{folder}/.s.PGSQL.{to.port or 5432}")
        return end
    return socket.create_connection((to.host or "127.0.0.1", to.port or _PORTS[to.get_backend_name()]))


@contextmanager
def proxying(server: str) -> Iterator[Proxy]:
    """Make such a way, and take it away at the end."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
