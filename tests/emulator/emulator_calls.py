"""What the tests of the emulator say, and how they read its answers."""

import io
import wave
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VOICE = "voice-one-1"
Speak = Callable[..., Awaitable[dict[str, Any]]]


def speech(voice_id: str = VOICE, **changes: Any) -> dict[str, Any]:
    """Return the body of a minimal T2A call."""
    body: dict[str, Any] = {"model": "speech-2.8-turbo", "text": "Hi.", "voice_setting": {"voice_id": voice_id}}
    return body | changes


def code(answer: dict[str, Any]) -> int:
    """Return how the provider says it went."""
    found: int = answer["base_resp"]["status_code"]
    return found


def without_model(voice_id: str = VOICE, **changes: Any) -> dict[str, Any]:
    """Return the body of a minimal T2A call to a gateway that has the model in its path."""
    return {"text": "Hi.", "voice_setting": {"voice_id": voice_id}} | changes


def flat(voice_id: str = VOICE, **changes: Any) -> dict[str, Any]:
    """Return the body of a minimal T2A call to WaveSpeedAI."""
    return {"text": "Hi.", "voice_id": voice_id} | changes


#: Every family's T2A: where it is, and what it is told.
T2A: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "minimax": ("/v1/t2a_v2", speech),
    "minimax-async": ("/v1/t2a_async_v2", speech),
    "hingnet": ("/minimaxi/v1/t2a_v2", speech),
    "aggregator": ("/minimax/v1/t2a_v2", speech),
    "ppinfra": ("/v3/minimax-speech-2.6-turbo", without_model),
    "ppinfra-2.8": ("/v3/minimax-speech-2.8-turbo", without_model),
    "ppinfra-async": ("/v3/async/minimax-speech-2.8-turbo", without_model),
    "wavespeed": ("/api/v3/minimax/speech-2.6-turbo", flat),
}


async def ask(client: httpx.AsyncClient, family: str, voice_id: str = VOICE, **options: Any) -> httpx.Response:
    """Speak with that family's T2A."""
    path, body = T2A[family]
    return await client.post(path, json=body(voice_id), **options)


def tone(seconds: float) -> bytes:
    """Return a WAV that long."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return out.getvalue()
