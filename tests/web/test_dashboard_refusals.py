"""Whatever is sent to the dashboard, the answer is a page that says what is wrong, and nothing is written."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.databases import Registries
from tests.registry.registry_steps import add, everyone
from tests.web.stage import NOW, TOKEN, Stage, staged
from tests.web.visitor import Visitor, rows_of, text_of
from voicekeeper.registry import pages
from voicekeeper.web.dashboard import session
from voicekeeper.web.gate import FLOOD_BURST, GUESS_SECONDS, GUESSES
from voicekeeper.web.operations import LARGEST_BODY

PAGES = ("/", "/voices", "/voices/main/voice-one-1", "/sign-in")
READING = PAGES[:3]
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.fixture
async def visitor(stage: Stage) -> AsyncIterator[Visitor]:
    """Somebody who is signed in, to a registry in which no test of this file may change anything."""
    add(stage.app.database, "voice-one-1", cloned_at=NOW)
    before = rows_of(stage)
    visitor = Visitor(stage)
    await visitor.sign_in()
    yield visitor
    assert rows_of(stage) == before
    assert stage.wakes == []


def one(visitor: Visitor) -> int:
    """Return the id of the voice that is there."""
    return everyone(visitor.stage.app.database)[0].id


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/static/x/style.css"])
async def test_every_answer_is_sealed(visitor: Visitor, path: str) -> None:
    """A page could be framed, kept by a proxy, run a script, or tell other sites where its reader is."""
    headers = (await visitor.get(path)).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert path.startswith("/static") or headers["cache-control"] == "no-store"


async def test_the_cookie(tmp_path: Path, registries: Registries) -> None:
    """A script, another site or a listener on the way could take the session."""
    for url, name, secure in (("https://keeper.example.com", "__Host-voicekeeper", True), (None, "voicekeeper", False)):
        async with staged(tmp_path, registries.migrated("sqlite"), public_url=url) as stage:
            (cookie,) = (await Visitor(stage).send("/sign-in", [("token", TOKEN)])).headers.get_list("set-cookie")
            parts = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert cookie.startswith(f"{name}=")
            assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= parts
            assert ("secure" in parts) is secure
            assert TOKEN not in cookie


@pytest.mark.parametrize("path", READING)
async def test_reading_is_open_on_loopback_only(tmp_path: Path, registries: Registries, path: str) -> None:
    """The labels of all voices would be open to the network, or to whoever a proxy lets through."""
    async with staged(tmp_path, registries.migrated("sqlite"), listen="0.0.0.0:0") as stage:
        await _asks_for_the_token(stage, path)
    url = "https://keeper.example.com"
    async with staged(tmp_path, registries.migrated("sqlite"), public_url=url) as stage:
        await _asks_for_the_token(stage, path, Host="keeper.example.com")
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"):
            assert (await Visitor(stage).get(path, **{header: "1.2.3.4"})).status_code == 401
        assert (await stage.get("/api/voices", headers={"Host": "keeper.example.com"})).status_code == 401
        assert (await stage.get("/metrics")).status_code == 200, "a scrape on this machine needs no token"


async def _asks_for_the_token(stage: Stage, path: str, **headers: str) -> None:
    add(stage.app.database, "voice-one-1", label="a secret name", cloned_at=NOW)
    visitor = Visitor(stage)
    refused = await visitor.get(path, **headers)
    assert refused.status_code == 401
    assert "secret name" not in refused.text
    assert f'name="then" value="{path[1:]}"' in refused.text
    entered = await visitor.send("/sign-in", [("token", TOKEN), ("then", path[1:])], **headers)
    assert entered.headers["location"] == f"./{path[1:]}"
    cookie = entered.headers["set-cookie"].partition(";")[0]
    assert (await visitor.get(path, Cookie=cookie, **headers)).status_code == 200
    stage.client.cookies.clear()


async def test_without_a_token_nobody_reads_from_elsewhere(tmp_path: Path, sqlite_url: str) -> None:
    """A daemon that was put on the network without a token would show everything."""
    async with staged(tmp_path, sqlite_url, token=None, listen="0.0.0.0:0") as stage:
        for path in READING:
            assert (await Visitor(stage).get(path)).status_code == 403


async def test_a_link_from_another_site_finds_the_session(tmp_path: Path, sqlite_url: str) -> None:
    """Who follows an alert's link in a web mail would have to sign in each time: browsers hold strict cookies back."""
    async with staged(tmp_path, sqlite_url, listen="0.0.0.0:0") as stage:
        first = await Visitor(stage).get("/voices", **{"Sec-Fetch-Site": "cross-site"})
        assert (first.status_code, '<meta http-equiv="refresh" content="0">' in first.text) == (401, True)
        again = await Visitor(stage).get("/voices", **{"Sec-Fetch-Site": "same-origin"})
        assert 'name="token"' in again.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "\0", "声", "x" * 60_000])
