"""Every code of PROVIDERS.md § 2 and every HTTP status: what it means for a voice, over real HTTP."""

import pytest

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Outcome
from voicekeeper.emulator import Emulator, Fault
from voicekeeper.providers.gateways import Connection

CODES = [
    *((code, Outcome.TRANSIENT) for code in (1000, 1001, 1013, 1024, 1033)),
    *((code, Outcome.THROTTLED) for code in (1002, 1039, 1041, 2045)),
    *((code, Outcome.BLOCKED) for code in (1004, 2049, 1008, 1028, 1030, 2056, 2061, 2038)),
    *((code, Outcome.REFUSED) for code in (1026, 1027, 1042, 2013)),
    *((code, Outcome.NOT_FOUND) for code in (2042, 2054, 20132)),
    *((code, Outcome.TRANSIENT) for code in (1043, 1044, 2037, 2039, 2048)),  # of clone calls: unexpected here
    *((code, Outcome.TRANSIENT) for code in (1, 9999, 123456789)),
]
STATUSES = [
    (400, Outcome.REFUSED),
    (401, Outcome.BLOCKED),
    (402, Outcome.BLOCKED),
    (403, Outcome.BLOCKED),
    (404, Outcome.BLOCKED),
    (405, Outcome.BLOCKED),
    (408, Outcome.AMBIGUOUS),
    (413, Outcome.REFUSED),
    (418, Outcome.TRANSIENT),
    (422, Outcome.REFUSED),
    (429, Outcome.THROTTLED),
    (500, Outcome.TRANSIENT),
    (502, Outcome.TRANSIENT),
    (503, Outcome.TRANSIENT),
    (504, Outcome.AMBIGUOUS),
    (524, Outcome.AMBIGUOUS),
]


@pytest.mark.parametrize(("code", "outcome"), CODES)
async def test_code_under_200(emulator: Emulator, keeper: Connection, code: int, outcome: Outcome) -> None:
    """A code read wrongly would pause an account, lose a voice, or pay for nothing."""
    emulator.fault(Fault("code", code=code, message="in their words"))
    said = await keeper.speak(VOICE, TEXT, no_task)
    assert (said.outcome, said.code, said.http_status) == (outcome, str(code), 200)
    assert f"code {code}: in their words" in said.message
    assert said.trace_id == emulator.world.ledger[-1].trace_id


@pytest.mark.parametrize(("code", "outcome"), CODES[:-8])
@pytest.mark.parametrize("status", [400, 500])
async def test_code_in_a_gateways_error(
    emulator: Emulator, keeper: Connection, code: int, outcome: Outcome, status: int
) -> None:
    """If the wrapper's status won, a missing voice behind a gateway would read as a gateway out of order."""
    emulator.fault(Fault("wrapped", code=code, http_status=status))
    said = await keeper.speak(VOICE, TEXT, no_task)
    assert (said.outcome, said.code, said.http_status) == (outcome, str(code), status)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error":{"message":"upstream said code=2054","type":"upstream_error","code":"50001"}}', "2054"),
        (
            '{"error":{"message":"{\\"base_resp\\":{\\"status_code\\":1008,\\"status_msg\\":\\"x\\"}}"}}',
            "1008",
        ),
        ('{"statusCode" : "2049", "message": "no"}', "2049"),
        ("upstream failed, Code: 1002", "1002"),
        ('{"base_resp":{"status_code":"2042","status_msg":"no access"}}', "2042"),
    ],
)
async def test_buried_code(emulator: Emulator, keeper: Connection, body: str, code: str) -> None:
    """If a gateway's own number hid MiniMax's, its balance error would be retried for days without an alarm."""
    emulator.fault(Fault("http", http_status=500, body=body))
    assert (await keeper.speak(VOICE, TEXT, no_task)).code == code


@pytest.mark.parametrize(("status", "outcome"), STATUSES)
async def test_status_alone(emulator: Emulator, keeper: Connection, status: int, outcome: Outcome) -> None:
    """Gateways refuse without MiniMax's codes: read wrongly, no key error would ever pause an account."""
    emulator.fault(Fault("http", http_status=status, body='{"error":"their own words"}'))
    said = await keeper.speak(VOICE, TEXT, no_task)
    assert (said.outcome, said.code, said.http_status) == (outcome, None, status)
    assert "their own words" in said.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_never_followed(emulator: Emulator, keeper: Connection, status: int) -> None:
    """A followed redirect would hand the key to whoever stands at its end."""
    emulator.fault(Fault("redirect", http_status=status))
    said = await keeper.speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.BLOCKED
    assert "redirects" in said.message
    assert [call.path for call in emulator.world.ledger] == ["/v1/t2a_v2"]


DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "Sun, 01 Mar 2026 12:01:30 GMT", "Date": DATE}, 90),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT", "Date": DATE}, 0),
        ({"Retry-After": "9" * 30}, 3600),
        ({"Retry-After": "Sun, 01 Mar 2099 12:00:00 GMT", "Date": DATE}, 3600),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "\xb2"}, None),
        ({}, None),
    ],
)
async def test_retry_after(account: Account, headers: dict[str, str], seconds: float | None) -> None:
    """Unheeded, we hammer a provider that asked for quiet; believed without bound, one header outlasts a voice."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    async with raw_server(saying(answer(b"slow down", *lines, status="429 Too Many Requests"))) as server:
        said = await account(server.url).speak(VOICE, TEXT, no_task)
    assert (said.outcome, said.retry_after) == (Outcome.THROTTLED, seconds)


async def test_wrong_key_and_foreign_voice(emulator: Emulator, account: Account, keeper: Connection) -> None:
    """If a key of the wrong account looked like a lost voice, its owner would clone anew for nothing."""
    stranger = await account(emulator.url, key="sk-of-someone-else").speak(VOICE, TEXT, no_task)
    nobody = await account(emulator.url, key="sk-of-nobody").speak(VOICE, TEXT, no_task)
    missing = await keeper.speak("no-such-voice", TEXT, no_task)
    assert [(one.outcome, one.code) for one in (stranger, nobody, missing)] == [
        (Outcome.NOT_FOUND, "2042"),
        (Outcome.BLOCKED, "2049"),
        (Outcome.NOT_FOUND, "2054"),
    ]


async def test_empty_balance_keeps_nothing(emulator: Emulator, keeper: Connection) -> None:
    """If an account without money looked kept, every voice on it would be deleted in silence."""
    emulator.world.keys[KEY].balance = 1
    said = await keeper.speak(VOICE, TEXT, no_task)
    assert (said.outcome, said.code) == (Outcome.BLOCKED, "1008")
    assert emulator.world.voices[KEY, VOICE].used_at is None
