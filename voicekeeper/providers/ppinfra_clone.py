"""The clone call of PPInfra, PPIO, Novita and Jiekou: the audio by its address, the voice_id from the gateway.

Source: PPIO's and Novita's API documentation, "MiniMax Voice Cloning".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status
from voicekeeper.providers.answers import answer, as_object, no_answer, trace_of
from voicekeeper.providers.clone_answers import refusal, voice_id_of
from voicekeeper.providers.cloning import PATIENCE, PLAIN, PROMPT, Cloned, CloneRequest, DesignRequest, Rules
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.ppinfra import reason_of
from voicekeeper.providers.wire import Reply, Wire, WireError

RULES = Rules(
    takes=PROMPT | frozenset(PLAIN) - {"language_boost", "aigc_watermark"},
    by_file=False,
    by_url=True,
    longest_text=2000,
    makes_voice_id=True,
)


def connect(gateway: Gateway, access: Access) -> "PPInfraCloner":  # noqa: ARG001 - the shape of every family
    """Return one account of this family."""
    wire = Wire(access, timeout=PATIENCE * access.timeout, connections=1)
    return PPInfraCloner(wire, access.prefix)


@dataclass(frozen=True, slots=True)
class PPInfraCloner:
    """One account of this API."""

    wire: Wire
    prefix: str

    @property
    def rules(self) -> Rules:
        """What may be asked of it."""
        return RULES

    async def prepare(self, request: CloneRequest) -> Mapping[str, Any] | Answer:
        """Return the body: there is nothing to upload."""
        body: dict[str, Any] = {"audio_url": request.audio.url, **request.plain}
        if request.prompt_audio is not None:
            body["clone_prompt"] = {
                "prompt_audio_url": request.prompt_audio.url,
                "prompt_text": request.prompt_text,
            }
        return body

    async def clone(self, body: Mapping[str, Any]) -> Cloned | Answer:
        """Make the clone call."""
        try:
            return read_clone(await self.wire.post(f"{self.prefix}/v3/minimax-voice-cloning", body))
        except WireError as error:
            return no_answer(error)

    async def design(self, request: DesignRequest) -> Cloned | Answer:  # noqa: ARG002 - the protocol's
        """Say that there is no voice design."""
        return Answer(outcome=Outcome.REFUSED, message="This gateway has no voice design.")

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def read_clone(reply: Reply) -> Cloned | Answer:
    """Read the answer: without a voice_id that can be registered it is none."""
    body = as_object(reply) or {}
    voice_id, preview = voice_id_of(body), body.get("demo_audio_url")
    if http_status.meaning(reply.status) is None and voice_id is not None:
        return Cloned(
            voice_id=voice_id,
            preview=preview if isinstance(preview, str) else "",
            trace_id=trace_of(reply, body),
        )
    found, reason = refusal(reply, body), reason_of(body)
    return answer(reply, body, reason, None) if reason is not None and found.code is None else found