async def test_a_wrong_token(visitor: Visitor, token: str) -> None:
    """Anybody could sign in, or a strange token would end in a 500."""
    visitor.stage.client.cookies.clear()
    refused = await visitor.send("/sign-in", [("token", token)])
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers
    assert "This is not the token" in text_of(refused.text)
    assert "voicekeeper" not in visitor.stage.client.cookies


async def test_guessing_is_slow(visitor: Visitor) -> None:
    """Somebody could try a million tokens an hour by the form, although the API slows them down."""
    codes = [(await visitor.send("/sign-in", [("token", "wrong")])).status_code for _ in range(GUESSES + 2)]
    assert codes == [401] * GUESSES + [429] * 2
    right = await visitor.send("/sign-in", [("token", TOKEN)])
    assert (right.status_code, "Too many attempts" in text_of(right.text)) == (429, True)
    assert 0 < int(right.headers["retry-after"]) <= GUESS_SECONDS + 1
    visitor.stage.clock.move_seconds(GUESS_SECONDS)
    assert (await visitor.send("/sign-in", [("token", TOKEN)])).status_code == 303


@pytest.mark.parametrize(
    "cookie",
    ["", "x", ".", "..", "9999999999.x.y", "9999999999..", "9" * 4000, "-1.a.b", "nan.a.b", "%00.a.b", "1.2.3.4"],
)
async def test_a_cookie_that_is_not_ours(visitor: Visitor, cookie: str) -> None:
    """Somebody could make a cookie of their own, or one that ends in a 500."""
    visitor.stage.client.cookies.clear()
    headers = {"Cookie": f"voicekeeper={cookie}"}
    assert (await visitor.get("/", **headers)).status_code == 200
    fields = [("csrf", visitor.csrf), ("wish", "hold"), ("voice", str(one(visitor)))]
    assert (await visitor.send("/decide", fields, **headers)).status_code == 401


async def test_a_session_ends(visitor: Visitor) -> None:
    """A cookie that was taken, or a browser that was left open, would be good for ever."""
    visitor.stage.clock.move(session.LENGTH - timedelta(seconds=1))
    assert "Sign out" in await visitor.see()
    visitor.stage.clock.move(timedelta(seconds=1))
    assert "Sign out" not in await visitor.see()
    assert (await visitor.decide("hold", one(visitor))).status_code == 401


async def test_another_token_ends_all_sessions(tmp_path: Path, registries: Registries) -> None:
    """Whoever knew the old token would stay in after it was changed."""
    url = registries.migrated("sqlite")
    async with staged(tmp_path, url) as stage:
        cookie = (await Visitor(stage).sign_in()).headers["set-cookie"].partition(";")[0]
    async with staged(tmp_path, url, token="another-token") as stage:
        assert "Sign out" not in await Visitor(stage).see("/", Cookie=cookie)
    async with staged(tmp_path, url) as stage:
        assert "Sign out" in await Visitor(stage).see("/", Cookie=cookie), "and a restart ends none"


@pytest.mark.parametrize("path", ["/decide", "/sign-out"])
async def test_a_form_without_its_own_mark(visitor: Visitor, path: str) -> None:
    """Another site could send a form with the visitor's cookie."""
    for csrf in ("", "x", "0" * 64, "声" * 20):
        fields = [("csrf", csrf), ("wish", "hold"), ("voice", str(one(visitor))), ("sure", "yes")]
        refused = await visitor.send(path, fields)
        assert refused.status_code == 403
        assert "Nothing was changed" in text_of(refused.text)


async def test_the_mark_of_another_session(visitor: Visitor) -> None:
    """Somebody who may sign in could make a form for somebody else."""
    theirs = visitor.csrf
    await visitor.sign_in()
    assert visitor.csrf != theirs
    assert (await visitor.decide("hold", one(visitor), csrf=theirs)).status_code == 403


