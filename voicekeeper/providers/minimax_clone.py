"""MiniMax's clone and design calls, and those of every gateway in its shape.

Source: MiniMax's API documentation, "Upload File", "Voice Clone" and "Voice Design". The clone's answer names neither
voice nor time; `input_sensitive` is an object in newer copies of the page, a bool in older ones.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voicekeeper.audio import Sound
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import http_status
from voicekeeper.providers.answers import as_object, no_answer, status_code, trace_of
from voicekeeper.providers.clone_answers import refusal, voice_id_of
from voicekeeper.providers.cloning import (
    PATIENCE,
    PLAIN,
    PROMPT,
    Cloned,
    CloneRequest,
    DesignRequest,
    Recording,
    Rules,
)
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.minimax import group
from voicekeeper.providers.wire import Reply, Wire, WireError

RULES = Rules(takes=PROMPT | frozenset(PLAIN), designs=True)
_ABSENT = frozenset({404, 405})
_LONGEST_FILE_ID = 19


def connect(gateway: Gateway, access: Access) -> "MiniMaxCloner":
    """Return one account of this family."""
    wire = Wire(access, timeout=PATIENCE * access.timeout, connections=1, query=group(access))
    return MiniMaxCloner(wire, access.prefix, gateway)


@dataclass(frozen=True, slots=True)
class MiniMaxCloner:
    """One account that speaks MiniMax's API below `prefix`."""

    wire: Wire
    prefix: str
    gateway: Gateway

    @property
    def rules(self) -> Rules:
        """What may be asked of it."""
        return RULES

    async def prepare(self, request: CloneRequest) -> Mapping[str, Any] | Answer:
        """Upload the audio, and the prompt's where there is one."""
        body: dict[str, Any] = {"voice_id": request.voice_id, **request.plain}
        file_id = await self._upload(request.audio, "voice_clone")
        if isinstance(file_id, Answer):
            return file_id
        if request.prompt_audio is not None:
            prompt_id = await self._upload(request.prompt_audio, "prompt_audio")
            if isinstance(prompt_id, Answer):
                return prompt_id
            body["clone_prompt"] = {"prompt_audio": prompt_id, "prompt_text": request.prompt_text}
        return {"file_id": file_id, **body}

    async def clone(self, body: Mapping[str, Any]) -> Cloned | Answer:
        """Make the clone call."""
        try:
            reply = await self.wire.post(f"{self.prefix}/v1/voice_clone", body)
        except WireError as error:
            return no_answer(error)
        return read_clone(reply, empty_means_cloned=self.gateway.empty_means_cloned)

    async def design(self, request: DesignRequest) -> Cloned | Answer:
        """Make the design call."""
        wanted = {"voice_id": request.voice_id, "aigc_watermark": request.aigc_watermark or None}
        body = {name: value for name, value in wanted.items() if value is not None}
        words = {"prompt": request.prompt, "preview_text": request.preview_text}
        try:
            reply = await self.wire.post(f"{self.prefix}/v1/voice_design", words | body)
        except WireError as error:
            return no_answer(error)
        return read_design(reply)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()

    async def _upload(self, recording: Recording, purpose: str) -> int | Answer:
        """Upload one audio to the first path that exists; return its file_id."""
        sound = recording.sound
        assert sound is not None, "checked before: this family wants a file"  # noqa: S101 - a mistake of ours
        answer = Answer(outcome=Outcome.REFUSED, message="The gateway's row names no upload path.")
        for path in self.gateway.upload_paths:
            reply = await self._sent(path, purpose, sound)
            if isinstance(reply, Answer):
                return reply
            file_id = read_file_id(reply)
            if file_id is not None:
                return file_id
            answer = _not_uploaded(reply)
            if not _absent(reply):
                return answer
        return answer

    async def _sent(self, path: str, purpose: str, sound: Sound) -> Reply | Answer:
        name = f"{purpose}.{sound.format}"  # not the file's own: a name may say more than its owner wants
        try:
            return await self.wire.upload(
                f"{self.prefix}{path}", {"purpose": purpose}, name, sound.content, sound.format.media_type
            )
        except WireError as error:
            # An upload makes no voice, so it is never in doubt.
            return Answer(outcome=Outcome.TRANSIENT, message=f"The audio could not be uploaded: {error}.")


def read_file_id(reply: Reply) -> int | None:
    """Return the id of an uploaded file, which some gateways write as text; None when there is none."""
    file = (as_object(reply) or {}).get("file")
    found = file.get("file_id") if isinstance(file, dict) else None
    if http_status.meaning(reply.status) is not None or isinstance(found, bool):
        return None
    if isinstance(found, str) and found.isdecimal() and found.isascii() and len(found) <= _LONGEST_FILE_ID:
        return int(found)
    return found if isinstance(found, int) and found > 0 else None


def read_clone(reply: Reply, *, empty_means_cloned: bool = False) -> Cloned | Answer:
    """Read the answer to a clone call: code 0, a success in an older shape, or `{}` where the gateway says no more."""
    body = as_object(reply)
    if body is None or http_status.meaning(reply.status) is not None:
        return refusal(reply, body)
    code = status_code(body)
    plain = code is None and not body.get("base_resp") and not body.get("code") and "error" not in body
    silent = plain and ("input_sensitive" in body or "demo_audio" in body)
    if code == 0 or silent or (empty_means_cloned and json.loads(reply.body) == {}):
        preview = body.get("demo_audio")
        return Cloned(
            preview=preview if isinstance(preview, str) else "",
            trace_id=trace_of(reply, body),
            warnings=_sensitive(body),
        )
    return refusal(reply, body)


def read_design(reply: Reply) -> Cloned | Answer:
    """Read the answer to a design call, which names the voice."""
    body = as_object(reply)
    if body is None or http_status.meaning(reply.status) is not None or status_code(body) not in (0, None):
        return refusal(reply, body)
    voice_id, preview = voice_id_of(body), body.get("trial_audio")
    if voice_id is None:
        return refusal(reply, body)
    return Cloned(
        voice_id=voice_id,
        preview=preview if isinstance(preview, str) else "",
        trace_id=trace_of(reply, body),
    )


def _sensitive(body: dict[str, Any]) -> tuple[str, ...]:
    """Read `input_sensitive`: an object with a type, or a bool beside `input_sensitive_type`."""
    found = body.get("input_sensitive")
    kind = found.get("type") if isinstance(found, dict) else body.get("input_sensitive_type")
    if (isinstance(found, dict) and kind) or found is True:
        return (f"the provider marks the audio as sensitive (type {kind!s:.20})",)
    return ()


def _absent(reply: Reply) -> bool:
    """Tell whether there is nothing at this path: some gateways show a web page for it."""
    return reply.status in _ABSENT or reply.body.lstrip().startswith(b"<")


def _not_uploaded(reply: Reply) -> Answer:
    """Say why there is no file; an upload makes no voice, so it is never in doubt."""
    answer = refusal(reply)
    outcome = Outcome.TRANSIENT if answer.outcome is Outcome.AMBIGUOUS else answer.outcome
    return Answer(
        outcome=outcome,
        message=f"The audio could not be uploaded: {answer.message}",
        code=answer.code,
        http_status=answer.http_status,
        trace_id=answer.trace_id,
    )
