"""WaveSpeedAI's API: a prediction is submitted, then polled.

Source: WaveSpeedAI's API documentation, "MiniMax Speech" and "Get prediction result"; for the states that a prediction
can end in, WaveSpeedAI's own command-line client. A failure is HTTP 200 with status "failed" and a text; the texts are
not documented, so they are read by what they name. A refusal repeats its HTTP status in the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import Listing, Note, http_status, tasks
from voicekeeper.providers.answers import (
    OF_ACCOUNT,
    answer,
    as_object,
    buried_code,
    clean,
    judged,
    named,
    no_answer,
    number,
    said_in,
    unreadable,
)
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.minimax_codes import CODES, Meaning
from voicekeeper.providers.wire import Reply, Wire, WireError

#: What denies a voice: a text that only names it, of an outage say, is no such answer, and three would make a loss.
_DENIED = (
    r"(invalid|unknown|no such)\W{1,3}(the |this |custom )?voice.?id"
    r"|(access|permission) (to|for) (the |this )?voice.?id"
    r"|voice.?id\b.{0,80}(\bnot|n't|\bno longer|cannot)\b.{0,8}\b(exist|found|belong)"
    r"|voice.?id\W{1,3}(is )?(invalid|unknown|denied|expired|deleted)"
    r"|voice (does not|not) exist|access to this voice"
)
#: What a failure's text names, the first that fits.
_NAMED = (
    (_DENIED, CODES[2054]),
    *OF_ACCOUNT,
    (r"sensitive|moderation|nsfw", CODES[1026]),
    (r"invalid (param|input)|validation", CODES[2013]),
)
#: The states without a sound that a prediction stays in.
ENDED = frozenset({"failed", "cancelled", "timeout"})
_UNDER_WAY = frozenset({"created", "processing", "pending", "queued", "starting"})


def connect(gateway: Gateway, access: Access) -> "WaveSpeed":  # noqa: ARG001 - the shape of every family
    """Return one account of this family."""
    wire = Wire(access)
    return WaveSpeed(wire, access.prefix, access.model, access.timeout)


@dataclass(frozen=True, slots=True)
class WaveSpeed:
    """One account; a prediction is followed for `patience` seconds, and asked for again later."""

    wire: Wire
    prefix: str
    model: str
    patience: float

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Submit one prediction and follow it."""
        body = {"text": text, "voice_id": voice_id, "format": "mp3", "enable_sync_mode": False}
        return await tasks.followed(self._submit(body), note, self.resume, self.patience)

    async def resume(self, task_id: str) -> Answer:
        """Ask once what came of a prediction."""
        try:
            reply = await self.wire.get(f"{self.prefix}/predictions/{task_id}/result")
        except WireError as error:
            return tasks.still_open(task_id, str(error))
        return read_result(reply, task_id)

    async def listed(self) -> Listing:
        """Say that there is no list."""
        return Listing(None, "this gateway has no list of voices", absent=True)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()

    async def _submit(self, body: dict[str, Any]) -> Answer:
        try:
            reply = await self.wire.post(f"{self.prefix}/minimax/{self.model}", body)
        except WireError as error:
            return no_answer(error)
        return read_submitted(reply)


def read_submitted(reply: Reply) -> Answer:
    """Read the answer to a submission: the prediction's id, or why there is none."""
    body = as_object(reply)
    if body is None:
        return unreadable(reply)
    prediction = body.get("data")
    if http_status.meaning(reply.status) is None and isinstance(prediction, dict):
        task_id = prediction.get("id")
        if state_of(prediction) in ENDED:
            return _failed(reply, prediction)
        if isinstance(task_id, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", task_id):
            return tasks.still_open(task_id, "the prediction is under way")
    return _refused(reply, body)


def stated(reply: Reply, body: Mapping[str, Any]) -> int:
    """Return the status that an answer states: HTTP's, or the one in its body where only that is no success."""
    code = number(body.get("code")) or 0
    return code if reply.status < 300 <= code < 600 else reply.status  # noqa: PLR2004 - HTTP's own classes


def state_of(prediction: Mapping[str, Any]) -> str:
    """Return the state that a prediction is in, whatever stands there."""
    return str(prediction.get("status"))


def read_result(reply: Reply, task_id: str) -> Answer:
    """Read a prediction's state; only a completed one with an output is a keep."""
    body = as_object(reply) or {}
    prediction = body.get("data")
    if http_status.meaning(reply.status) is not None or not isinstance(prediction, dict):
        return tasks.still_open(task_id, f"its state cannot be read (HTTP {reply.status})")
    state = state_of(prediction)
    if state in ENDED:
        return replace(_failed(reply, prediction), task_id=task_id)
    if state == "completed" and prediction.get("outputs"):
        return replace(answer(reply, body, Meaning(Outcome.KEPT, "the prediction is complete"), None), task_id=task_id)
    return tasks.still_open(task_id, f"it is {clean(state)}" if state in _UNDER_WAY else "it has no output")


def _refused(reply: Reply, body: dict[str, Any]) -> Answer:
    """Judge a refusal by MiniMax's code in it, by what its text names, then by the status that it states."""
    found = judged(reply, body)
    if found.code is not None and int(found.code) in CODES:
        return found
    meaning = named(said_in(body), OF_ACCOUNT) or http_status.meaning(stated(reply, body), reply.location)
    return answer(reply, body, meaning, None) if meaning else found


def _failed(reply: Reply, prediction: dict[str, Any]) -> Answer:
    said = clean(str(prediction.get("error") or prediction["status"]))
    code = buried_code(said)
    meaning = CODES.get(code or 0) or named(said, _NAMED) or Meaning(Outcome.TRANSIENT, "the prediction failed")
    return answer(reply, {}, meaning, code, said)
