"""Uploaded sounds: recognises WAV, MP3 and M4A by their content, and tells how long they play where it can be read."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from voicekeeper.emulator.records import Reason, Refused

LARGEST = 20 * 1024 * 1024  # bytes, of any upload (PROVIDERS.md § 2)
SHORTEST_CLONE, LONGEST_CLONE = 10.0, 300.0  # seconds
PROMPT_BELOW = 8.0  # seconds

# MPEG audio, layer III: kbit/s by the header's bit rate number, Hz by its sampling number (ISO 11172-3, 13818-3, 2.5).
BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
RESERVED_VERSION, LAYER_3, MPEG_1 = 1, 1, 3
HEADER_BYTES = 32  # of mvhd, up to the last byte of a 64-bit length


@dataclass(frozen=True)
class Sample:
    """A sound that was recognised; `seconds` is None where its length cannot be read."""

    form: Literal["wav", "mp3", "m4a"]
    seconds: float | None


def sample(content: bytes, field: str) -> Sample:
    """Recognise an uploaded sound; Refused names the field when it is too large or none of the three."""
    if len(content) > LARGEST:
        raise Refused(Reason.INVALID, f"{field}: {len(content)} bytes, at most {LARGEST}")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return Sample("wav", _wav_seconds(content))
    if content[4:8] == b"ftyp":
        return Sample("m4a", _m4a_seconds(content))
    if (seconds := _mp3_seconds(content)) is not None:
        return Sample("mp3", seconds)
    raise Refused(Reason.INVALID, f"{field}: its content is not mp3, m4a or wav")


def check_clone_length(seconds: float | None) -> None:
    """Refuse a sound to be cloned that is known to be too short or too long."""
    if seconds is not None and not SHORTEST_CLONE <= seconds <= LONGEST_CLONE:
        raise Refused(Reason.AUDIO_LENGTH, f"{seconds:.1f} s, needs 10 s to 5 min")


def check_prompt_length(seconds: float | None) -> None:
    """Refuse a prompt that is known to be too long."""
    if seconds is not None and seconds >= PROMPT_BELOW:
        raise Refused(Reason.PROMPT_LENGTH, f"{seconds:.1f} s, needs less than 8 s")


def _wav_seconds(content: bytes) -> float | None:
    """Divide the data's size by the bytes a second that the format chunk names."""
    at, speed = 12, 0
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if name == b"fmt " and at + 20 <= len(content):
            speed = struct.unpack_from("<I", content, at + 16)[0]
        if name == b"data":
            return min(size, len(content) - at - 8) / speed if speed else None
        at += 8 + size + size % 2
    return None


def _mp3_seconds(content: bytes) -> float | None:
    """Add up the frames; None when not even one stands where the first should."""
    at = 0
    if content[:3] == b"ID3" and len(content) >= 10:  # noqa: PLR2004 - the tag's own header
        b = content[6:10]
        at = 10 + (b[0] << 21 | b[1] << 14 | b[2] << 7 | b[3])
    total = 0.0
    while (frame := _frame(content, at)) is not None:
        total += frame[1]
        at += frame[0]
    return total or None


def _frame(content: bytes, at: int) -> tuple[int, float] | None:
    """Return a layer III frame's length (bytes) and time (s), or None when there is none."""
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - eleven bits of sync, a header of 4 bytes
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == RESERVED_VERSION or layer != LAYER_3 or bitrate in {0, 15} or rate == 3:  # noqa: PLR2004 - reserved numbers
        return None
    samples, speeds = (1152, BITRATES_1) if version == MPEG_1 else (576, BITRATES_2)
    hertz = RATES[version][rate]
    return samples // 8 * speeds[bitrate] * 1000 // hertz + padding, samples / hertz


def _m4a_seconds(content: bytes) -> float | None:
    """Read the film's header (moov/mvhd): its length in units of its own time scale."""
    film = _box(content, b"moov", 0, len(content))
    header = _box(content, b"mvhd", *film) if film else None
    if header is None or header[1] - header[0] < HEADER_BYTES:
        return None
    return _film(content, header[0])


def _film(content: bytes, at: int) -> float | None:
    wide = content[at] == 1
    scale, length = struct.unpack_from(">IQ", content, at + 20) if wide else struct.unpack_from(">II", content, at + 12)
    return float(length / scale) if scale else None


def _box(content: bytes, wanted: bytes, start: int, end: int) -> tuple[int, int] | None:
    return next((inside for name, inside in _boxes(content, start, end) if name == wanted), None)


def _boxes(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Walk through an ISO 14496-12 container: each box's name, and where its inside begins and ends."""
    while at + 8 <= end:
        size, head = struct.unpack_from(">I", content, at)[0], 8
        if size == 1 and at + 16 <= end:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or end - at
        if size < head:
            return
        yield content[at + 4 : at + 8], (at + head, min(at + size, end))
        at += size
