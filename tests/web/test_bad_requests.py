"""Whatever is sent, the answer is a problem that says what would mend it, nothing is written, and nothing is a 500."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.databases import Registries
from tests.web.stage import BEARER, NEW, TOKEN, Stage, staged
from voicekeeper.registry import pages
from voicekeeper.web.operations import LARGEST_BODY

ONE = "/api/voices/main/voice-one-1"
READING = ("/metrics", "/openapi.json", "/api/voices", ONE, "/api/accounts", "/api/attempts")
WRITING = (("POST", "/api/voices", NEW), ("PATCH", ONE, {"label": "x"}))
HEALTH = ("/healthz", "/readyz")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def stage(stage: Stage) -> AsyncIterator[Stage]:
    """A registry with one voice, in which no test of this file may change anything."""
    stage.add("voice-one-1")
    before = rows(stage)
    yield stage
    assert rows(stage) == before
    assert stage.wakes == []


def rows(stage: Stage) -> list[Any]:
    with stage.app.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM voices ORDER BY id"))]


def problem(answer: httpx.Response, status: int) -> str:
    """See that this is a whole problem, and return its detail."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert told.keys() >= {"type", "title", "status", "detail"}
    assert told["status"] == status
    detail: str = told["detail"]
    assert detail
    return detail


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}x", "Bearer", "bearer \xff", f"Bearer {TOKEN[:-1]}"])
@pytest.mark.parametrize(("method", "path", "body"), WRITING)
async def test_a_wrong_token(stage: Stage, method: str, path: str, body: object, authorization: str) -> None:
    """Anybody who reaches the port could change what is kept."""
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    answer = await stage.client.request(method, path, json=body, headers=headers)
    assert "not the token" in problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("headers", [{}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}])
@pytest.mark.parametrize(("method", "path", "body"), WRITING)
async def test_no_token(stage: Stage, method: str, path: str, body: object, headers: dict[str, str]) -> None:
    """A page in a browser on this machine could register voices that cost money."""
    assert "Authorization: Bearer" in problem(await stage.client.request(method, path, json=body, headers=headers), 401)


async def test_two_tokens_are_none(stage: Stage) -> None:
    """A proxy that looks at the other of two headers would let in what it means to keep out."""
    both = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    problem(await stage.client.patch(ONE, json={"label": "x"}, headers=both), 401)


async def test_the_token_is_asked_for_before_the_body_is_read(stage: Stage) -> None:
    """Somebody without a token could make the daemon read and parse."""
    problem(await stage.client.post("/api/voices", content=b"{" * 70_000, headers=JSON), 401)


@pytest.mark.parametrize("path", READING)
async def test_reading_is_open_on_loopback_only(tmp_path: Path, registries: Registries, path: str) -> None:
    """The names of all voices would be open to the network, or a curl on the same machine would need a key."""
    for listen, expected in (("127.0.0.1:0", 200), ("0.0.0.0:0", 401)):
        async with staged(tmp_path, registries.migrated("sqlite"), listen=listen) as stage:
            stage.add("voice-one-1")
            assert (await stage.get(path)).status_code == expected
            assert (await stage.get(path, headers=BEARER)).status_code == 200
            assert [(await stage.get(health)).status_code for health in HEALTH] == [200, 503]


