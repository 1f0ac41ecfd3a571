"""Reading answers: MiniMax's shape, its codes where a gateway buried them, and the words for a person."""

import json
import re
from collections.abc import Iterable
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status
from voicekeeper.providers.minimax_codes import CODES, UNKNOWN, Meaning
from voicekeeper.providers.wire import Reply, WireError

#: Gateways bury MiniMax's code in a text of their own.
_BURIED_CODE = re.compile(r"code\W{1,6}(\d{4,5})\b", re.IGNORECASE)
#: What a refusal's text names that the account itself must mend, the first that fits: few gateways number it.
OF_ACCOUNT = (
    (r"insufficient (credit|balance|fund|quota)|balance(?!d)|credits?\b|top.?up", CODES[1008]),
    (r"rate limit|too many|concurren", CODES[1002]),
)
_AUDIO = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"RIFF", b"fLaC", b"OggS")
_SHOWN = 200
_LONGEST_TRACE = 128
_LARGEST_NUMBER = 10**9


def no_answer(error: WireError) -> Answer:
    """Say what it means that there is no whole answer: the request may have been worked, or was never sent."""
    return Answer(outcome=Outcome.AMBIGUOUS if error.sent else Outcome.TRANSIENT, message=str(error))


def is_audio(reply: Reply) -> bool:
    """Tell whether the answer is nothing but audio, as some gateways send it."""
    return reply.status == 200 and reply.body.startswith(_AUDIO)  # noqa: PLR2004 - HTTP's own number


def as_object(reply: Reply) -> dict[str, Any] | None:
    """Return the answer's JSON object, an empty one for other JSON, None for what is no JSON."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):  # the latter is what a body of opening brackets ends in
        return None
    return body if isinstance(body, dict) else {}


def spoken(reply: Reply, body: dict[str, Any]) -> Answer:
    """Return a keep that is proven by its sound alone, without a code."""
    return Answer(
        outcome=Outcome.KEPT,
        http_status=reply.status,
        trace_id=trace_of(reply, body),
        server_time=reply.server_time,
    )


def judged(reply: Reply, body: dict[str, Any]) -> Answer:
    """Judge an answer in MiniMax's shape, or a gateway's error around it."""
    code = _code(reply, body)
    if code == 0 and reply.status < 300:  # noqa: PLR2004 - HTTP's own classes
        return _succeeded(reply, body)
    by_status = http_status.meaning(reply.status, reply.location)
    if code in CODES:
        return answer(reply, body, CODES[code], code)
    if by_status is not None:
        return answer(reply, body, by_status, code)
    if code is None:
        return answer(reply, body, Meaning(Outcome.AMBIGUOUS, "an answer in no known shape"), code)
    return answer(reply, body, UNKNOWN, code)


def _succeeded(reply: Reply, body: dict[str, Any]) -> Answer:
    inner = body.get("data")
    audio = inner.get("audio") if isinstance(inner, dict) else None
    if not isinstance(audio, str) or not audio.strip():
        return answer(reply, body, Meaning(Outcome.AMBIGUOUS, "success without audio"), 0)
    extra = body.get("extra_info")
    return Answer(
        outcome=Outcome.KEPT,
        code="0",
        http_status=reply.status,
        trace_id=trace_of(reply, body),
        characters=number(extra.get("usage_characters")) if isinstance(extra, dict) else None,
        server_time=reply.server_time,
    )


def unreadable(reply: Reply) -> Answer:
    """Judge a body that is no JSON: a page, a cut answer, nothing at all."""
    text = clean(reply.body[:2000].decode("utf-8", "replace"))
    code = buried_code(text)
    if code in CODES:
        return answer(reply, {}, CODES[code], code, text)
    found = http_status.meaning(reply.status, reply.location)
    if found is None and text.startswith("<"):
        found = Meaning(Outcome.TRANSIENT, "a web page instead of an answer", "check base_url and path_prefix")
    return answer(reply, {}, found or Meaning(Outcome.AMBIGUOUS, "an answer that cannot be read"), None, text)


def answer(reply: Reply, body: dict[str, Any], found: Meaning, code: int | None, said: str | None = None) -> Answer:
    """Put what an answer means into words, with its evidence."""
    said = said_in(body) if said is None else said
    number = f"code {code}" if code is not None else f"HTTP {reply.status}"
    words = f"{found.words} ({number}{f': {said}' if said else ''})"
    return Answer(
        outcome=found.outcome,
        message=f"{words}: {found.mend}." if found.mend else f"{words}.",
        code=str(code) if code is not None else None,
        http_status=reply.status,
        trace_id=trace_of(reply, body),
        retry_after=reply.retry_after,
        server_time=reply.server_time,
    )


def status_code(body: dict[str, Any]) -> int | None:
    """Return the code of base_resp, None where there is none."""
    base = body.get("base_resp")
    return number(base.get("status_code")) if isinstance(base, dict) else None


def _code(reply: Reply, body: dict[str, Any]) -> int | None:
    """Find MiniMax's code: in base_resp, or buried in a gateway's own error."""
    code = status_code(body)
    return buried_code(reply.body[:20000].decode("utf-8", "replace")) if code is None else code


def buried_code(text: str) -> int | None:
    """Find a code in a gateway's words; one of MiniMax's goes before the gateway's own."""
    codes = [int(found) for found in _BURIED_CODE.findall(text)]
    return next((code for code in codes if code in CODES), codes[0] if codes else None)


def number(value: object) -> int | None:
    """Read a number, which some gateways write as text; None for one that no registry could hold."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_NUMBER:
        return value
    return None


def named(said: str, table: Iterable[tuple[str, Meaning]]) -> Meaning | None:
    """Read a text by what it names: the first pattern of the table that fits says what it means."""
    return next((meaning for words, meaning in table if re.search(words, said, re.IGNORECASE)), None)


def said_in(body: dict[str, Any]) -> str:
    """Return a gateway's own words, wherever it puts them."""
    for part, key in (("base_resp", "status_msg"), ("error", "message")):
        inner = body.get(part)
        if isinstance(inner, dict) and inner.get(key):
            return clean(str(inner[key]))
    return clean(next((body[key] for key in ("message", "msg", "error") if isinstance(body.get(key), str)), ""))


def trace_of(reply: Reply, body: dict[str, Any]) -> str | None:
    """Return what support asks for."""
    found = body.get("trace_id") or reply.headers.get("trace-id")
    return (clean(str(found))[:_LONGEST_TRACE] or None) if found else None


def clean(text: str) -> str:
    """Keep a provider's words short, on one line, without control characters: they are shown, never interpreted."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 10 * _SHOWN])
    return " ".join(shown.split())[:_SHOWN]
