"""Who may come in: the host that was asked for, how often a client asks, and the bearer token."""

import hmac
import ipaddress
from collections.abc import Sequence
from enum import Enum
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request

from voicekeeper.clock import Clock
from voicekeeper.config.secrets import Secret
from voicekeeper.web.allowance import Allowance
from voicekeeper.web.problems import Problem, too_many

#: Requests of one client: so many at once, then so many a second.
FLOOD_BURST, FLOOD_RATE = 200, 50.0
#: Wrong tokens of one client: so many at once, then one in so many seconds.
GUESSES, GUESS_SECONDS = 10, 6.0
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


#: What proxies add. It can be written by anybody, and so only ever takes rights away.
_FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})


class Access(Enum):
    """Who may do something; anybody may ask for health, and as often as they like."""

    HEALTH = "health"
    ANYBODY = "anybody"
    READ = "read"
    WRITE = "write"


class Gate:
    """Lets requests in, or raises the Problem that says why not; `listen` is where the server listens."""

    def __init__(self, listen: str, clock: Clock) -> None:
        host = listen.rpartition(":")[0].lower()
        self.local = _is_loopback(host)
        self._hosts = _LOCAL_NAMES | {host}
        self._requests = Allowance(clock, FLOOD_BURST, FLOOD_RATE)
        self._guesses = Allowance(clock, GUESSES, 1 / GUESS_SECONDS)

    def check_host(self, request: Request, public_url: str | None) -> None:
        """Refuse a page of another site whose name leads here (DNS rebinding): browsers send that name as Host."""
        named = request.headers.getlist("host")
        known = self._hosts | ({host_of(public_url)} if public_url else set())
        if self.local and (len(named) != 1 or _without_port(named[0]) not in known):
            names = ", ".join(sorted(known))
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, f"the Host header must name this machine: one of {names}")

    def trusts(self, request: Request) -> bool:
        """Tell whether a request was made on this machine; what a proxy brings was made somewhere else."""
        near = self.local and _without_port(request.headers.get("host", "")) in self._hosts
        return near and _FORWARDED.isdisjoint(request.headers.keys())

    def check_flood(self, client: str) -> None:
        """Refuse a client that asks too often."""
        if wait := self._requests.take(client):
            raise too_many("too many requests", wait)

    def check_token(self, request: Request, access: Access, token: Secret | None) -> None:
        """Refuse who writes, or from elsewhere reads, without the token of the configuration."""
        if access in {Access.HEALTH, Access.ANYBODY} or (access is Access.READ and self.trusts(request)):
            return
        if token is None:
            from_elsewhere = "it came through a proxy" if self.local else "serve.listen is not loopback"
            why = "" if access is Access.WRITE else f", and {from_elsewhere}"
            mend = "set it in the configuration and send it as a bearer token"
            raise Problem(HTTPStatus.FORBIDDEN, f"serve.api_token is not set{why}: {mend}")
        self.compare(client_of(request), _bearer(request.headers.getlist("authorization")), token)

    def compare(self, client: str, sent: bytes, token: Secret) -> None:
        """Compare in constant time, and not at all while this client has guessed too often."""
        if wait := self._guesses.wait(client):
            raise too_many("too many wrong tokens", wait)
        if not hmac.compare_digest(sent, token.reveal().encode()):
            self._guesses.take(client)
            raise _unauthorized("this is not the token of serve.api_token", 'Bearer error="invalid_token"')


def client_of(request: Request) -> str:
    """Return the client's address as the connection has it: what a header says of it anybody can write."""
    return request.client.host if request.client else ""


def host_of(url: str) -> str:
    """Return the host of an address, as a Host header without a port names it."""
    return _without_port(urlsplit(url).netloc)


def _bearer(sent: Sequence[str]) -> bytes:
    scheme, _, words = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise _unauthorized("send the header Authorization: Bearer and the token of serve.api_token", "Bearer")
    return words.strip().encode("latin-1")


def _unauthorized(why: str, challenge: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, why, headers={"WWW-Authenticate": challenge})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
