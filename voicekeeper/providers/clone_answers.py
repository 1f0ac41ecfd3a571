"""Reading the answers to clone and design calls that bring no voice: why there is none, in the call's own words."""

import re
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status
from voicekeeper.providers.answers import answer, as_object, buried_code, clean, status_code
from voicekeeper.providers.minimax_codes import CLONE_CODES, UNKNOWN, Meaning
from voicekeeper.providers.wire import Reply

_FIRST_SERVER_ERROR = 500
_LONGEST_ID = 256

#: What a failure's text names, the first that fits: there is no list of these texts.
_NAMED = (
    (r"clon\w* permission|permission to clone|identity|real.?name", CLONE_CODES[2038]),
    (r"duplicate|already exist|taken", CLONE_CODES[2039]),
    (r"duration|too (short|long)", CLONE_CODES[2037]),
    (r"similarity", CLONE_CODES[1043]),
    (r"insufficient|balance|credit", CLONE_CODES[1008]),
    (r"rate limit|too many|concurren", CLONE_CODES[1002]),
    (r"sensitive|moderation|nsfw", CLONE_CODES[1027]),
    (r"invalid|validation", CLONE_CODES[2013]),
)


def voice_id_of(body: dict[str, Any]) -> str | None:
    """Return the voice_id that the provider made, None where there is none that can be registered."""
    found = body.get("voice_id")
    fits = isinstance(found, str) and found.isprintable() and 0 < len(found) <= _LONGEST_ID
    return str(found) if fits else None


def refusal(reply: Reply, body: dict[str, Any] | None = None) -> Answer:
    """Say why a reply brings no voice, in a clone call's words; ambiguous where one may have been made."""
    found = (as_object(reply) if body is None else body) or {}
    code = status_code(found)
    code = buried_code(reply.body[:20000].decode("utf-8", "replace")) if code is None else code
    return answer(reply, found, _meaning(reply, found, code), code, None if found else clean(_text(reply)))


def refusal_in(reply: Reply, said: str) -> Answer:
    """Say why there is no voice where a text says it under a good status."""
    code = buried_code(said)
    meaning = CLONE_CODES.get(code or 0) or _named(said) or Meaning(Outcome.TRANSIENT, "the provider failed to do it")
    return answer(reply, {}, meaning, code, clean(said))


def _meaning(reply: Reply, body: dict[str, Any], code: int | None) -> Meaning:
    by_status = _by_status(reply)
    if code in CLONE_CODES:
        return CLONE_CODES[code]
    if by_status is not None or code not in (None, 0):
        return by_status or UNKNOWN
    if not body and reply.body.lstrip().startswith(b"<"):
        return Meaning(Outcome.TRANSIENT, "a web page instead of an answer", "check base_url and path_prefix")
    return Meaning(Outcome.AMBIGUOUS, "an answer in no known shape")


def _by_status(reply: Reply) -> Meaning | None:
    """Return what an HTTP status means for a clone call; None for success."""
    found, named = http_status.meaning(reply.status, reply.location), _named(_text(reply))
    if found is None:
        return None
    if found.outcome is Outcome.REFUSED:
        return Meaning(Outcome.REFUSED, found.words, CLONE_CODES[2013].mend)
    if named is not None and found.outcome is named.outcome is Outcome.BLOCKED:
        return named  # HTTP 403 alone leaves open whether key or balance is at fault
    # Whatever failed on the way back, the call may have been passed on and done.
    return found if reply.status < _FIRST_SERVER_ERROR else Meaning(Outcome.AMBIGUOUS, found.words)


def _named(said: str) -> Meaning | None:
    """Read a failure by what its text names."""
    return next((meaning for words, meaning in _NAMED if re.search(words, said, re.IGNORECASE)), None)


def _text(reply: Reply) -> str:
    return reply.body[:2000].decode("utf-8", "replace")
