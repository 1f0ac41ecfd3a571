"""WaveSpeedAI's own API: every call is a prediction that moves on by itself; failures stand in it, under HTTP 200."""

import base64
import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StrictInt
from starlette.responses import JSONResponse, Response

from voicekeeper.emulator import audio, codes, minimax, requests, samples
from voicekeeper.emulator.operation import Arrival, Asked, Done, Failure, Family, Json, Operation
from voicekeeper.emulator.ppinfra import MODELS, DemoModel, DemoText, check_url, task_number
from voicekeeper.emulator.records import Origin, Reason, Refused, Stage, Task

BALANCE_STATUS = 402
STATUS_CODES = codes.KEY_CODES | codes.THROTTLE_CODES | {codes.BALANCE_CODE, 2013}  # the gateway's own refusals
CUSTOM_ID = re.compile(r"(?=.*\d)[A-Za-z][A-Za-z0-9]{7,255}")
RESULT = "/api/v3/predictions/{prediction_id}/result"


def _custom_id(name: str) -> str:
    if not CUSTOM_ID.fullmatch(name):
        raise ValueError("needs 8 or more letters and digits, both of them, first a letter")
    return name


class Speech(requests.Spoken):
    """`POST /api/v3/minimax/speech-…`: flat."""

    voice_id: Annotated[str, Field(min_length=1)]
    speed: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    volume: Annotated[float, Field(gt=0, le=10)] = 1.0
    pitch: Annotated[StrictInt, Field(ge=-12, le=12)] = 0
    emotion: requests.Emotion | None = None
    sample_rate: requests.SampleRate = 32000
    bitrate: requests.Bitrate = 128000
    channel: requests.Channel = 1
    format: requests.Format = "mp3"
    language_boost: requests.Language | None = None
    enable_sync_mode: bool = False


class Clone(requests.Cloning):
    """`POST /api/v3/minimax/voice-clone`; `audio` is a URL, base64 or a data URL."""

    audio: Annotated[str, Field(min_length=1)]
    custom_voice_id: Annotated[str, AfterValidator(_custom_id)]
    model: DemoModel
    text: DemoText | None = None
    language_boost: requests.Language | None = None


class Design(requests.Fields):
    """`POST /api/v3/minimax/voice-design`."""

    prompt: Annotated[str, Field(min_length=1)]
    custom_voice_id: Annotated[str, AfterValidator(_custom_id)]
    text: Annotated[str, Field(max_length=500), AfterValidator(requests.spoken)]


class Query(requests.Fields):
    """`GET /api/v3/predictions/{id}/result`."""

    prediction_id: str


def _check_audio(given: str) -> None:
    """Refuse what is no sound to clone; what lies behind a URL nobody looks at here."""
    try:
        if given.startswith(("http://", "https://")):
            check_url(given)
            return
        content = base64.b64decode(given.partition(",")[2] if given.startswith("data:") else given, validate=True)
    except ValueError:
        raise Refused(Reason.INVALID, "audio: is neither a URL nor base64 nor a data URL") from None
    samples.check_clone_length(samples.sample(content, "audio").seconds)


