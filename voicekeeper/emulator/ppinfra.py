"""PPInfra's own API, also Novita's and Jiekou's: the model in the path, audio by URL, errors by HTTP status."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from starlette.responses import JSONResponse, Response

from voicekeeper.emulator import audio, codes, minimax, requests
from voicekeeper.emulator.operation import Arrival, Asked, Done, Failure, Family, Operation
from voicekeeper.emulator.records import Reason, Refused, Stage

VERSIONS = {"02": "", "2.5": "-preview", "2.6": "", "2.8": ""}
MODELS = tuple(f"speech-{number}-{grade}{end}" for number, end in VERSIONS.items() for grade in ("hd", "turbo"))
BALANCE_STATUS = 403
OWN_CODES = codes.KEY_CODES | {codes.BALANCE_CODE, 1002}  # said by the gateway itself, not passed on from MiniMax
STATUSES = {2042: 500}  # voice errors are seen as 400 and as 500: one of each here
STATUS: Mapping[Stage, str] = {
    "created": "TASK_STATUS_QUEUED",
    "processing": "TASK_STATUS_PROCESSING",
    "completed": "TASK_STATUS_SUCCEED",
    "failed": "TASK_STATUS_FAILED",
}
REASONS = {
    400: "INVALID_REQUEST_BODY",
    401: "INVALID_API_KEY",
    403: "ACCESS_DENIED",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_SERVER_ERROR",
}


def check_url(url: str) -> str:
    """Return the URL if a gateway could fetch it; nobody does here. ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("needs a URL with http or https and a host")
    return url


Url = Annotated[str, AfterValidator(check_url)]
DemoText = Annotated[str, Field(max_length=2000), AfterValidator(requests.spoken)]
DemoModel = Literal[
    "speech-02-hd",
    "speech-02-turbo",
    "speech-2.5-hd-preview",
    "speech-2.5-turbo-preview",
    "speech-2.6-hd",
    "speech-2.6-turbo",
    "speech-2.8-hd",
    "speech-2.8-turbo",
]


class ClonePrompt(requests.Fields):
    """A sample of the speaker and its words: both or neither."""

    prompt_audio_url: Url
    prompt_text: Annotated[str, Field(min_length=1)]


class Clone(requests.Cloning):
    """`POST /v3/minimax-voice-cloning`."""

    audio_url: Url
    clone_prompt: ClonePrompt | None = None
    text: DemoText | None = None
    model: DemoModel | None = None
    text_validation: requests.TextValidation | None = None

    @model_validator(mode="after")
    def _demo_is_whole(self) -> "Clone":
        requests.check_demo(self.text, self.model)
        return self


class AsyncSpeech(requests.Speech):
    """Asynchronous T2A with models before 2.8, which call the rate `sample_rate` (Novita's pages)."""

    audio_setting: requests.AudioSetting = requests.AudioSetting()


class TaskQuery(requests.Fields):
    """`GET /v3/async/task-result`."""

    task_id: str


def task_number(name: str) -> int:
    """Return the number in a task's name of 32 hexadecimal digits; Refused for another name."""
    try:
        return int(name, 16)
    except ValueError:
        raise Refused(Reason.NO_TASK, f"no task {name[:80]!r}") from None


def speak(model: str, asked: Asked, body: requests.Synchronous) -> Done:
    """Answer a synchronous T2A: flat, but for the 2.8 models in MiniMax's shape."""
    done = minimax.speak_as(asked, body, requests.grade(model))
    return done if is_wide(model) or done.fields is None else replace(done, fields=done.fields["data"], bare=True)


def is_wide(path: str) -> bool:
    """Tell whether a model (or the path that names it) answers in MiniMax's shape."""
    return "speech-2.8-" in path and "/async/" not in path