@pytest.mark.parametrize("path", ["/decide", "/sign-in", "/sign-out"])
async def test_a_form_from_elsewhere(visitor: Visitor, path: str) -> None:
    """Another site, or another port of this machine, could act for the visitor or sign them in as somebody else."""
    fields = [("csrf", visitor.csrf), ("wish", "hold"), ("voice", str(one(visitor))), ("token", TOKEN)]
    origins = ("https://evil.example", "null", "http://127.0.0.1:1", "")
    told = [{"Origin": one} for one in origins] + [{"Sec-Fetch-Site": one} for one in ("cross-site", "same-site")]
    for headers in told:
        refused = await visitor.send(path, fields, **headers)
        assert (refused.status_code, "from another site" in text_of(refused.text)) == (403, True)


async def test_forms_through_a_proxy(tmp_path: Path, sqlite_url: str) -> None:
    """Behind a proxy that changes the Host header no form would get through."""
    async with staged(tmp_path, sqlite_url, public_url="https://keeper.example.com:8443/vk") as stage:
        visitor = Visitor(stage)
        for origin, code in (("https://keeper.example.com:8443", 303), ("https://keeper.example.com", 403)):
            assert (await visitor.send("/sign-in", [("token", TOKEN)], Origin=origin)).status_code == code


@pytest.mark.parametrize("path", [*PAGES, "/decide", "/static/x/style.css"])
async def test_a_name_that_is_not_ours(visitor: Visitor, path: str) -> None:
    """A web page whose name leads to 127.0.0.1 could read all labels through its visitor's browser."""
    for host in ("evil.example", "127.0.0.1.evil.example", "", "keeper.example.com.evil.example"):
        assert (await visitor.get(path, Host=host)).status_code == 421


