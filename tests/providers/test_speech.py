"""What proves that a voice is kept, and what does not."""

import json
import logging
import math
from typing import Any

import pytest

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.emulator import Emulator, Fault
from voicekeeper.providers import gateways
from voicekeeper.providers.gateways import Connection, Gateway

DEEP = b"[" * 200_000


def speech(**changes: Any) -> dict[str, Any]:
    body = {"data": {"audio": "ff", "status": 2}, "base_resp": {"status_code": 0, "status_msg": "success"}}
    return body | changes


async def said_to(account: Account, body: object, *headers: str, status: str = "200 OK") -> Answer:
    """Return what an account makes of this body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with raw_server(saying(answer(raw, *headers, status=status))) as server:
        return await account(server.url).speak(VOICE, TEXT, no_task)


async def test_kept(emulator: Emulator, keeper: Connection) -> None:
    """If a success were not seen, every voice would be paid for again and again."""
    said = await keeper.speak(VOICE, TEXT, no_task)
    line = emulator.world.ledger[-1]
    assert (said.outcome, said.code, said.http_status) == (Outcome.KEPT, "0", 200)
    assert (said.characters, said.trace_id) == (3, line.trace_id)
    assert emulator.world.voices[KEY, VOICE].uses == 1


async def test_raw_audio_is_success(emulator: Emulator, keeper: Connection) -> None:
    """Hingnet answers with the sound itself: unrecognised, a kept voice would be tried until its deadline."""
    emulator.fault(Fault("raw_audio"))
    assert (await keeper.speak(VOICE, TEXT, no_task)).outcome is Outcome.KEPT


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("html", Outcome.TRANSIENT),
        ("truncated", Outcome.AMBIGUOUS),
        ("null_data", Outcome.AMBIGUOUS),
        ("empty_audio", Outcome.AMBIGUOUS),
        ("lost", Outcome.AMBIGUOUS),
        ("reset", Outcome.AMBIGUOUS),
    ],
)
async def test_no_proof_without_audio(emulator: Emulator, keeper: Connection, kind: str, outcome: Outcome) -> None:
    """If any of these counted as kept, the voice would be deleted with nobody told."""
    emulator.fault(Fault(kind))
    assert (await keeper.speak(VOICE, TEXT, no_task)).outcome is outcome


async def test_slow_and_dripping_answers_are_waited_for(emulator: Emulator, keeper: Connection) -> None:
    """If a slow success were given up within the timeout, it would be paid for twice."""
    emulator.fault(Fault("slow", seconds=0.2, times=1))
    emulator.fault(Fault("drip", seconds=0.01, times=1))
    assert [(await keeper.speak(VOICE, TEXT, no_task)).outcome for _ in range(2)] == [Outcome.KEPT] * 2


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (speech(), Outcome.KEPT),
        (speech(base_resp={"status_code": "0"}), Outcome.KEPT),
        (speech(data={"audio": "https://cdn.example/sound.mp3"}), Outcome.KEPT),
        (speech(base_resp={"status_code": False}), Outcome.AMBIGUOUS),
        (speech(base_resp={"status_code": math.nan}), Outcome.AMBIGUOUS),
        (speech(base_resp={"status_code": 10**400}), Outcome.AMBIGUOUS),
        (speech(base_resp={}), Outcome.AMBIGUOUS),
        (speech(base_resp=None), Outcome.AMBIGUOUS),
        (speech(data={"audio": "  "}), Outcome.AMBIGUOUS),
        (speech(data={"audio": 5}), Outcome.AMBIGUOUS),
        (speech(data=["audio"]), Outcome.AMBIGUOUS),
        ({}, Outcome.AMBIGUOUS),
        ([1], Outcome.AMBIGUOUS),
        (None, Outcome.AMBIGUOUS),
        (b"", Outcome.AMBIGUOUS),
        (b"\xff\xfe\x00", Outcome.AMBIGUOUS),
        (DEEP, Outcome.AMBIGUOUS),
        (b'{"base_resp":{"status_code":1008,"status_m', Outcome.BLOCKED),
        (b"\n  <html><body>Welcome</body></html>", Outcome.TRANSIENT),
    ],
)
async def test_shape(account: Account, body: object, outcome: Outcome) -> None:
    """An answer in another shape must neither prove a keep nor end the sweep with an exception."""
    assert (await said_to(account, body)).outcome is outcome


async def test_success_needs_a_good_status(account: Account) -> None:
    """If code 0 under HTTP 500 counted, a gateway's failure page could lose a voice."""
    assert (await said_to(account, speech(), status="500 Oops")).outcome is Outcome.TRANSIENT


async def test_a_task_that_succeeded_needs_a_good_status(account: Account) -> None:
    """Likewise of a task: nothing would have proven the voice, and nobody would ask again."""
    body = {"status": "Success", "base_resp": {"status_code": 0}}
    async with raw_server(saying(answer(json.dumps(body).encode(), status="502 Oops"))) as server:
        said = await account(server.url, asynchronous=True).resume("1")
    assert (said.outcome, said.task_id) == (Outcome.AMBIGUOUS, "1"), said


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"audio": "ff", "status": 2}, Outcome.KEPT),
        ({"audio": "ff", "base_resp": {"status_code": 0}}, Outcome.KEPT),
        ({"audio": "ff", "base_resp": None}, Outcome.KEPT),
        ({"audio": "ff", "base_resp": {"status_code": 1008}}, Outcome.BLOCKED),
        ({"audio": "ff", "base_resp": {"status_code": 2054}}, Outcome.NOT_FOUND),
        ({"audio": "ff", "base_resp": {"status_code": -1}}, Outcome.AMBIGUOUS),
        ({"audio": "ff", "code": 403, "reason": "NOT_ENOUGH_BALANCE"}, Outcome.BLOCKED),
        ({"audio": "", "status": 2}, Outcome.AMBIGUOUS),
    ],
)
async def test_a_sound_beside_a_refusal_is_no_proof(
    account: Account, body: dict[str, object], outcome: Outcome
) -> None:
    """PPInfra's flat shape has no code of its own: with one of MiniMax's beside it, a refusal would count as kept."""
    async with raw_server(saying(answer(json.dumps(body).encode()))) as server:
        said = await account(server.url, gateway="ppinfra").speak(VOICE, TEXT, no_task)
    assert said.outcome is outcome, said