def clone(asked: Asked, body: Clone) -> Done:
    """Make a voice, and its name."""
    voice_id = f"Voice{uuid.uuid4().hex}"
    asked.world.clone(asked.key, voice_id)
    demo = asked.sound_url() if body.text else ""
    return Done({"demo_audio_url": demo, "voice_id": voice_id}, bare=True, voice_id=voice_id)


def look_up(asked: Asked, query: TaskQuery) -> Done:
    """Answer how a task stands."""
    task = asked.world.task(asked.key, task_number(query.task_id))
    stage = task.stage(asked.world.now())
    said = codes.failure(task.error) if task.error else None
    reason = f"minimax error: {said.message}, code={said.code}" if said else ""
    audios = [{"audio_url": asked.sound_url()}] if stage == "completed" else []
    fields = {"task": {"task_id": query.task_id, "status": STATUS[stage], "reason": reason}, "audios": audios}
    return Done(fields, bare=True, voice_id=task.voice_id)


class PPInfra(Family):
    """The three gateways of this API (PROVIDERS.md § 3)."""

    name: ClassVar[str] = "PPInfra, Novita, Jiekou"
    root: ClassVar[str] = "/v3"

    def _operations(self) -> tuple[Operation, ...]:
        return (
            *(
                Operation("POST", f"/v3/minimax-{model}", requests.Synchronous, partial(speak, model), "speech")
                for model in MODELS
            ),
            *(
                Operation(
                    "POST",
                    f"/v3/async/minimax-{model}",
                    requests.AsyncSpeech if is_wide(model) else AsyncSpeech,
                    partial(self._speak_later, model),
                    "speech",
                )
                for model in MODELS
            ),
            Operation("GET", "/v3/async/task-result", TaskQuery, look_up),
            Operation("POST", "/v3/minimax-voice-cloning", Clone, clone, "clone"),
        )

    def _speak_later(self, model: str, asked: Asked, body: requests.Speech) -> Done:
        minimax.check_visible(body)
        grade, voice_id = requests.grade(model), body.voice_setting.voice_id
        task = asked.world.start(asked.key, voice_id, body.characters, grade, self.habits.task_takes, {})
        sound = audio.sound("mp3", 32000, 128000, 1)
        return Done({"task_id": f"{task.task_id:032x}"}, sound=sound, bare=True)

    def success(self, done: Done, arrival: Arrival) -> Response:
        """Say it flat, or in MiniMax's words where the model is new."""
        return JSONResponse(done.fields if done.bare else minimax.envelope(0, "success", arrival.trace_id, done.fields))

    def failure(self, failure: Failure, arrival: Arrival) -> Response:  # noqa: ARG002 - no trace of it in errors
        """Say it by HTTP status; what comes from MiniMax has its number in the text."""
        usual = STATUSES.get(failure.code) or codes.http_status(failure.code, balance=BALANCE_STATUS)
        status = failure.http_status or usual
        own = failure.code in OWN_CODES
        message = failure.message if own else f"minimax error: {failure.message}, code={failure.code}"
        reason = "NOT_ENOUGH_BALANCE" if failure.code == codes.BALANCE_CODE else REASONS.get(status, "UNKNOWN")
        return _error(status, reason, message)

    def hollow(self, operation: Operation, sound: str | None, arrival: Arrival) -> Done:  # noqa: ARG002 - nothing of it is said
        """Return success without sound, or a task without a name."""
        if is_wide(operation.path):
            return Done(minimax.empty(sound))
        if "/async/" in operation.path:
            return Done({"task_id": sound}, bare=True)
        return Done({"audio": sound, "status": 2}, bare=True)

    def nowhere(self, arrival: Arrival) -> Response:
        """Answer a path that does not exist with 400."""
        return _error(400, "INVALID_REQUEST_PATH", f"no API {arrival.method} {arrival.path}")


def _error(status: int, reason: str, message: str) -> Response:
    return JSONResponse({"code": status, "reason": reason, "message": message, "metadata": {}}, status)
