"""Who may come in: the host that was asked for, how often a client asks, and the bearer token."""

import hmac
import ipaddress
from collections.abc import Sequence
from enum import Enum
from http import HTTPStatus

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


class Access(Enum):
    """Who may do something; anybody may ask for health, and as often as they like."""

    HEALTH = "health"
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

    def check_host(self, request: Request) -> None:
        """Refuse a page of another site whose name leads here (DNS rebinding): browsers send that name as Host."""
        named = request.headers.getlist("host")
        if self.local and (len(named) != 1 or _without_port(named[0]) not in self._hosts):
            known = ", ".join(sorted(self._hosts))
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, f"the Host header must name this machine: one of {known}")

    def check_flood(self, client: str) -> None:
        """Refuse a client that asks too often."""
        if wait := self._requests.take(client):
            raise too_many("too many requests", wait)

    def check_token(self, request: Request, access: Access, token: Secret | None) -> None:
        """Refuse who writes, or from elsewhere reads, without the token of the configuration."""
        if access is Access.HEALTH or (access is Access.READ and self.local):
            return
        if token is None:
            why = "" if access is Access.WRITE else ", and serve.listen is not loopback"
            mend = "set it in the configuration and send it as a bearer token"
            raise Problem(HTTPStatus.FORBIDDEN, f"serve.api_token is not set{why}: {mend}")
        self._compare(client_of(request), request.headers.getlist("authorization"), token.reveal())

    def _compare(self, client: str, sent: Sequence[str], token: str) -> None:
        """Compare in constant time, and not at all while this client has guessed too often."""
        scheme, _, words = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise _unauthorized("send the header Authorization: Bearer and the token of serve.api_token", "Bearer")
        if wait := self._guesses.wait(client):
            raise too_many("too many wrong tokens", wait)
        if not hmac.compare_digest(words.strip().encode("latin-1"), token.encode()):
            self._guesses.take(client)
            raise _unauthorized("this is not the token of serve.api_token", 'Bearer error="invalid_token"')


def client_of(request: Request) -> str:
    """Return the client's address as the connection has it: what a header says of it anybody can write."""
    return request.client.host if request.client else ""


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
