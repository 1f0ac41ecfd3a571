"""A few seconds of real audio to clone: a hummed vowel, each voice at its own pitch."""

import array
import math
import wave
from pathlib import Path

_RATE = 16000
#: How loud the overtones of a sung "ah" are.
_OVERTONES = (1.0, 0.6, 0.35, 0.5, 0.3, 0.1)


def hum(path: Path, pitch: int, seconds: int) -> None:
    """Write a mono WAV file; `pitch` in whole Hz, so that a second of it can be repeated without a click."""
    second = array.array("h", (_sample(pitch, number / _RATE) for number in range(_RATE)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        for _ in range(seconds):
            file.writeframesraw(second.tobytes())


def _sample(pitch: int, at: float) -> int:
    loudness = sum(part * math.sin(2 * math.pi * pitch * (number + 1) * at) for number, part in enumerate(_OVERTONES))
    return int(8000 * loudness / sum(_OVERTONES))
