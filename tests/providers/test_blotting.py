"""Keys that come back: whatever an answer repeats of one, and however it is written there, nobody gets to read it."""

import json
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import quote

import pytest

from tests.providers.accounts import TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers.blotting import Blot

#: What JSON, addresses and web pages each write in another way.
KEY = "sk-ab/cd+ef=1&2'3%4\"567"
#: What stays of it in every one of those ways of writing.
REST = "cd"
HEARD = f"invalid api key Bearer {KEY} of yours"


def as_json(body: Any, *escaped: str) -> str:
    """Write JSON in which these characters are escapes."""
    written = json.dumps(body)
    for char in escaped:
        written = written.replace(char, f"\\u{ord(char):04X}")
    return written


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}


WRITTEN: dict[str, str] = {
    "plain": as_json(error(HEARD)),
    "PHP": as_json(error(HEARD)).replace("/", "\\/"),
    ".NET": as_json(error(HEARD), "+", "&", "'"),
    "small letters": as_json(error(HEARD), "+", "/").replace("\\u002B", "\\u002b"),
    "every character": "".join(('{"error": {"message": "', *(f"\\u{ord(char):04x}" for char in KEY), '"}}')),
    "JSON in JSON": as_json(error(as_json(error(HEARD)).replace("/", "\\/"))).replace("/", "\\/"),
    "JSON in JSON in JSON": as_json(error(as_json(as_json(error(HEARD), "+")))),
    "an address": as_json(error("GET /x?key=" + quote(KEY, safe=""))),
    "an address in small letters": as_json(error(quote(KEY, safe="").replace("%2B", "%2b"))),
    "an address in an address": as_json(error(quote(quote(KEY, safe=""), safe=""))),
    "a page in JSON": as_json(error(escape(HEARD)), "&"),
    "a form in JSON": as_json(error(KEY.replace("+", "&#43;").replace("/", "&#x2F;"))),
    "the name of a value": as_json({KEY: 1, "message": f"{KEY} is unknown"}).replace("/", "\\/"),
    "a trace": as_json({"trace_id": KEY, **error("no")}).replace("/", "\\/"),
}
PAGES: dict[str, str] = {
    "a page": f"<html><p>{escape(HEARD)}</p></html>",
    "a page with numbers": f"<html>{''.join(f'&#{ord(char)};' for char in KEY)}</html>",
    "a page twice over": f"<html>{escape(escape(HEARD))}</html>",
    "named characters": "<html>" + KEY.replace("&", "&amp;").replace("+", "&plus;").replace("/", "&sol;") + "</html>",
    "text": f"bad key {KEY}\n",
    "a traceback": f"ValueError: {KEY!r}",
}


async def said_to(account: Account, body: bytes, *headers: str, status: str = "401 No") -> Answer:
    async with raw_server(saying(answer(body, *headers, status=status))) as server:
        return await account(server.url, key=KEY).speak(VOICE, TEXT, no_task)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("body", [*WRITTEN.values(), *PAGES.values()], ids=[*WRITTEN, *PAGES])
async def test_no_way_of_writing_shows_it(account: Account, body: str, encoding: str) -> None:
    """Whoever reads a log, an alert or the registry could spend the owner's money."""
    said = await said_to(account, body.encode(encoding))
    assert "***" in repr(said)
    assert REST not in repr(said)
    assert "c d" not in said.message
    assert said.outcome is Outcome.BLOCKED


async def test_a_long_key(account: Account) -> None:
    """MiniMax's own keys have hundreds of characters."""
    key = "eyJhbGciOiJSUzI1NiJ9." + "aB3_-/+x" * 100
    body = as_json(error(f"bad {key[:50]}, not {key}!"), "+").encode()
    async with raw_server(saying(answer(body, status="401 No"))) as server:
        said = await account(server.url, key=key).speak(VOICE, TEXT, no_task)
    assert f"bad {key[:50]}, not ***!" in said.message


@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN)
def test_what_is_json_stays_json(body: str) -> None:
    """An answer would become unreadable, and a paid keep be in doubt, because it repeats the key."""
    told = f'{body[:-1]}, "path": "C:\\\\{json.dumps(KEY)[1:-1]}\\n"}}'
    clean = json.loads(Blot(KEY).body(told.encode()))
    assert REST not in repr(clean)
    assert set(clean) >= {"path"}


def without_bom(text: str) -> bytes:
    return "错误：".encode("utf-16-le") + text.encode("utf-16-le")


@pytest.mark.parametrize("written", [without_bom, lambda text: "错误：".encode("utf-16-be") + text.encode("utf-16-be")])
async def test_two_bytes_a_letter_without_a_mark(account: Account, written: Callable[[str], bytes]) -> None:
    """A key that nothing announces as UTF-16 would be spelled out letter by letter."""
    said = await said_to(account, written(HEARD))
    assert "c d" not in said.message
    assert REST not in said.message


@pytest.mark.parametrize("written", [KEY, quote(KEY, safe=""), json.dumps(KEY).replace("/", "\\/"), escape(KEY)])
async def test_no_header_shows_it(account: Account, written: str) -> None:
    """A trace id or the place that a redirect names would carry the key into the evidence."""
    body = json.dumps(error("no")).encode()
    said = await said_to(account, body, f"Trace-Id: {written}", status="500 No")
    assert "***" in (said.trace_id or "")
    assert REST not in repr(said)
    moved = await said_to(account, b"", f"Location: https://{written}.example/x", status="302 Found")
    assert REST not in repr(moved)


async def test_no_broken_answer_shows_it(account: Account) -> None:
    """What the HTTP library says of a broken answer quotes it, with escapes of its own."""
    async with raw_server(saying(f"HTTP/1.1 200 OK\r\nBearer {KEY} \\/ no header\r\n\r\n".encode())) as server:
        said = await account(server.url, key=KEY).speak(VOICE, TEXT, no_task)
    assert REST not in repr(said)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"audio":"ff"},"base_resp":{"status_code":0},"x":"\\/ %2B &amp; \\u0041"}',
        '{"message":"\\\\ 错误 sk-ab/cd"}'.encode(),
        b"\xff\xfb\x90\x00 %& \\",
        b"ID3\x04\x00\x00",
        b"",
        b"\xed\xa0\x80 \xff",
    ],
)
def test_what_does_not_repeat_it_stays_as_it_is(body: bytes) -> None:
    """An answer would be damaged that says nothing of the key."""
    assert Blot(KEY).body(body) == body


@pytest.mark.parametrize("key", ["", "abcde"])
def test_what_could_be_part_of_anything_is_left(key: str) -> None:
    """A key of a few letters would blot out words that are not it."""
    assert Blot(key).text("abcdefgh") == "abcdefgh"


@pytest.mark.parametrize("unit", ["\\", "%25", "&amp;", "%252", "\\u0026", "&#0", "s\\/"])
@pytest.mark.timeout(20)
def test_no_answer_takes_long(unit: str) -> None:
    """A provider could hold up all keeping with one answer that nearly repeats the key."""
    body = (unit * (4 * 2**20 // len(unit))).encode()
    assert Blot(KEY).body(body) == body
