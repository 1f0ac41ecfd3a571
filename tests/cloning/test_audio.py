"""What an audio file is, by its content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cloning import sounds
from voicekeeper.audio import Format, described, recognise

KNOWN = {
    "wav": (sounds.wav(12), Format.WAV),
    "wav from a pipe": (sounds.streamed_wav(12), Format.WAV),
    "mp3": (sounds.mp3(12), Format.MP3),
    "mp3 with a tag": (sounds.mp3(12, tagged=True), Format.MP3),
    "mp3 after junk": (b"\xff\xfb junk" * 9 + sounds.mp3(12), Format.MP3),
    "m4a": (sounds.m4a(12), Format.M4A),
}


@pytest.mark.parametrize(("content", "expected"), KNOWN.values(), ids=KNOWN)
def test_formats_and_lengths_are_read_from_the_content(content: bytes, expected: Format) -> None:
    """If one were taken for another or measured wrongly, good audio would be refused or bad audio paid for."""
    sound = recognise(content)
    assert sound is not None
    assert sound.format is expected
    assert sound.seconds == pytest.approx(12, abs=0.1)


#: What is none of the three, and what it is called.
OTHER: dict[str, tuple[bytes, str]] = {
    "text": (b"This is not audio. " * 500, "text"),
    "cut text": ("ä".encode() * 800, "text"),
    "a web page": (b"\n<!doctype html><html>" + b"x" * 500, "a web page"),
    "UTF-16 text": ("hello there".encode("utf-16") * 100, "something that begins with ff fe 68 00"),
    "zeros": (bytes(5000), "something that begins with 00 00 00 00"),
    "one frame": (sounds.mp3(0.036), "something that begins with ff f3 48 c0"),
    "ADTS": (bytes([0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC]) * 300, "AAC without a container"),
    "a film": (sounds.m4a(12, video=True), "a film"),
    "flac": (b"fLaC" + bytes(500), "FLAC"),
    "ogg": (b"OggS" + bytes(500), "Ogg"),
    "amr": (b"#!AMR\n" + bytes(500), "AMR"),
    "aiff": (b"FORM\0\0\0\0AIFF" + bytes(500), "AIFF"),
    "webm": (b"\x1aE\xdf\xa3" + bytes(500), "WebM or Matroska"),
    "wma": (b"0&\xb2u\x8ef\xcf\x11" + bytes(500), "WMA"),
    "a text with a tag": (
        b"ID3\x04\0\0\0\0\0\x05hello" + b"words and words " * 100,
        "something that begins with 49 44 33 04",
    ),
}


@pytest.mark.parametrize(("content", "called"), OTHER.values(), ids=OTHER)
def test_what_is_no_audio_is_not_recognised_but_named(content: bytes, called: str) -> None:
    """If it were taken, a text file named .mp3 would be sent to the provider; unnamed, its owner would wonder why."""
    assert recognise(content) is None
    assert described(content) == called


def test_a_length_that_cannot_be_read_is_none() -> None:
    """If it were a guess, audio that the provider takes could be refused."""
    sound = recognise(sounds.m4a(None))
    assert sound is not None
    assert sound.seconds is None


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"RIFF0000WAVE", b"RIFF0000WAVEfmt ", b"0000ftyp", b"ID3", b"\xff\xfb"]),
)
def test_no_bytes_break_it(content: bytes, head: bytes) -> None:
    """A damaged file would end in a traceback instead of a sentence."""
    recognise(head + content)
    described(head + content)


@given(st.integers(0, 400))
def test_a_cut_file_does_not_break_it(length: int) -> None:
    """A download that broke off would end in a traceback."""
    for content, _ in KNOWN.values():
        recognise(content[:length])
