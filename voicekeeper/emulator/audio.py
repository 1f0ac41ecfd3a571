"""Small sounds: a short tone as WAV or PCM, silence as MP3."""

import array
import functools
import io
import math
import wave

SECONDS = 0.25

# MPEG audio, layer III, ISO 11172-3 and 13818-3: the header's sampling and bit rate numbers.
MPEG1_RATES = {44100: 0, 48000: 1, 32000: 2}
MPEG2_RATES = {22050: 0, 24000: 1, 16000: 2}
MPEG1_BITRATES = {32000: 1, 64000: 5, 128000: 9, 256000: 13}
MPEG2_BITRATES = {32000: 4, 64000: 8, 128000: 12}


@functools.lru_cache(maxsize=64)
def sound(form: str, sample_rate: int, bitrate: int, channels: int) -> bytes:
    """Return a quarter of a second in that format.

    mp3 is silence, pcm 16-bit samples; for flac, opus and the rates MP3 has no frame for it is a WAV all the same.
    """
    if form == "pcm":
        return _tone(sample_rate, channels)
    if form == "mp3" and sample_rate in MPEG1_RATES | MPEG2_RATES:
        return _silence(sample_rate, bitrate, channels)
    return _wav(sample_rate, channels)


def _tone(sample_rate: int, channels: int) -> bytes:
    samples = array.array("h")
    for n in range(int(sample_rate * SECONDS)):
        samples.extend([int(8000 * math.sin(2 * math.pi * 440 * n / sample_rate))] * channels)
    return samples.tobytes()


def _wav(sample_rate: int, channels: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(_tone(sample_rate, channels))
    return out.getvalue()


def _silence(sample_rate: int, bitrate: int, channels: int) -> bytes:
    """Return MP3 frames whose side information is all zero: every decoder plays them as silence."""
    first = sample_rate in MPEG1_RATES
    rates, bitrates = (MPEG1_RATES, MPEG1_BITRATES) if first else (MPEG2_RATES, MPEG2_BITRATES)
    bitrate = bitrate if bitrate in bitrates else 128000
    samples = 1152 if first else 576
    version = 0xFB if first else 0xF3
    header = bytes([0xFF, version, bitrates[bitrate] << 4 | rates[sample_rate] << 2, 0xC0 if channels == 1 else 0])
    frame = header.ljust(samples // 8 * bitrate // sample_rate, b"\0")
    return frame * math.ceil(SECONDS * sample_rate / samples)
