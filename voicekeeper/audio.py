"""What an audio file is, told by its content and never by its name: the format, and how long it plays."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tinytag import TinyTag, TinyTagException

#: Encoders write junk before the first frame, and tags may be cut short; further in there is no MP3.
_SEARCHED = 64 * 1024
_VIDEO = re.compile(rb"hdlr.{8}vide", re.DOTALL)
_ID3_HEAD = 10

#: What people hand in beside the three, by its first bytes.
_OTHERS = (
    (re.compile(rb"fLaC"), "FLAC"),
    (re.compile(rb"OggS"), "Ogg"),
    (re.compile(rb"#!AMR"), "AMR"),
    (re.compile(rb"FORM....AIF", re.DOTALL), "AIFF"),
    (re.compile(rb"\x1aE\xdf\xa3"), "WebM or Matroska"),
    (re.compile(rb"0&\xb2u"), "WMA"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "AAC without a container"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "a film"),
    (re.compile(rb"\s*<"), "a web page"),
)
_GLANCE = 1000

# MPEG audio, layer III: kbit/s by the header's bit rate number, Hz by its sampling number (ISO 11172-3, 13818-3, 2.5).
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MPEG_1 = 3
_LAYER_3 = 1


class Format(StrEnum):
    """The formats that voices are cloned from; the value is the usual ending of a name."""

    MP3 = "mp3"
    M4A = "m4a"
    WAV = "wav"

    @property
    def media_type(self) -> str:
        """The format's media type."""
        return {Format.MP3: "audio/mpeg", Format.M4A: "audio/mp4", Format.WAV: "audio/wav"}[self]


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound whose format was recognised; `seconds` is None where its length cannot be read."""

    format: Format
    seconds: float | None
    content: bytes = field(repr=False)


def recognise(content: bytes) -> Sound | None:
    """Return the sound that these bytes are, None when they are neither MP3 nor M4A nor WAV."""
    found = _format(content)
    return Sound(found, _seconds(content, found), content) if found else None


def described(content: bytes) -> str:
    """Say in a few words what bytes are that were not recognised."""
    for pattern, words in _OTHERS:
        if pattern.match(content):
            return words
    return "text" if _is_text(content[:_GLANCE]) else f"something that begins with {content[:4].hex(' ')}"


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder("utf-8")().decode(content)  # its end may be cut
    except UnicodeDecodeError:
        return False


def _format(content: bytes) -> Format | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return Format.WAV
    if content[4:8] == b"ftyp":
        return None if _VIDEO.search(content) else Format.M4A
    return Format.MP3 if _frames_from(content, _after_tag(content)) is not None else None


def _seconds(content: bytes, found: Format) -> float | None:
    """Return what the file says of its length, as far as its bytes can hold it."""
    if found is Format.MP3:
        return sum(_frame_seconds(content, at) for at in _frames(content))
    try:
        tag = TinyTag.get(file_obj=io.BytesIO(content), tags=False)
    except TinyTagException:
        return None
    seconds = tag.duration
    if seconds and found is Format.WAV and tag.bitrate:
        # A WAV written to a pipe says the largest size there is, because its writer could not know better.
        seconds = min(seconds, len(content) * 8 / (tag.bitrate * 1000))
    return seconds if seconds and seconds > 0 else None


def _frames(content: bytes) -> Iterator[int]:
    """Yield where each frame of an MP3 begins; damaged stretches are left out."""
    at = _frames_from(content, _after_tag(content))
    while at is not None:
        yield at
        after = at + _frame(content, at)
        at = after if _frame(content, after) else _frames_from(content, after)


def _frames_from(content: bytes, start: int) -> int | None:
    """Return where two frames of MPEG layer III follow each other: one alone may stand in any file."""
    for sync in re.finditer(rb"\xff[\xe0-\xff]", content[start : start + _SEARCHED]):
        at = start + sync.start()
        length = _frame(content, at)
        if length and _frame(content, at + length):
            return at
    return None


def _after_tag(content: bytes) -> int:
    """Return where an ID3v2 tag ends, whose size has seven bits in each of four bytes."""
    if content[:3] != b"ID3" or len(content) < _ID3_HEAD:
        return 0
    a, b, c, d = content[6:_ID3_HEAD]
    return _ID3_HEAD + (a << 21 | b << 14 | c << 7 | d)


def _frame(content: bytes, at: int) -> int:
    """Return the length in bytes of the layer III frame that begins there, 0 when none does."""
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004 - a header of 4 bytes, eleven bits of sync
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _RATES or layer != _LAYER_3 or bitrate in {0, 15} or rate == 3:  # noqa: PLR2004 - reserved numbers
        return 0
    samples, speeds = (1152, _BITRATES_1) if version == _MPEG_1 else (576, _BITRATES_2)
    return samples // 8 * speeds[bitrate] * 1000 // _RATES[version][rate] + padding


def _frame_seconds(content: bytes, at: int) -> float:
    """Return how long a frame plays."""
    version, rate = content[at + 1] >> 3 & 3, content[at + 2] >> 2 & 3
    return (1152 if version == _MPEG_1 else 576) / _RATES[version][rate]