@pytest.mark.parametrize("path", [*PAGES, "/decide", "/sign-out"])
async def test_a_wrong_method(visitor: Visitor, path: str) -> None:
    """A method that is not meant would do something, or end in a 500."""
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"):
        answer = await visitor.stage.client.request(method, path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/decide", "/sign-in", "/sign-out"])
async def test_a_body_that_is_no_form(visitor: Visitor, path: str) -> None:
    """A body that nobody reads would be taken for an empty form."""
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        answer = await visitor.stage.client.post(path, content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/decide", "/sign-in"])
async def test_a_form_that_is_too_large(visitor: Visitor, path: str) -> None:
    """One request could fill the daemon's memory, or a thousand fields keep it busy."""
    large = await visitor.send(path, [("token", "x" * LARGEST_BODY)])
    assert (large.status_code, str(LARGEST_BODY) in large.text) == (413, True)
    many = await visitor.send(path, [("a", "")] * 2000)
    assert many.status_code == 400


@pytest.mark.parametrize("body", [b"\xff", b"csrf=%ff", b"%", b"&&&", b"=", b"csrf"])
async def test_a_broken_form(visitor: Visitor, body: bytes) -> None:
    """Bytes that are no text would end in a 500."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await visitor.stage.client.post("/decide", content=body, headers=headers)
    assert answer.status_code in {400, 403}


@pytest.mark.parametrize(
    ("wish", "voices"),
    [("", ["1"]), ("delete", ["1"]), ("hold", []), ("hold", ["x"]), ("hold", ["-1"]), ("hold", ["9" * 19]),
     ("hold", ["1 OR 1=1"]), ("hold", ["9" * 18]), ("hold", ["1"] * 101), ("hold", [""])],
)  # fmt: skip
async def test_a_decision_that_cannot_be(visitor: Visitor, wish: str, voices: list[str]) -> None:
    """Half of a form would be done, or a strange id reach the database."""
    fields = [("csrf", visitor.csrf), ("wish", wish), ("sure", "yes"), *(("voice", voice) for voice in voices)]
    refused = await visitor.send("/decide", fields)
    assert refused.status_code == 422
    assert "Nothing was changed" in text_of(refused.text)


@pytest.mark.parametrize(
    "back",
    ["https://evil.example", "//evil.example", "/\\evil.example", "voices/../..//evil", "javascript:alert(1)",
     "voices\r\nX: y", "voices/a", "voices/a/b/c", "sign-out", "voices/../evil", "voices/%2E%2e/evil", "声",
     "voices#x"],
)  # fmt: skip
async def test_going_back_elsewhere(visitor: Visitor, back: str) -> None:
    """A form could send its reader to another site afterwards, or write headers."""
    stage, wanted = visitor.stage, one(visitor)
    answer = await visitor.decide("release", wanted, sure=False, back=back)
    assert 'name="back" value="voices"' in answer.text
    assert stage.wakes == []


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example",
        "//evil.example",
        "\\\\evil",
        "javascript:x",
        "voices\\..",
        "sign-out",
        "声",
        "api/voices",
    ],
)
async def test_going_elsewhere_after_signing_in(visitor: Visitor, then: str) -> None:
    """A link could send people to a copy of this page on another site, right after they have signed in."""
    assert (await visitor.sign_in(then=then)).headers["location"] == "./"


@pytest.mark.parametrize(
    "query",
    ["status=gone", "cursor=x", "cursor=-1", "cursor=" + "9" * 19, "due_within=soon", "q=%00", "q=" + "x" * 300,
     "unknown=1", "status=kept&status=lost", "account=%ED%A0%80%00", "done=deleted", "n=x", "lang=zh&cursor=x"],
)  # fmt: skip
async def test_a_query_that_cannot_be(visitor: Visitor, query: str) -> None:
    """A mistyped filter would show other voices than were asked for."""
    assert (await visitor.get(f"/voices?{query}")).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/?account=nobody", "/voices/main/none", "/voices/main/%00", "/voices/main/%ff", "/voices/nobody/voice-one-1",
     "/voices/main/" + "x" * 5000, "/voices/main", "/voices/", "/nothing", "/static/", "/static/x/..%2f..%2fpage.py"],
)  # fmt: skip
async def test_nothing_there(visitor: Visitor, path: str) -> None:
    """An impossible name would end in a 500, or a person would get JSON."""
    answer = await visitor.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Not found" in text_of(answer.text)


@pytest.mark.parametrize("path", ["/voices?cursor=" + "9" * 18, "/voices/main/voice-one-1?before=0", "/voices?lang=xx"])
async def test_beyond_the_end(visitor: Visitor, path: str) -> None:
    """A page beyond the last one would be an error instead of an empty page."""
    assert (await visitor.get(path)).status_code == 200


async def test_programs_still_get_a_problem(visitor: Visitor) -> None:
    """A program that mistypes a path would get a page to parse."""
    answer = await visitor.stage.client.get("/nothing", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_flood(visitor: Visitor) -> None:
    """One client could keep the pages, and the keeper beside them, busy."""
    visitor.stage.clock.move_seconds(1000)
    codes = [(await visitor.get("/sign-in")).status_code for _ in range(FLOOD_BURST + 5)]
    assert codes == [200] * FLOOD_BURST + [429] * 5
    assert (await visitor.decide("hold", one(visitor))).status_code == 429


async def test_a_registry_that_is_away(tmp_path: Path, sqlite_url: str) -> None:
    """Somebody would take an outage for an empty registry."""
    async with staged(tmp_path, sqlite_url) as stage:
        visitor = Visitor(stage)
        await visitor.sign_in()
        file, hidden = Path(str(stage.app.database.url.database)), tmp_path / "hidden.db"
        move(file, hidden)
        for path in READING:
            answer = await visitor.get(path)
            assert (answer.status_code, "no registry" in answer.text) == (503, True)
        assert (await visitor.decide("hold", 1)).status_code == 503
        move(hidden, file)


def move(old: Path, new: Path) -> None:
    old.rename(new)


async def test_while_the_configuration_is_read_anew(visitor: Visitor) -> None:
    """A request in that moment would end in a 500."""
    face = visitor.stage.face
    app, face.app = face.app, None
    try:
        codes = [(await visitor.get(path)).status_code for path in READING]
        assert [*codes, (await visitor.decide("hold", 1)).status_code] == [503] * 4
    finally:
        face.app = app


async def test_a_mistake_of_ours_is_told_without_its_inside(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback would tell a stranger about the machine."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(pages, "voices_after", broken)
    answer = await visitor.get("/voices")
    assert (answer.status_code, "inside" in answer.text) == (500, False)
    assert "voicekeeper made a mistake" in text_of(answer.text)