class WaveSpeed(Family):
    """The gateway of that name (PROVIDERS.md § 3). A voice counts as used when its prediction is completed."""

    name: ClassVar[str] = "WaveSpeedAI"
    base: ClassVar[str] = "/api/v3"
    root: ClassVar[str] = "/api/v3"

    def _operations(self) -> tuple[Operation, ...]:
        self._failed: dict[tuple[str, str], Json] = {}
        paths = {model: f"/api/v3/minimax/{model}" for model in MODELS}
        return (
            *(Operation("POST", path, Speech, partial(self._speak, m), "speech") for m, path in paths.items()),
            Operation("POST", "/api/v3/minimax/voice-clone", Clone, self._clone, "clone"),
            Operation("POST", "/api/v3/minimax/voice-design", Design, self._design, "design"),
            Operation("GET", RESULT, Query, self._result),
        )

    def forget(self) -> None:
        """Forget the predictions that a fault made fail."""
        self._failed.clear()

    def _speak(self, model: str, asked: Asked, body: Speech) -> Done:
        minimax.check_visible(body)
        task = asked.world.submit(
            asked.key,
            body.voice_id,
            makes=None,
            characters=body.characters,
            grade=requests.grade(model),
            takes=timedelta(0) if body.enable_sync_mode else self.habits.task_takes,
            at_most=self.habits.predictions_at_once,
            note={"model": f"minimax/{model}", "output": asked.sound_url(body.format, body.sample_rate)},
        )
        sound = audio.sound(body.format, body.sample_rate, body.bitrate, body.channel)
        return Done(_prediction(asked, task), sound=sound)

    def _clone(self, asked: Asked, body: Clone) -> Done:
        _check_audio(body.audio)
        return self._make(asked, body.custom_voice_id, "clone")

    def _design(self, asked: Asked, body: Design) -> Done:
        return self._make(asked, body.custom_voice_id, "design")

    def _make(self, asked: Asked, voice_id: str, origin: Origin) -> Done:
        task = asked.world.submit(
            asked.key,
            voice_id,
            makes=origin,
            takes=self.habits.task_takes,
            at_most=self.habits.predictions_at_once,
            note={"model": f"minimax/voice-{origin}", "output": asked.sound_url()},
        )
        return Done(_prediction(asked, task))

    def _result(self, asked: Asked, query: Query) -> Done:
        if (failed := self._failed.get((asked.key, query.prediction_id))) is not None:
            return Done(failed)
        task = asked.world.task(asked.key, task_number(query.prediction_id))
        return Done(_prediction(asked, task), voice_id=task.voice_id)

    def success(self, done: Done, arrival: Arrival) -> Response:  # noqa: ARG002 - no trace of it in answers
        """Say 200 in the body, too."""
        return JSONResponse({"code": 200, "message": "success", "data": done.fields})

    def failure(self, failure: Failure, arrival: Arrival) -> Response:
        """Say it by status where the gateway itself refuses; all else is a prediction that failed, under HTTP 200."""
        usual = 404 if failure.reason is Reason.NO_TASK else _usual_status(failure.code)
        status = failure.http_status or usual
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            return JSONResponse({"code": status, "message": failure.message, "data": None}, status)
        name = arrival.trace_id
        failed = _fields(arrival.base_url, name, _model(arrival.path), "failed", arrival.at, error=failure.message)
        self._failed[arrival.key, name] = failed
        return JSONResponse({"code": 200, "message": "success", "data": failed})

    def hollow(self, operation: Operation, sound: str | None, arrival: Arrival) -> Done:
        """Return success without data, or a completed prediction without output."""
        if sound is None:
            return Done(None)
        return Done(_fields(arrival.base_url, uuid.uuid4().hex, _model(operation.path), "completed", arrival.at))

    def nowhere(self, arrival: Arrival) -> Response:
        """Answer a path that does not exist in its own form."""
        return JSONResponse({"code": 404, "message": f"no model at {arrival.path}", "data": None}, 404)


def _usual_status(code: int) -> int:
    """Return 200 for what MiniMax refuses: the prediction is there, and failed."""
    return codes.http_status(code, balance=BALANCE_STATUS) if code in STATUS_CODES else 200


def _model(path: str) -> str:
    return path.removeprefix("/api/v3/") if path.startswith("/api/v3/minimax/") else ""


def _prediction(asked: Asked, task: Task) -> Json:
    stage = task.stage(asked.world.now())
    return _fields(
        asked.base_url,
        f"{task.task_id:032x}",
        task.note["model"],
        stage,
        task.created_at,
        outputs=[task.note["output"]] if stage == "completed" else [],
        error=codes.failure(task.error).message if task.error else "",
        inference=round((task.ends_at - task.created_at).total_seconds() * 1000) if task.ended else 0,
    )


def _fields(
    base_url: str,
    name: str,
    model: str,
    status: Stage,
    at: datetime,
    *,
    outputs: list[str] | None = None,
    error: str = "",
    inference: int = 0,
) -> Json:
    return {
        "id": name,
        "model": model,
        "outputs": outputs or [],
        "urls": {"get": base_url.rstrip("/") + RESULT.format(prediction_id=name)},
        "status": status,
        "created_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "error": error,
        "timings": {"inference": inference},
    }