async def test_without_a_configured_token(tmp_path: Path, sqlite_url: str) -> None:
    """An API without a password would stand open, or its owner would not learn what is missing."""
    async with staged(tmp_path, sqlite_url, token=None) as stage:
        for sent in ({}, BEARER, {"Authorization": "Bearer"}):
            answer = await stage.client.post("/api/voices", json=NEW, headers=sent)
            assert "serve.api_token is not set" in problem(answer, 403)
        assert (await stage.get("/api/voices")).json()["voices"] == []
    async with staged(tmp_path, sqlite_url, token=None, listen="0.0.0.0:0") as stage:
        assert "serve.listen is not loopback" in problem(await stage.get("/metrics"), 403)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8710", "127.0.0.1.evil.example", "", "localhost.", "[::2]"]
)
async def test_a_name_that_is_not_ours(stage: Stage, host: str) -> None:
    """A web page whose name leads to 127.0.0.1 could read all voices through its visitor's browser."""
    assert "Host" in problem(await stage.get("/api/voices", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8710", "127.0.0.1:1", "[::1]:8710", "[::1]"])
async def test_the_names_of_this_machine(stage: Stage, host: str) -> None:
    """A curl with another of this machine's names would be refused."""
    assert (await stage.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("path", [*READING, *HEALTH])
@pytest.mark.parametrize("method", ["DELETE", "PUT", "OPTIONS", "TRACE", "BREW"])
async def test_a_wrong_method(stage: Stage, method: str, path: str) -> None:
    """A client would not learn which methods there are."""
    answer = await stage.client.request(method, path, headers=BEARER)
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/api", "/api/voices/", "/api/voices/main", "/api/voices/main/", "/voices/", "/API/voices"]
)
async def test_nothing_there(stage: Stage, path: str) -> None:
    """A mistyped path would end in another answer than every other mistake."""
    problem(await stage.get(path), 404)


@pytest.mark.parametrize(
    "voice_id", ["unknown", "%00", "%ff", "x" * 5000, "%F0%9F%98%80", "..%2f..%2fetc%2fpasswd", "%0a"]
)
async def test_a_voice_that_cannot_be(stage: Stage, voice_id: str) -> None:
    """An impossible name would reach the database and come back as its error."""
    for account in ("main", "%00", "nobody"):
        path = f"/api/voices/{account}/{voice_id}"
        problem(await stage.get(path), 404)
        problem(await stage.client.patch(path, json={"label": "x"}, headers=BEARER), 404)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
@pytest.mark.parametrize(("method", "path", "body"), WRITING)
async def test_a_wrong_content_type(stage: Stage, method: str, path: str, body: object, kind: str | None) -> None:
    """A form on another site could send what browsers let through without asking."""
    headers = {**BEARER, **({"Content-Type": kind} if kind is not None else {})}
    answer = await stage.client.request(method, path, content=json.dumps(body), headers=headers)
    assert "application/json" in problem(answer, 415)


@pytest.mark.parametrize(("method", "path", "body"), WRITING)
async def test_a_body_that_is_too_large(stage: Stage, method: str, path: str, body: dict[str, str]) -> None:
    """One request could fill the daemon's memory."""
    large = json.dumps({**body, "label": "x" * LARGEST_BODY}).encode()

    async def without_a_length() -> AsyncIterator[bytes]:
        yield large

    for content in (large, without_a_length()):
        answer = await stage.client.request(method, path, content=content, headers={**BEARER, **JSON})
        assert str(LARGEST_BODY) in problem(answer, 413)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"[[[[" * 5000, b'{"a":' * 5000, b"\xff\xfe", b"NaN", b"1e999",
        b'{"label": "\\ud800"}', b'{"label": "x",}', b"{'label': 'x'}", b"9" * 5000, b'{"label": "x"} {}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in WRITING])
async def test_broken_json(stage: Stage, method: str, path: str, text: bytes) -> None:
    """A body that cannot be read would end in a 500, or half of it would count."""
    answer = await stage.client.request(method, path, content=text, headers={**BEARER, **JSON})
    assert answer.status_code in {400, 422}
    problem(answer, answer.status_code)


WRONG_VOICES = [
    ({"voice_id": None}, "voice_id"),
    ({"voice_id": ""}, "voice_id"),
    ({"voice_id": 7}, "voice_id"),
    ({"voice_id": "x" * 257}, "voice_id"),
    ({"voice_id": "short"}, "voice_id"),
    ({"voice_id": "bad\0name-1"}, "voice_id"),
    ({"voice_id": "line\nbreak-1"}, "voice_id"),
    ({"account": "nobody"}, "nobody"),
    ({"account": ["main"]}, "account"),
    ({"cloned_at": 1700000000}, "cloned_at"),
    ({"cloned_at": "yesterday"}, "cloned_at"),
    ({"cloned_at": "2026-11-20T12:06:00Z"}, "future"),
    ({"cloned_at": "0001-01-01T00:00:00Z"}, "cloned_at"),
    ({"cloned_at": "2026-11-20T11:00:00+99:99"}, "cloned_at"),
    ({"deadline": "2026-11-20T10:00:00Z"}, "deadline"),
    ({"cloned_at": "2026-11-20T10:00:00.0001Z", "deadline": "2026-11-20T10:00:00.00018Z"}, "two milliseconds"),
    ({"label": "x" * 256}, "label"),
    ({"label": "\u202e"}, "label"),
    ({"intent": "Keep"}, "intent"),
    ({"intent": True}, "intent"),
    ({"origin": "copy"}, "origin"),
    ({"priority": "1"}, "priority"),
    ({"priority": 1.5}, "priority"),
    ({"priority": 1001}, "priority"),
    ({"priority": 10**30}, "priority"),
    ({"status": "kept"}, "status"),
    ({"id": 1}, "id"),
    ({"voiceId": "x"}, "voiceId"),
]


@pytest.mark.parametrize(("wrong", "word"), WRONG_VOICES, ids=str)
async def test_a_voice_that_cannot_be_registered(stage: Stage, wrong: dict[str, Any], word: str) -> None:
    """A voice would be registered that can never be kept, or with another value than was sent."""
    answer = await stage.post({**NEW, "voice_id": "voice-new-1", **wrong})
    assert word in problem(answer, 422)
    assert answer.json()["errors"]


async def test_every_mistake_is_told_at_once(stage: Stage) -> None:
    """Somebody would mend one mistake after the other, a request for each."""
    answer = await stage.post({"account": 1, "priority": "x", "more": 1})
    told = problem(answer, 422)
    assert all(word in told for word in ("account", "voice_id", "cloned_at", "priority", "more"))
    assert "deadline: Input should be a valid string" in problem(await stage.post({**NEW, "deadline": 5}), 422)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"intent": None}, {"label": None}, {"intent": "kept"}, {"label": 1}, {"label": "\0"}, {"priority": -1001},
     {"status": "kept"}, {"label": "x", "deadline": "2026-11-30T00:00:00Z"}],
    ids=str,
)  # fmt: skip
async def test_a_change_that_cannot_be(stage: Stage, wrong: dict[str, Any]) -> None:
    """Half of a request would be done, or a column changed that is voicekeeper's own."""
    problem(await stage.patch("main/voice-one-1", wrong), 422)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "limit=1.0", "limit=-1", "limit=", "limit=1&limit=2", "cursor=x", "cursor=-1",
     "cursor=" + "9" * 19, "status=gone", "status=", "intent=x", "due_within=soon", "due_within=99999999d", "label=%00",
     "account=%ED%A0%80%00", "unknown=1", "order=id", "label=" + "x" * 300],
)  # fmt: skip
async def test_a_query_that_cannot_be(stage: Stage, query: str) -> None:
    """A mistyped filter would be ignored, and a program would take the whole list for what it asked for."""
    problem(await stage.get(f"/api/voices?{query}"), 422)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("voices?due_within=5", 'due_within: "5" is not a duration: write it like "168h", "90s", "2d" or "1h30m"'),
        ("voices?status=gone", "status: Input should be 'waiting', 'kept', 'lost' or 'released'"),
        ("attempts?since=noon", 'since: "noon" is not a time: write it like 2026-11-20T12:00:00Z'),
        ("forecast?rpm=0", "rpm: Input should be greater than or equal to 0.001"),
    ],
)
async def test_a_parameter_is_told_by_its_name(stage: Stage, asked: str, told: str) -> None:
    """Its reader would look for "due_within.none", and take "Input should be None" for the mend."""
    answer = await stage.get(f"/api/{asked}")
    assert answer.json()["errors"] == [told]


