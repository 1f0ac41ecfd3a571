"""WaveSpeedAI's clone and design calls: predictions that are submitted, then polled.

Source: WaveSpeedAI's API documentation, "MiniMax Voice Clone" and "MiniMax Voice Design". The audio goes along as a
data URL, or by its address.
"""

import asyncio
import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status, tasks
from voicekeeper.providers.answers import as_object, no_answer, trace_of
from voicekeeper.providers.clone_answers import refusal, refusal_in
from voicekeeper.providers.cloning import (
    PATIENCE,
    PLAIN,
    Cloned,
    CloneRequest,
    DesignRequest,
    Recording,
    Rules,
)
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.wavespeed import ENDED, state_of, stated
from voicekeeper.providers.wire import Reply, Wire, WireError

RULES = Rules(
    takes=frozenset(PLAIN) - {"text_validation", "aigc_watermark"},
    by_url=True,
    longest_text=2000,
    designs=True,
    names_designs=True,
    new_id=re.compile(r"(?=.*\d)[A-Za-z][A-Za-z0-9]{7,255}"),
    new_id_words="8 or more letters and digits, both of them, beginning with a letter",
)
_EVERY = 0.5


def connect(gateway: Gateway, access: Access) -> "WaveSpeedCloner":  # noqa: ARG001 - the shape of every family
    """Return one account of this family."""
    patience = PATIENCE * access.timeout
    wire = Wire(access, timeout=patience, connections=1)
    return WaveSpeedCloner(wire, access.prefix, access.model, patience)


@dataclass(frozen=True, slots=True)
class WaveSpeedCloner:
    """One account; its clone call always names a model, and its prediction is followed for `patience` seconds."""

    wire: Wire
    prefix: str
    model: str
    patience: float

    @property
    def rules(self) -> Rules:
        """What may be asked of it."""
        return RULES

    async def prepare(self, request: CloneRequest) -> Mapping[str, Any] | Answer:
        """Return the body, with the audio in it."""
        named = {"custom_voice_id": request.voice_id, "model": self.model}
        return {"audio": _inline(request.audio), **named, **request.plain}

    async def clone(self, body: Mapping[str, Any]) -> Cloned | Answer:
        """Submit the prediction and follow it."""
        return await self._made("voice-clone", body)

    async def design(self, request: DesignRequest) -> Cloned | Answer:
        """Submit the prediction and follow it."""
        named = {"custom_voice_id": request.voice_id}
        return await self._made("voice-design", {"prompt": request.prompt, "text": request.preview_text, **named})

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()

    async def _made(self, call: str, body: Mapping[str, Any]) -> Cloned | Answer:
        try:
            begun = read_prediction(await self.wire.post(f"{self.prefix}/minimax/{call}", body))
        except WireError as error:
            return no_answer(error)
        if isinstance(begun, Cloned) or begun.task_id is None:
            return begun
        try:
            async with asyncio.timeout(self.patience):
                return await self._followed(begun.task_id)
        except TimeoutError:
            return replace(begun, message=f"Task {begun.task_id} has not ended within {self.patience:g} s.")

    async def _followed(self, task_id: str) -> Cloned | Answer:
        """Ask until the prediction has ended; a question that fails says nothing about it."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                reply = await self.wire.get(f"{self.prefix}/predictions/{task_id}/result")
            except WireError:
                continue
            if http_status.meaning(reply.status) is not None:
                continue
            found = read_prediction(reply)
            if isinstance(found, Cloned) or found.outcome is not Outcome.AMBIGUOUS or _ended(reply):
                return found


def _ended(reply: Reply) -> bool:
    """Tell whether a prediction stays as it is."""
    prediction = (as_object(reply) or {}).get("data")
    return isinstance(prediction, dict) and state_of(prediction) in ENDED


def read_prediction(reply: Reply) -> Cloned | Answer:
    """Read a prediction: completed, failed with its reason, or under way, which is ambiguous with its `task_id`."""
    body = as_object(reply)
    prediction = (body or {}).get("data")
    if http_status.meaning(reply.status) is not None or not isinstance(prediction, dict):
        return refusal(reply, body, stated(reply, body or {}))
    state, outputs = state_of(prediction), prediction.get("outputs")
    if state == "failed":
        return refusal_in(reply, str(prediction.get("error") or ""))
    if state in ENDED:
        return Answer(outcome=Outcome.AMBIGUOUS, message=f"The prediction ended as {state}.")
    if state == "completed":
        preview = outputs[0] if isinstance(outputs, list) and outputs else ""
        return Cloned(preview=preview if isinstance(preview, str) else "", trace_id=trace_of(reply, body or {}))
    task_id = prediction.get("id")
    if isinstance(task_id, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", task_id):
        return tasks.still_open(task_id, "the prediction is under way")
    return refusal(reply, body)


def _inline(audio: Recording) -> str:
    if audio.url is not None:
        return audio.url
    assert audio.sound is not None, "checked before: an address or a file"  # noqa: S101 - a mistake of ours
    encoded = base64.b64encode(audio.sound.content).decode("ascii")
    return f"data:{audio.sound.format.media_type};base64,{encoded}"
