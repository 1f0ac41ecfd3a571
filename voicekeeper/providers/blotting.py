r"""Blotting a key out of what an answer repeats of it, however it is written there.

An answer is JSON, a web page or plain text, and may quote more of them: so "+" may stand there as "+", "\u002B", "%2B"
or "&#43;", with more backslashes, or escaped once more, the deeper it lies. Base64 and the like are not looked through.
"""

import json
import re
from collections.abc import Iterable
from functools import cached_property
from html.entities import html5

_BLOT = b"***"
#: A shorter key could be part of anything, and hiding it would damage answers.
_SHORTEST = 6
#: Without one of these, a key can only stand there as it is.
_ESCAPES = (b"\\", b"%", b"&")
#: All backslashes in a row, however many, so that what is left of JSON stays JSON; a row is looked at once.
_BACKSLASHES = r"\\(?<!\\\\)\\*+"
_WIDE = ("utf-16-le", "utf-32-le")


class Blot:
    """Blots one secret out."""

    def __init__(self, secret: str) -> None:
        self._text = secret if len(secret) >= _SHORTEST else ""
        self._bytes = self._text.encode("utf-8", "surrogatepass")

    def text(self, text: str) -> str:
        """Return a text without the secret."""
        return self._blotted(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def body(self, content: bytes) -> bytes:
        """Return an answer's body without the secret; what was UTF-16 or UTF-32 is UTF-8 then."""
        if not (encoding := json.detect_encoding(content)).startswith("utf-8"):
            content = content.decode(encoding, "replace").encode()
        return self._blotted(self._without_wide(content))

    def _without_wide(self, content: bytes) -> bytes:
        """Blot out what stands there with zeros between its letters, and nothing announces that."""
        for encoding in _WIDE if self._text and b"\0" in content else ():
            content = content.replace(self._text.encode(encoding, "surrogatepass").rstrip(b"\0"), _BLOT)
        return content

    def _blotted(self, content: bytes) -> bytes:
        if not self._bytes:
            return content
        content = content.replace(self._bytes, _BLOT)
        escaped = any(mark in content for mark in _ESCAPES) and self._beginning.search(content)
        return self._whole.sub(_BLOT, content) if escaped else content

    @cached_property
    def _letters(self) -> list[str]:
        return re.findall(r"\\+|.", self._bytes.decode("latin-1"), re.DOTALL)

    @cached_property
    def _beginning(self) -> re.Pattern[bytes]:
        return _pattern(self._letters[:_SHORTEST])

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        """The whole secret in all its ways of writing: a tenth of a second's work where it is long, rarely needed."""
        return _pattern(self._letters)


def _pattern(letters: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile("".join(map(_written, letters)).encode("latin-1"))


def _written(letter: str) -> str:
    """Return the pattern of one letter in all its ways of writing."""
    if letter.startswith("\\"):
        return r"\\+"
    plain, code = re.escape(letter), _hexadecimal(letter)
    quoted = re.escape(repr(letter)[1:-1].lstrip("\\"))
    named = "".join(f"|{name}" for name in _NAMES.get(letter, ()))
    entity = f"(?:amp;)*(?:#0*{ord(letter)}|#[xX]0*{code}{named});?"
    escaped = f"{_BACKSLASHES}(?:{quoted}|u00{code}|x{code}|u0026{entity})"
    return f"(?:{plain}|{escaped}|%(?:25)*{code}|&{entity})"


def _hexadecimal(letter: str) -> str:
    """Return the pattern of a letter's number in two digits, capital or small."""
    return "".join(f"[{digit}{digit.upper()}]" for digit in f"{ord(letter):02x}")


def _names() -> dict[str, list[str]]:
    """Return the names that web pages have for a letter."""
    found: dict[str, list[str]] = {}
    for name, letter in html5.items():
        if name.endswith(";") and letter.isascii():
            found.setdefault(letter, []).append(name[:-1])
    return found


_NAMES = _names()