@pytest.mark.parametrize("query", ["since=yesterday", "since=1", "outcome=x", "cursor=a", "status=kept", "limit=501"])
async def test_a_query_for_attempts_that_cannot_be(stage: Stage, query: str) -> None:
    """Likewise, for the evidence."""
    problem(await stage.get(f"/api/attempts?{query}"), 422)


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/api/accounts", ONE])
async def test_a_parameter_where_there_is_none(stage: Stage, path: str) -> None:
    """A filter that does not exist would seem to have found everything."""
    problem(await stage.get(f"{path}?limit=1"), 422)


async def test_a_mistake_of_ours_is_told_without_its_inside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback would tell a stranger about the machine, or end more than its request."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(pages, "voices_after", broken)
    assert "inside" not in problem(await stage.get("/api/voices"), 500)
    assert (await stage.get("/api/accounts")).status_code == 200


async def test_a_registry_that_is_away(tmp_path: Path, sqlite_url: str) -> None:
    """A client would take an outage for a mistake of its own, or for an empty registry."""
    async with staged(tmp_path, sqlite_url) as stage:
        file, hidden = str(stage.app.database.url.database), str(tmp_path / "hidden.db")
        move(file, hidden)
        for answer in (await stage.get("/api/voices"), await stage.post(), await stage.patch("a/b", {"label": "x"})):
            assert "no registry" in problem(answer, 503)
            assert answer.headers["retry-after"]
        assert (await stage.get("/metrics")).status_code == 200
        move(hidden, file)


def move(old: str, new: str) -> None:
    Path(old).rename(new)


async def test_while_the_configuration_is_read_anew(stage: Stage) -> None:
    """A request in that moment would end in a 500."""
    app, stage.face.app = stage.face.app, None
    try:
        problem(await stage.get("/api/voices"), 503)
        problem(await stage.post(), 503)
        assert (await stage.get("/healthz")).status_code == 200
    finally:
        stage.face.app = app


async def test_head_is_get_without_a_body(stage: Stage) -> None:
    """A monitor that asks with HEAD would be told that nothing is there."""
    answer = await stage.client.head("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_client_that_goes_away_breaks_nothing(stage: Stage) -> None:
    """A connection cut in the middle of a body would leave a request that never ends."""
    url = stage.client.base_url
    head = f"POST /api/voices HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await stage.get("/api/voices")).status_code == 200