async def test_a_state_that_is_no_text_is_one_of_a_task_under_way(account: Account) -> None:
    """Reading it would fail, and the log would show a mistake of voicekeeper's instead of what was answered."""
    async with raw_server(saying(answer(json.dumps({"task": {"status": ["x"]}}).encode()))) as server:
        said = await account(server.url, gateway="ppinfra", asynchronous=True).resume("1")
    assert (said.outcome, said.task_id) == (Outcome.AMBIGUOUS, "1"), said
    assert "under way" in said.message


@pytest.mark.parametrize("billed", [True, -1, 10**30, "many", None, math.inf])
async def test_impossible_figures_are_left_out(account: Account, billed: object) -> None:
    """A figure that no column holds would make the registry refuse the record of a kept voice."""
    said = await said_to(account, speech(extra_info={"usage_characters": billed}, trace_id="t" * 5000))
    assert (said.outcome, said.characters) == (Outcome.KEPT, None)
    assert said.trace_id is not None
    assert len(said.trace_id) <= 128


async def test_words_are_short_and_harmless(account: Account) -> None:
    """Control characters from a provider would rewrite the terminal of whoever reads the log."""
    nasty = "\x1b[2J\r\nBAD\u202e\x00\ud800 " + "long " * 5000
    body = {"base_resp": {"status_code": 1000, "status_msg": nasty}, "trace_id": "\x1b]0;x\x07t"}
    said = await said_to(account, body)
    assert said.message.isprintable()
    assert (said.trace_id or "").isprintable()
    assert "BAD" in said.message
    assert len(said.message) < 500


async def test_the_key_never_comes_back(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """A provider that echoes the key would put it into registry, log and alert."""
    caplog.set_level(logging.INFO, "voicekeeper")
    echo = {"base_resp": {"status_code": 2049, "status_msg": f"invalid key {KEY}"}, "trace_id": KEY}
    page = f"<html>{KEY}</html>".encode()
    shown = [
        repr(await said_to(account, echo)),
        repr(await said_to(account, {"error": {"message": KEY}}, status="401 No")),
        repr(await said_to(account, page, f"Trace-Id: {KEY}")),
        repr(await account("http://127.0.0.1:1").speak(VOICE, TEXT, no_task)),
        repr(await account("http://127.0.0.1:1", key=f"{KEY}\nX: y").speak(VOICE, TEXT, no_task)),
        repr(gateways.Access(api_key=KEY, base_url="", prefix="", model="", timeout=1, connections=1)),
        caplog.text,
    ]
    assert not [one for one in shown if KEY in one]


async def test_a_new_gateway_is_a_row(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a gateway of a known family needed code, each of the many resellers would need a release of ours."""
    row = Gateway(name="reseller", family="minimax", prefix="/minimax", can_list=False)
    monkeypatch.setitem(gateways.GATEWAYS, "reseller", row)
    body = json.dumps(speech()).encode()
    async with raw_server(saying(answer(body))) as server:
        reseller = account(server.url, gateway="reseller", prefix=row.prefix)
        said, listing = await reseller.speak(VOICE, TEXT, no_task), await reseller.listed()
    assert (said.outcome, listing.voice_ids) == (Outcome.KEPT, None)
    assert [one.split(b" ")[1] for one in server.requests] == [b"/minimax/v1/t2a_v2"]


async def test_a_base_with_a_path_keeps_it(account: Account) -> None:
    """If the path of base_url were dropped, gateways below one would answer 404."""
    async with raw_server(saying(answer(json.dumps(speech()).encode()))) as server:
        await account(f"{server.url}/api").speak(VOICE, TEXT, no_task)
    assert server.requests[0].startswith(b"POST /api/v1/t2a_v2 ")
    assert f"authorization: bearer {KEY}".encode() in server.requests[0].lower()


@pytest.mark.parametrize("voice_id", ["abcdefgh", "A2345678", "a-b_c-d8", "a" * 256])
def test_possible_voice_id(voice_id: str) -> None:
    """If a real voice's name were refused, it would be set aside and lost."""
    assert gateways.GATEWAYS["minimax-cn"].id_problem(voice_id) is None


@pytest.mark.parametrize(
    "voice_id",
    ["", "abcdefg", "a" * 257, "1bcdefgh", "abcdefg-", "abcdefg_", "abc defgh", "abcdefgé", "abcdefgh\n"],
)
def test_impossible_voice_id(voice_id: str) -> None:
    """If an impossible name were called, each try would spend a slot of the good ones, and its text might do worse."""
    problem = gateways.GATEWAYS["minimax-cn"].id_problem(voice_id)
    assert problem is not None
    assert problem.isprintable()
    assert len(problem) < 250
