"""What an HTTP status means when the body says nothing more exact."""

import re

from voicekeeper.core.outcome import Outcome
from voicekeeper.providers.minimax_codes import Meaning

_ADDRESS = "check base_url and path_prefix"
_BY_STATUS = {
    400: Meaning(Outcome.REFUSED, "the request is refused", "check keep.text and model"),
    401: Meaning(Outcome.BLOCKED, "the key is not accepted", "check api_key"),
    402: Meaning(Outcome.BLOCKED, "the balance is too low", "top up the account"),
    403: Meaning(Outcome.BLOCKED, "the account may not do this", "check api_key, balance and verification"),
    404: Meaning(Outcome.BLOCKED, "there is nothing at this address", _ADDRESS),
    405: Meaning(Outcome.BLOCKED, "this address takes no such request", _ADDRESS),
    407: Meaning(Outcome.TRANSIENT, "a proxy wants a user and password", "check HTTP_PROXY and HTTPS_PROXY"),
    408: Meaning(Outcome.AMBIGUOUS, "timeout at the provider"),
    413: Meaning(Outcome.REFUSED, "the request is too large"),
    422: Meaning(Outcome.REFUSED, "the request is refused", "check keep.text and model"),
    429: Meaning(Outcome.THROTTLED, "too many requests", "lower requests_per_minute"),
    504: Meaning(Outcome.AMBIGUOUS, "a gateway gave up waiting"),
    524: Meaning(Outcome.AMBIGUOUS, "a gateway gave up waiting"),
}


_ORIGIN = re.compile(r"https?://[\w.-]{1,253}(:\d{1,5})?(?=/|\?|$)", re.ASCII)


def meaning(status: int, location: str = "") -> Meaning | None:
    """Return what a status means; None for success, which only the body can prove.

    `location` is where a redirect points: it is told, and never followed.
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < 300:  # noqa: PLR2004 - HTTP's own classes
        return None
    if status < 400:  # noqa: PLR2004 - HTTP's own classes
        found = _ORIGIN.match(location)
        mend = f"{_ADDRESS}; where {found[0]} is your provider's, set base_url to it" if found else _ADDRESS
        return Meaning(Outcome.BLOCKED, "the address redirects elsewhere; keys are never sent along", mend)
    return Meaning(Outcome.TRANSIENT, "the provider fails")
