"""How often each client may do something, in memory of a bounded size."""

import ipaddress
from collections import OrderedDict

from voicekeeper.clock import Clock

#: Clients. The one that was not seen for longest is forgotten first.
_REMEMBERED = 10_000
#: An IPv6 client has a whole network of addresses to itself.
_NETWORK = 64


class Allowance:
    """A burst for each client, then one every `1 / per_second` seconds (GCRA: one time for each client)."""

    def __init__(self, clock: Clock, burst: int, per_second: float) -> None:
        self._clock, self._space = clock, 1 / per_second
        self._ahead = (burst - 1) * self._space
        self._next: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str) -> float:
        """Return how many seconds a client has to wait, 0 when it may go on."""
        return max(0.0, self._next.get(_network(client), 0.0) - self._ahead - self._clock.monotonic())

    def take(self, client: str) -> float:
        """Count one, unless the client has to wait; return how many seconds that is."""
        wait, name, now = self.wait(client), _network(client), self._clock.monotonic()
        if wait:
            return wait
        self._next[name] = max(self._next.pop(name, now), now) + self._space
        if len(self._next) > _REMEMBERED:
            self._next.popitem(last=False)
        return 0.0


def _network(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:  # noqa: PLR2004 - the protocol's own number
        return client
    return str(ipaddress.ip_network((address, _NETWORK), strict=False))
