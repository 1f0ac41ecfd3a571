"""MiniMax's own shapes: what each path takes and answers (PROVIDERS.md § 2)."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from voicekeeper.emulator import audio, requests, samples
from voicekeeper.emulator.operation import Arrival, Asked, Done, Failure, Family, Json, Operation
from voicekeeper.emulator.records import Grade, Origin, Reason, Refused, Stage, Voice
from voicekeeper.emulator.world import SYSTEM_VOICES

LISTS: Mapping[str, Origin] = {"voice_cloning": "clone", "voice_generation": "design"}
STATUS: Mapping[Stage, str] = {
    "created": "Processing",
    "processing": "Processing",
    "completed": "Success",
    "failed": "Failed",
}


def envelope(code: int, message: str, trace_id: str, fields: Mapping[str, Any] | None = None) -> Json:
    """Wrap an answer: MiniMax says in the body how it went, under HTTP 200."""
    return {**(fields or {}), "trace_id": trace_id, "base_resp": {"status_code": code, "status_msg": message}}


def empty(sound: str | None) -> Json:
    """Return a T2A answer with no data (`sound` None) or with that for sound."""
    return {"data": None if sound is None else {"audio": sound, "status": 2}, "extra_info": None}


def check_visible(asked: requests.Spoken) -> None:
    """Refuse a text with too many characters that nobody can see."""
    if asked.invisible > 0.1:  # noqa: PLR2004 - the provider's own figure (PROVIDERS.md, code 1042)
        raise Refused(Reason.INVISIBLE)


def speak(asked: Asked, body: requests.T2A) -> Done:
    """Answer a synchronous T2A."""
    return speak_as(asked, body, requests.grade(body.model))


def speak_as(asked: Asked, body: requests.Synchronous, grade: Grade) -> Done:
    """Speak with a model of that price class: the formal use that keeps a voice."""
    check_visible(body)
    made = body.audio_setting
    sound = audio.sound(made.format, made.sample_rate, made.bitrate, made.channel)
    fee = asked.world.speak(asked.key, body.voice_setting.voice_id, body.characters, grade)
    by_url = body.output_format == "url"
    fields = {
        "data": {
            "audio": asked.sound_url(made.format, made.sample_rate) if by_url else sound.hex(),
            "status": 2,
        },
        "extra_info": {
            "audio_length": int(audio.SECONDS * 1000),
            "audio_sample_rate": made.sample_rate,
            "audio_size": len(sound),
            "bitrate": made.bitrate,
            "word_count": len(body.text.split()),
            "invisible_character_ratio": body.invisible,
            "usage_characters": body.characters,
            "audio_format": made.format,
            "audio_channel": made.channel,
        },
    }
    return Done(fields, body.characters, fee, sound)


def upload(asked: Asked, form: requests.Uploading) -> Done:
    """Take a file in."""
    if asked.content is None:
        raise Refused(Reason.INVALID, "file: Field required")
    if not asked.filename.lower().endswith((".mp3", ".m4a", ".wav")):
        raise Refused(Reason.INVALID, f"file: {asked.filename!r} is not mp3, m4a or wav")
    seconds = samples.sample(asked.content, "file").seconds
    kept = asked.world.upload(asked.key, form.purpose, asked.filename, len(asked.content), seconds)
    return Done(
        {
            "file": {
                "file_id": kept.file_id,
                "bytes": kept.size,
                "created_at": int(kept.created_at.timestamp()),
                "filename": kept.filename,
                "purpose": kept.purpose,
            }
        }
    )


def clone(asked: Asked, body: requests.Clone) -> Done:
    """Make a voice from an uploaded file; its demo is no formal use."""
    samples.check_clone_length(asked.world.uploaded(asked.key, body.file_id, "voice_clone").seconds)
    if body.clone_prompt is not None:
        prompt = asked.world.uploaded(asked.key, body.clone_prompt.prompt_audio, "prompt_audio")
        samples.check_prompt_length(prompt.seconds)
    asked.world.clone(asked.key, body.voice_id)
    demo = asked.sound_url() if body.text else ""
    return Done({"input_sensitive": {"type": 0}, "demo_audio": demo, "extra_info": {}})


def design(asked: Asked, body: requests.Design) -> Done:
    """Make a voice from a description."""
    voice_id = body.voice_id or f"ttv-voice-{uuid.uuid4().hex[:16]}"
    asked.world.clone(asked.key, voice_id, origin="design")
    return Done({"voice_id": voice_id, "trial_audio": audio.sound("mp3", 32000, 128000, 1).hex()}, voice_id=voice_id)


def _listed(voice: Voice) -> Json:
    return {"voice_id": voice.voice_id, "description": [], "created_time": voice.cloned_at.date().isoformat()}


def get_voice(asked: Asked, body: requests.ListVoices) -> Done:
    """List voices: a clone appears only after its first formal use."""
    fields: Json = {}
    if body.voice_type in {"system", "all"}:
        fields["system_voice"] = [{"voice_id": v, "voice_name": v, "description": []} for v in SYSTEM_VOICES]
    for name, origin in LISTS.items():
        if body.voice_type in {name, "all"}:
            fields[name] = [_listed(voice) for voice in asked.world.listed(asked.key, origin)]
    return Done(fields)


def delete_voice(asked: Asked, body: requests.DeleteVoice) -> Done:
    """Delete a voice."""
    voice = asked.world.remove(asked.key, body.voice_id, LISTS[body.voice_type])
    return Done({"voice_id": voice.voice_id, "created_time": voice.cloned_at.date().isoformat()})


class MiniMax(Family):
    """MiniMax itself; a gateway that speaks its shapes below a prefix (`root`) is a class of this one."""

    name: ClassVar[str] = "MiniMax"
    query: ClassVar[frozenset[str]] = frozenset({"GroupId"})

    def _operations(self) -> tuple[Operation, ...]:
        return tuple(replace(operation, path=self.root + operation.path) for operation in self._unprefixed())

    def _unprefixed(self) -> tuple[Operation, ...]:
        return (
            Operation("POST", "/v1/t2a_v2", requests.T2A, speak, "speech"),
            Operation("POST", "/v1/t2a_async_v2", requests.AsyncT2A, self._speak_later, "speech"),
            Operation("GET", "/v1/query/t2a_async_query_v2", requests.TaskQuery, self._look_up),
            Operation("POST", "/v1/files/upload", requests.Uploading, upload, form=True),
            Operation("POST", "/v1/voice_clone", requests.Clone, clone, "clone"),
            Operation("POST", "/v1/voice_design", requests.Design, design, "design"),
            Operation("POST", "/v1/get_voice", requests.ListVoices, get_voice),
            Operation("POST", "/v1/delete_voice", requests.DeleteVoice, delete_voice),
        )

    def _speak_later(self, asked: Asked, body: requests.AsyncT2A) -> Done:
        """Answer an asynchronous T2A with a task; its cost stands in the ledger when it ends."""
        check_visible(body)
        grade, voice_id = requests.grade(body.model), body.voice_setting.voice_id
        task = asked.world.start(asked.key, voice_id, body.characters, grade, self.habits.task_takes, {})
        fields = {"task_id": task.task_id, "task_token": uuid.uuid4().hex, "file_id": task.task_id}
        sound = audio.sound("mp3", 32000, 128000, 1)
        return Done({**fields, "usage_characters": task.characters}, sound=sound)

    def _look_up(self, asked: Asked, query: requests.TaskQuery) -> Done:
        """Answer how a task stands."""
        task = asked.world.task(asked.key, query.task_id)
        status = STATUS[task.stage(asked.world.now())]
        return Done({"task_id": task.task_id, "status": status, "file_id": task.task_id}, voice_id=task.voice_id)

    def success(self, done: Done, arrival: Arrival) -> Response:
        """Say 0 in the body."""
        return JSONResponse(envelope(0, "success", arrival.trace_id, done.fields))

    def failure(self, failure: Failure, arrival: Arrival) -> Response:
        """Say the number in the body, under HTTP 200."""
        return JSONResponse(envelope(failure.code, failure.message, arrival.trace_id), failure.http_status or 200)

    def hollow(self, operation: Operation, sound: str | None, arrival: Arrival) -> Done:  # noqa: ARG002 - all alike here
        """Return success without sound."""
        return Done(empty(sound))
