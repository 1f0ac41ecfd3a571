"""Real audio of any length, made by hand: WAV, MP3 frames, an M4A's boxes."""

import io
import struct
import wave


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Return silence as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * round(seconds * rate))
    return out.getvalue()


def streamed_wav(seconds: float) -> bytes:
    """Return a WAV as programs write it to a pipe: the header says the largest sizes there are."""
    whole = bytearray(wav(seconds))
    whole[4:8] = whole[40:44] = struct.pack("<I", 0x7FFFF000)
    return bytes(whole)


def mp3(seconds: float, *, tagged: bool = False) -> bytes:
    """Return silence as MP3: MPEG-2 layer III, 16 kHz mono, 32 kbit/s, 36 ms a frame."""
    frame = bytes([0xFF, 0xF3, 0x48, 0xC0]).ljust(144, b"\0")
    tag = b"ID3\x04\0\0\0\0\x02\x01" + b"\0" * 257 if tagged else b""
    return tag + frame * round(seconds / 0.036)


def m4a(seconds: float | None, *, video: bool = False) -> bytes:
    """Return an MPEG-4 file of that length, without one where `seconds` is None."""
    film = (
        b""
        if seconds is None
        else _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, round(seconds * 1000)) + b"\0" * 80)
    )
    kind = _box(b"hdlr", b"\0" * 8 + (b"vide" if video else b"soun") + b"\0" * 13)
    moov = _box(b"moov", film + _box(b"trak", _box(b"mdia", kind)))
    return _box(b"ftyp", b"M4A \0\0\2\0M4A mp42isom") + moov + _box(b"mdat", b"\x21\x10\x04" * 4000)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content
