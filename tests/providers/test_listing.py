"""The provider's own list: it proves, or it cannot be had; it never raises."""

import json

import pytest

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.emulator import Emulator, Fault
from voicekeeper.providers import Listing
from voicekeeper.providers.gateways import Connection

GOOD = {"status_code": 0, "status_msg": "success"}


async def listing_of(account: Account, body: object, *headers: str, status: str = "200 OK") -> Listing:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with raw_server(saying(answer(raw, *headers, status=status))) as server:
        return await account(server.url, timeout=2).listed()


async def test_a_voice_is_listed_once_it_is_kept(emulator: Emulator, keeper: Connection) -> None:
    """If the list showed voices that nobody used, it would prove keeps that never were."""
    emulator.world.clone(KEY, "voice-designed", origin="design")
    assert (await keeper.listed()).voice_ids == frozenset()
    for voice in (VOICE, "voice-designed"):
        await keeper.speak(voice, TEXT, no_task)
    assert (await keeper.listed()).voice_ids == frozenset({VOICE, "voice-designed"})


async def test_system_voices_are_nobodys(account: Account) -> None:
    """If they were listed, each account would show hundreds of voices that its registry lacks."""
    body = {
        "system_voice": [{"voice_id": "male-qn"}],
        "voice_cloning": [{"voice_id": VOICE}],
        "base_resp": GOOD,
    }
    assert (await listing_of(account, body)).voice_ids == frozenset({VOICE})


NO_DAYS: list[object] = [None, "", "yesterday", 0, True, -1, 1e300, 10**400, [], {}, "0001-01-01", "1970-01-01"]
DAYS: list[tuple[object, str | None]] = [
    ("2026-03-01", "2026-03-01T00:00:00+00:00"),
    ("2026-03-01T08:30:00+08:00", "2026-03-01T00:30:00+00:00"),
    (1772323200, "2026-03-01T00:00:00+00:00"),
    (1772323200.0, "2026-03-01T00:00:00+00:00"),
    *((wrong, None) for wrong in NO_DAYS),
]


@pytest.mark.parametrize(("told", "made_at"), DAYS)
async def test_the_day_is_read_as_it_is_told(account: Account, told: object, made_at: str | None) -> None:
    """A listed voice would be registered with a day that never was, or its list be refused for an odd one."""
    body = {"voice_generation": [{"voice_id": VOICE, "created_time": told}], "base_resp": GOOD}
    voices = (await listing_of(account, body)).voices
    assert voices is not None
    listed = voices[VOICE]
    assert (listed.made_at.isoformat() if listed.made_at else None, listed.origin) == (made_at, "design")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"404 page not found", "404 Not Found"),
        (b"<!doctype html><html></html>", "200 OK"),
        (b"", "200 OK"),
        (b"[" * 200_000, "200 OK"),
        (b'{"voice_cloning":[{"voice_id":"voi', "200 OK"),
        ([], "200 OK"),
        (None, "200 OK"),
        ({"base_resp": None}, "200 OK"),
        ({"base_resp": {"status_code": False}}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": "voices"}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": 7}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": {"voice_id": VOICE}}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": [VOICE]}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": [{"voice_id": None}]}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": [{"voice_id": ["x"]}]}, "200 OK"),
        ({"base_resp": GOOD, "voice_cloning": [{"voice_id": VOICE}]}, "500 Oops"),
    ],
)
async def test_what_is_no_list_cannot_be_had(account: Account, body: object, status: str) -> None:
    """If garbage read as an empty or a made-up list, it would prove something."""
    listing = await listing_of(account, body, status=status)
    assert (listing.voice_ids, listing.blocked) == (None, False)
    assert listing.reason.isprintable()
    assert listing.reason


@pytest.mark.parametrize(
    ("body", "status", "absent"),
    [
        ({"error": {"message": "Invalid URL"}}, "404 Not Found", True),
        ({"error": {"message": "no route", "code": "5004"}}, "404 Not Found", True),
        (b"", "405 No", True),
        (b"<!doctype html><html></html>", "200 OK", True),
        (b"<html>502</html>", "502 Bad Gateway", False),
        ({"error": {"message": "code=1000"}}, "404 Not Found", False),
        ({"base_resp": {"status_code": 1002}}, "200 OK", False),
        ({"base_resp": {"status_code": 7777}}, "200 OK", False),
        (b'{"voice_cloning":[{"voice_id":"voi', "200 OK", False),
    ],
)
async def test_no_list_is_told_from_one_that_cannot_be_had_now(
    account: Account, body: object, status: str, *, absent: bool
) -> None:
    """An outage would read as a gateway without a list, and nobody would ask again; or a gateway as an outage."""
    listing = await listing_of(account, body, status=status)
    assert (listing.voice_ids, listing.absent, listing.blocked) == (None, absent, False)
    assert ("it has no list" in listing.reason) is absent


@pytest.mark.parametrize("gateway", ["ppinfra", "wavespeed"])
async def test_who_has_no_list_is_not_asked(account: Account, gateway: str) -> None:
    """An address that leads nowhere would be called at each sweep, and look like an outage."""
    assert (await account("http://127.0.0.1:1", gateway=gateway).listed()).absent


@pytest.mark.parametrize("kind", ["reset", "html", "truncated", "hang"])
async def test_a_list_that_breaks_cannot_be_had(emulator: Emulator, account: Account, kind: str) -> None:
    """If asking for the list could raise, one bad answer would end the sweep."""
    emulator.fault(Fault(kind, path="/v1/get_voice"))
    listing = await account(emulator.url, timeout=0.5).listed()
    assert (listing.voice_ids, listing.reason != "") == (None, True)


async def test_no_connection_is_no_list(account: Account) -> None:
    """If it raised, `verify` would crash where it should say what is wrong."""
    listing = await account("http://127.0.0.1:1").listed()
    assert (listing.voice_ids, listing.absent, listing.blocked) == (None, False, False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"base_resp": {"status_code": 2049, "status_msg": "invalid"}}, "200 OK"),
        ({"error": {"message": "code=1004"}}, "401 No"),
        ({"error": "no"}, "401 No"),
    ],
)
async def test_a_refused_key_is_said(account: Account, body: object, status: str) -> None:
    """If a wrong key looked like a missing list, `check` would call the account healthy."""
    listing = await listing_of(account, body, status=status)
    assert (listing.voice_ids, listing.blocked) == (None, True)


async def test_server_time_is_the_providers(account: Account) -> None:
    """If the provider's clock were not read, a machine whose clock is wrong would plan wrong deadlines."""
    listing = await listing_of(account, {"base_resp": GOOD}, "Date: Sun, 01 Mar 2026 12:00:00 GMT")
    assert listing.server_time is not None
    assert listing.server_time.isoformat() == "2026-03-01T12:00:00+00:00"
    assert (await listing_of(account, {"base_resp": GOOD}, "Date: yesterday")).server_time is None


async def test_reasons_hold_neither_key_nor_control_characters(account: Account) -> None:
    """A reason goes into logs and terminals."""
    words = f"\x1b[31m {KEY} " + "long " * 1000
    listing = await listing_of(account, {"base_resp": {"status_code": 1000, "status_msg": words}})
    assert listing.reason.isprintable()
    assert KEY not in repr(listing)
    assert len(listing.reason) < 500
