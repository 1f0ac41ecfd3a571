"""Reading the answers to clone and design calls that bring no voice: why there is none, in the call's own words."""

from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status
from voicekeeper.providers.answers import (
    OF_ACCOUNT,
    answer,
    as_object,
    buried_code,
    clean,
    named,
    said_in,
    status_code,
)
from voicekeeper.providers.minimax_codes import CLONE_CODES, UNKNOWN, Meaning
from voicekeeper.providers.wire import Reply

_FIRST_SERVER_ERROR = 500
_LONGEST_ID = 256

#: What a failure's text names, the first that fits: there is no list of these texts.
_NAMED = (
    (r"clon\w* permission|permission to clone|identity|real.?name", CLONE_CODES[2038]),
    (r"duplicate|already exist|\btaken\b", CLONE_CODES[2039]),
    (r"duration|too (short|long)", CLONE_CODES[2037]),
    (r"similarity", CLONE_CODES[1043]),
    *OF_ACCOUNT,
    (r"sensitive|moderation|nsfw", CLONE_CODES[1027]),
    (r"invalid|validation", CLONE_CODES[2013]),
)
#: What the text beside an HTTP status may say more exactly than the status does, by the status's own outcome.
_NARROWED = {
    Outcome.REFUSED: (Outcome.REFUSED, Outcome.BLOCKED, Outcome.THROTTLED),
    Outcome.BLOCKED: (Outcome.BLOCKED,),  # HTTP 403 alone leaves open whether key or balance is at fault
}


def voice_id_of(body: dict[str, Any]) -> str | None:
    """Return the voice_id that the provider made, None where there is none that can be registered."""
    found = body.get("voice_id")
    fits = isinstance(found, str) and found.isprintable() and 0 < len(found) <= _LONGEST_ID
    return str(found) if fits else None


def refusal(reply: Reply, body: dict[str, Any] | None = None, status: int | None = None) -> Answer:
    """Say why a reply brings no voice, in a clone call's words; ambiguous where one may have been made.

    `status` is what the reply states where HTTP's own says nothing.
    """
    found = (as_object(reply) if body is None else body) or {}
    code = status_code(found)
    code = buried_code(reply.body[:20000].decode("utf-8", "replace")) if code is None else code
    meaning = _meaning(reply, found, code, reply.status if status is None else status)
    return answer(reply, found, meaning, code, None if found else clean(_text(reply)))


def refusal_in(reply: Reply, said: str) -> Answer:
    """Say why there is no voice where a text says it under a good status."""
    code = buried_code(said)
    found = CLONE_CODES.get(code or 0) or named(said, _NAMED)
    return answer(reply, {}, found or Meaning(Outcome.TRANSIENT, "the provider failed to do it"), code, clean(said))


def _meaning(reply: Reply, body: dict[str, Any], code: int | None, status: int) -> Meaning:
    by_status = _by_status(reply, status)
    if code in CLONE_CODES:
        return CLONE_CODES[code]
    if by_status is not None:
        return by_status
    if code not in (None, 0):
        return named(_text(reply), _NAMED) or UNKNOWN
    if not body and reply.body.lstrip().startswith(b"<"):
        return Meaning(Outcome.TRANSIENT, "a web page instead of an answer", "check base_url and path_prefix")
    return named(said_in(body), OF_ACCOUNT) or Meaning(Outcome.AMBIGUOUS, "an answer in no known shape")


def _by_status(reply: Reply, status: int) -> Meaning | None:
    """Return what an HTTP status means for a clone call; None for success."""
    found, exact = http_status.meaning(status, reply.location), named(_text(reply), _NAMED)
    if found is None:
        return None
    if exact is not None and exact.outcome in _NARROWED.get(found.outcome, ()):
        return exact
    if found.outcome is Outcome.REFUSED:
        return Meaning(Outcome.REFUSED, found.words, CLONE_CODES[2013].mend)
    # Whatever failed on the way back, the call may have been passed on and done.
    return found if status < _FIRST_SERVER_ERROR else Meaning(Outcome.AMBIGUOUS, found.words)


def _text(reply: Reply) -> str:
    return reply.body[:2000].decode("utf-8", "replace")
