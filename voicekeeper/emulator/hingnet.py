"""hingnet: MiniMax's shapes below `/minimaxi`, sound instead of JSON, and six names that are other voices there."""

import random
from dataclasses import replace
from typing import Annotated, ClassVar, TypeVar

from pydantic import AfterValidator
from starlette.responses import Response

from voicekeeper.emulator import minimax, requests
from voicekeeper.emulator.minimax import MiniMax
from voicekeeper.emulator.operation import Arrival, Asked, Done, Operation
from voicekeeper.emulator.world import SYSTEM_VOICES

Body = TypeVar("Body", bound=requests.Speech)
REWRITTEN = frozenset({"alloy", "echo", "fable", "onyx", "nova", "shimmer"})


def _name(voice_id: str) -> str:
    return voice_id if voice_id in REWRITTEN else requests.check_voice_id(voice_id)


class Clone(requests.Clone):
    """The same, but the gateway takes the names that it rewrites, too."""

    voice_id: Annotated[str, AfterValidator(_name)]


class Hingnet(MiniMax):
    """The gateway of that name (PROVIDERS.md § 3).

    A voice cloned as `alloy` is made, and can never be kept: every T2A with it speaks with a system voice.
    """

    name: ClassVar[str] = "hingnet"
    root: ClassVar[str] = "/minimaxi"

    def _unprefixed(self) -> tuple[Operation, ...]:
        changed = {
            "/v1/t2a_v2": Operation("POST", "/v1/t2a_v2", requests.T2A, self._speak, "speech"),
            "/v1/voice_clone": Operation("POST", "/v1/voice_clone", Clone, minimax.clone, "clone"),
        }
        return tuple(changed.get(operation.path, operation) for operation in super()._unprefixed())

    def _speak(self, asked: Asked, body: requests.T2A) -> Done:
        done = minimax.speak(asked, _rewritten(body))
        voice = asked.world.voices.get((asked.key, body.voice_setting.voice_id))
        throw = f"{body.voice_setting.voice_id}|{voice.uses if voice else 0}"  # replays, whatever the order of voices
        share = self.habits.hingnet_raw_audio if body.output_format == "hex" else 0
        return replace(done, raw=random.Random(throw).random() < share)  # noqa: S311 - replays, not secrets

    def _speak_later(self, asked: Asked, body: requests.AsyncT2A) -> Done:
        return super()._speak_later(asked, _rewritten(body))

    def success(self, done: Done, arrival: Arrival) -> Response:
        """Say it with the sound itself where habit has it so."""
        return Response(done.sound, media_type="audio/mpeg") if done.raw else super().success(done, arrival)


def _rewritten(body: Body) -> Body:
    setting = body.voice_setting
    if setting.voice_id not in REWRITTEN:
        return body
    return body.model_copy(update={"voice_setting": setting.model_copy(update={"voice_id": SYSTEM_VOICES[0]})})
