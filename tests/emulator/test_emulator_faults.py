"""Each way an answer can go wrong, over real HTTP; and who is struck, how often, replayably."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import VOICE, Speak, code, speech
from voicekeeper.emulator import Emulator, Fault, Key


async def ask(client: httpx.AsyncClient, voice_id: str = VOICE, **options: Any) -> httpx.Response:
    return await client.post("/v1/t2a_v2", json=speech(voice_id), **options)


def used(emulator: Emulator, voice_id: str = VOICE) -> bool:
    return emulator.world.voices["sk-test", voice_id].used_at is not None


async def test_code(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a planted code were not answered, no code of PROVIDERS.md could be tried."""
    emulator.fault(Fault("code", code=2045, message="growth"))
    answer = (await ask(client)).json()
    assert answer["base_resp"] == {"status_code": 2045, "status_msg": "growth"}
    assert not used(emulator)
    assert (emulator.world.ledger[-1].code, emulator.world.ledger[-1].fault) == (2045, "code")


async def test_http_status_with_body_and_headers(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If Retry-After were not sent, nobody could show that it is obeyed."""
    emulator.fault(Fault("http", http_status=429, body="slow down", headers={"Retry-After": "7"}))
    answer = await ask(client)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (429, "slow down", "7")
    assert not used(emulator)


async def test_wrapped_code(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If gateways' wrapping were not imitated, their errors would read as unknown."""
    emulator.fault(Fault("wrapped", code=2054, http_status=500))
    answer = await ask(client)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (500, "upstream_error", "2054")
    assert error["message"].endswith("code=2054")


async def test_html_under_200(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the page came with an error status, the trap of PROVIDERS.md would not be set."""
    emulator.fault(Fault("html"))
    answer = await ask(client)
    assert (answer.status_code, answer.text[:15]) == (200, "<!doctype html>")


@pytest.mark.parametrize(("kind", "data"), [("null_data", None), ("empty_audio", {"audio": "", "status": 2})])
async def test_success_without_sound(
    emulator: Emulator, client: httpx.AsyncClient, kind: str, data: dict[str, Any] | None
) -> None:
    """If these kept the voice, a keeper that trusts the code alone would look right."""
    emulator.fault(Fault(kind))
    answer = (await ask(client)).json()
    assert (code(answer), answer["data"]) == (0, data)
    assert not used(emulator)


async def test_truncated_json(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the JSON could be read, nothing would be truncated."""
    emulator.fault(Fault("truncated"))
    answer = await ask(client)
    with pytest.raises(ValueError, match="Unterminated"):
        answer.json()
    assert used(emulator)


async def test_raw_audio(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the bytes were not the sound, raw success could not be told from rubbish."""
    emulator.fault(Fault("raw_audio"))
    answer = await ask(client)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.content.startswith(b"\xff\xfb")
    assert used(emulator)


async def test_raw_audio_of_a_refusal_is_the_refusal(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a refusal became sound, a lost voice would look kept."""
    emulator.fault(Fault("raw_audio"))
    assert code((await ask(client, "no-such-voice")).json()) == 2054


async def test_hang(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If an answer came, no timeout could be tried."""
    emulator.fault(Fault("hang"))
    with pytest.raises(httpx.ReadTimeout):
        await ask(client, timeout=0.2)
    assert not used(emulator)


async def test_slow_head(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a client that gave up stopped the work, an ambiguous answer could not be tried."""
    emulator.fault(Fault("slow", seconds=3600, times=1))
    with pytest.raises(httpx.ReadTimeout):
        await ask(client, timeout=0.2)
    assert used(emulator)
    emulator.fault(Fault("slow", seconds=0.01))
    assert code((await ask(client)).json()) == 0


async def test_dripping_body(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the body came at once, a limit on the whole call could not be tried."""
    emulator.fault(Fault("drip", seconds=0.005))
    async with client.stream("POST", "/v1/t2a_v2", json=speech()) as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 5


async def test_endless_body(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it ended, a limit on the body's size could not be tried."""
    emulator.fault(Fault("endless"))
    size = 0
    async with client.stream("POST", "/v1/t2a_v2", json=speech()) as answer:
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > 1_000_000:
                break
    assert size > 1_000_000


async def test_reset_before_the_work(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the work were done, a reset before it could not be told from one after it."""
    emulator.fault(Fault("reset"))
    with pytest.raises(httpx.ReadError):
        await ask(client)
    assert not used(emulator)
    assert emulator.world.keys["sk-test"].balance == 100


async def test_answer_lost_after_the_work(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the voice were not kept and paid for, a lost answer would not be ambiguous."""
    emulator.fault(Fault("lost"))
    with pytest.raises(httpx.ReadError):
        await ask(client)
    assert used(emulator)
    assert emulator.world.ledger[-1].fee == 9.9006


async def test_redirect(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a followed redirect left no trace, a key sent elsewhere would go unseen."""
    emulator.fault(Fault("redirect", times=1))
    answer = await ask(client)
    assert (answer.status_code, answer.headers["location"]) == (307, "/_emulator/elsewhere")
    emulator.fault(Fault("redirect"))
    await ask(client, follow_redirects=True)
    assert emulator.world.ledger[-1].path == "/_emulator/elsewhere"


async def test_times(emulator: Emulator, t2a: Speak) -> None:
    """If a fault struck more often than told, a test of retries would never end."""
    fault = emulator.fault(Fault("code", code=1001, times=2))
    assert [code(await t2a()) for _ in range(3)] == [1001, 1001, 0]
    assert fault.struck == 2


async def test_by_voice_key_and_path(emulator: Emulator, client: httpx.AsyncClient, t2a: Speak) -> None:
    """If a fault struck others too, one bad voice could not be tried among good ones."""
    emulator.world.clone("sk-test", "voice-two-2")
    emulator.world.clone("sk-other", VOICE)
    emulator.fault(Fault("code", code=1, voice_id="voice-two-2"))
    emulator.fault(Fault("code", code=2, key="sk-other"))
    emulator.fault(Fault("code", code=3, path="/v1/get_voice"))
    listed = await client.post("/v1/get_voice", json={"voice_type": "all"})
    codes = [code(await t2a()), code(await t2a("voice-two-2")), code(await t2a(key="sk-other")), code(listed.json())]
    assert codes == [0, 1, 2, 3]


async def test_wrong_key_is_refused_before_any_fault(emulator: Emulator, t2a: Speak) -> None:
    """If a fault struck a call that was never let in, its `times` would be used up by nothing."""
    fault = emulator.fault(Fault("code", code=1001, times=1))
    assert code(await t2a(key="sk-nobody")) == 2049
    assert fault.struck == 0


async def codes_of_a_run(seed: int, voices: list[str], **options: Any) -> dict[str, list[str | None]]:
    """Return, for each voice, the faults that eight calls met; the voices come in the order given."""
    async with Emulator(keys={"sk-test": Key()}, seed=seed, **options) as emulator:
        if not options:
            emulator.fault(Fault("code", code=1000, rate=0.4))
        for name in voices:
            emulator.world.clone("sk-test", name)
        headers = {"Authorization": "Bearer sk-test"}
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False) as http:
            for _ in range(8):
                await asyncio.gather(*(ask(http, name) for name in voices), return_exceptions=True)
        return {name: [c.fault for c in emulator.world.ledger if c.voice_id == name] for name in voices}


async def test_rate_replays_whatever_the_order() -> None:
    """If the dice depended on the order of arrival, a failing run could not be repeated."""
    names = [f"voice-no-{number}" for number in range(6)]
    first = await codes_of_a_run(7, names)
    assert first == await codes_of_a_run(7, names[::-1])
    assert first != await codes_of_a_run(8, names)
    struck = [fault for faults in first.values() for fault in faults]
    assert 8 <= struck.count("code") <= 32


async def test_misbehaviour_is_never_twice_in_a_row_for_a_voice() -> None:
    """If a voice met moods without end, a keeper under test would never converge."""
    met = await codes_of_a_run(1, [f"voice-no-{number}" for number in range(4)], misbehave=1.0)
    assert all([fault is None for fault in faults] == [False, True] * 4 for faults in met.values())
    assert len({fault for faults in met.values() for fault in faults}) > 3


async def test_misbehaviour_leaves_other_paths_alone(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If lists and clones went wrong too, `misbehave` would not be what it says."""
    emulator.faults.misbehave = 1.0
    for _ in range(4):
        assert code((await client.post("/v1/get_voice", json={"voice_type": "all"})).json()) == 0


async def test_closing_cuts_hanging_answers() -> None:
    """If closing waited for them, a test with a hanging provider would hang itself."""
    arrived = asyncio.Semaphore(0)
    async with Emulator(keys={"sk-test": Key()}, on_call=lambda _: arrived.release()) as emulator:
        for kind in ("hang", "slow", "endless", "drip"):
            emulator.fault(Fault(kind, times=1, seconds=3600))
        headers = {"Authorization": "Bearer sk-test"}
        emulator.world.clone("sk-test", VOICE)
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False, timeout=60) as http:
            asked = [asyncio.create_task(ask(http)) for _ in range(4)]
            for _ in asked:
                await arrived.acquire()
            async with asyncio.timeout(10):
                await emulator.__aexit__(None, None, None)
            ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ended)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": "code", "times": 0}, "times"),
        ({"kind": "code", "rate": 0}, "rate"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
        ({"kind": "http", "http_status": 42}, "http_status"),
    ],
)
def test_fault_that_makes_no_sense(wrong: dict[str, Any], named: str) -> None:
    """If it were planted all the same, a test would silently try nothing."""
    with pytest.raises(ValueError, match=f"^{named}: "):
        Fault(**wrong)


def test_misbehave_is_a_probability() -> None:
    """If 5 were taken for 5 %, every call would go wrong."""
    with pytest.raises(ValueError, match="misbehave"):
        Emulator(misbehave=5)
