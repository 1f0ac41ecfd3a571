"""What the provider makes of an uploaded sound: recognised by its content, measured where that can be read."""

import struct

import httpx
import pytest

from tests.emulator.emulator_calls import code, tone
from voicekeeper.emulator import audio


def mp3(seconds: float, *, tag: bool = False) -> bytes:
    """Return MP3 silence that long, behind an ID3 tag if told."""
    quarter = audio.sound("mp3", 24000, 64000, 1)
    frames = quarter[: 576 // 8 * 64000 // 24000] * round(seconds * 24000 / 576)
    return (b"ID3\4\0\0\0\0\1\0" + b"\0" * 128 if tag else b"") + frames


def box(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", 8 + len(inside)) + name + inside


def m4a(seconds: float, *, wide: bool = False, film: bool = True) -> bytes:
    """Return the boxes of an M4A that says it is that long; its sound is left out."""
    times = (
        struct.pack(">QQIQ", 0, 0, 1000, int(seconds * 1000))
        if wide
        else struct.pack(">IIII", 0, 0, 1000, int(seconds * 1000))
    )
    header = box(b"mvhd", bytes([wide]) + b"\0\0\0" + times + b"\0" * 80)
    head = box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", b"\0" * 64)
    return head + (box(b"moov", box(b"free", b"") + header) if film else b"")


def other_wav(seconds: float) -> bytes:
    """Return a WAV of floats, with a size left open as streams have it, which the standard library cannot read."""
    form = struct.pack("<HHIIHH", 3, 1, 8000, 32000, 4, 32)
    data = b"\0" * int(seconds * 32000)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 0xFFFFFFFF) + data
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunks


async def cloned(client: httpx.AsyncClient, name: str, content: bytes) -> int:
    """Upload, clone, and return the code of whichever refuses."""
    answer = await client.post("/v1/files/upload", data={"purpose": "voice_clone"}, files={"file": (name, content)})
    if code(answer.json()) != 0:
        return code(answer.json())
    body = {"file_id": answer.json()["file"]["file_id"], "voice_id": "fresh-voice-1"}
    return code((await client.post("/v1/voice_clone", json=body)).json())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.wav", tone(10), 0),
        ("a.wav", tone(9.5), 2037),
        ("a.wav", other_wav(12), 0),
        ("a.wav", other_wav(9), 2037),
        ("a.mp3", mp3(12), 0),
        ("a.mp3", mp3(12, tag=True), 0),
        ("a.mp3", mp3(9), 2037),
        ("a.mp3", mp3(301), 2037),
        ("a.m4a", m4a(12), 0),
        ("a.m4a", m4a(9), 2037),
        ("a.m4a", m4a(12, wide=True), 0),
        ("a.m4a", m4a(301, wide=True), 2037),
        ("a.m4a", m4a(1, film=False), 0),
        ("a.mp3", tone(12), 0),
        ("a.wav", b"RIFF, but only by name", 2013),
        ("a.mp3", b"", 2013),
        ("a.m4a", b"no sound at all", 2013),
        ("a.ogg", tone(12), 2013),
    ],
    ids=lambda value: str(value) if not isinstance(value, bytes) else f"{len(value)}-bytes",
)
async def test_clone_knows_its_file_by_content(
    client: httpx.AsyncClient, name: str, content: bytes, expected: int
) -> None:
    """If any bytes would do, or a format went unmeasured, the keeper's own check would be proven by nothing."""
    assert await cloned(client, name, content) == expected


async def test_model_alone_is_no_demo_but_text_alone_is_wrong(client: httpx.AsyncClient) -> None:
    """If a demo's text passed without a model, the rule that it needs one would go untried."""
    file = {"file": ("a.wav", tone(12))}
    answer = await client.post("/v1/files/upload", data={"purpose": "voice_clone"}, files=file)
    body = {"file_id": answer.json()["file"]["file_id"], "voice_id": "fresh-voice-1"}
    refused = (await client.post("/v1/voice_clone", json=body | {"text": "A demo."})).json()
    assert (code(refused), "text needs a model" in refused["base_resp"]["status_msg"]) == (2013, True)
    assert code((await client.post("/v1/voice_clone", json=body | {"model": "speech-2.8-hd"})).json()) == 0
