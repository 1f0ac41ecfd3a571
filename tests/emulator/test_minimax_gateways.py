"""The gateways that speak MiniMax's shapes below a prefix: hingnet, the aggregator, kkiai."""

import wave
from io import BytesIO
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import START, VOICE, ask, code, speech, tone
from voicekeeper.emulator import Emulator

DEADLINE = 168 * 3600


async def upload(client: httpx.AsyncClient, path: str, seconds: float = 12.0) -> httpx.Response:
    file = {"file": ("sample.wav", tone(seconds))}
    return await client.post(path, data={"purpose": "voice_clone"}, files=file)


async def cloned(client: httpx.AsyncClient, prefix: str, upload_path: str, **changes: Any) -> httpx.Response:
    """Clone `fresh-voice-1` the way a client of that gateway does."""
    file_id = (await upload(client, prefix + upload_path)).json()["file"]["file_id"]
    body = {"file_id": file_id, "voice_id": "fresh-voice-1"} | changes
    return await client.post(f"{prefix}/v1/voice_clone", json=body)


async def test_hingnet_answers_with_the_sound_itself(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it answered JSON, nobody could show that raw bytes count as success."""
    body = speech(audio_setting={"format": "wav"})
    answer = await client.post("/minimaxi/v1/t2a_v2", json=body)
    assert answer.headers["content-type"] == "audio/mpeg"
    with wave.open(BytesIO(answer.content)) as file:
        assert file.getframerate() == 32000
    assert emulator.world.voices["sk-test", VOICE].used_at == START
    assert (emulator.world.ledger[-1].path, emulator.world.ledger[-1].fee) == ("/minimaxi/v1/t2a_v2", 9.9006)


async def test_hingnet_may_answer_json_or_either(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the share of raw answers could not be chosen, only one of its two ways would be tried."""
    emulator.habits.hingnet_raw_audio = 0.0
    assert code((await ask(client, "hingnet")).json()) == 0
    emulator.habits.hingnet_raw_audio = 0.5
    kinds = [(await ask(client, "hingnet")).headers["content-type"] for _ in range(24)]
    assert set(kinds) == {"audio/mpeg", "application/json"}


async def test_hingnet_answers_a_link_in_json(client: httpx.AsyncClient) -> None:
    """If a link came as bytes, `output_format=url` would mean nothing."""
    answer = await client.post("/minimaxi/v1/t2a_v2", json=speech(output_format="url"))
    assert answer.json()["data"]["audio"].startswith("http://")


async def test_hingnet_refuses_in_minimax_words(client: httpx.AsyncClient) -> None:
    """If a refusal came as sound, a lost voice would look kept."""
    answer = await ask(client, "hingnet", "no-such-voice")
    assert (answer.status_code, code(answer.json())) == (200, 2054)


async def test_hingnet_has_the_rest_of_minimax(client: httpx.AsyncClient) -> None:
    """If its list or its upload were missing, its accounts could not be verified, nor voices cloned."""
    assert code((await cloned(client, "/minimaxi", "/v1/files/upload")).json()) == 0
    await ask(client, "hingnet", "fresh-voice-1")
    listed = await client.post("/minimaxi/v1/get_voice", json={"voice_type": "voice_cloning"})
    assert [voice["voice_id"] for voice in listed.json()["voice_cloning"]] == ["fresh-voice-1"]


@pytest.mark.parametrize("name", ["alloy", "echo", "fable", "onyx", "nova", "shimmer"])
async def test_rewritten_name_is_cloned_and_never_kept(
    emulator: Emulator, client: httpx.AsyncClient, name: str
) -> None:
    """If speaking with it kept it, the trap of those six names would not be set."""
    assert code((await cloned(client, "/minimaxi", "/v1/files/upload", voice_id=name)).json()) == 0
    assert (await ask(client, "hingnet", name)).headers["content-type"] == "audio/mpeg"
    assert emulator.world.voices["sk-test", name].used_at is None
    listed = await client.post("/minimaxi/v1/get_voice", json={"voice_type": "all"})
    assert listed.json()["voice_cloning"] == []
    emulator.world.advance(DEADLINE)
    assert emulator.world.voices["sk-test", name].deleted(emulator.world.now())


async def test_only_hingnet_takes_those_names(client: httpx.AsyncClient) -> None:
    """If MiniMax itself took a name of five letters, its naming rule would go untried."""
    assert code((await cloned(client, "", "/v1/files/upload", voice_id="alloy")).json()) == 2013


async def test_aggregator_uploads_at_files(client: httpx.AsyncClient) -> None:
    """If the usual upload path existed too, a client that never tries the other would look right."""
    assert (await upload(client, "/minimax/v1/files")).json()["file"]["purpose"] == "voice_clone"
    missing = await upload(client, "/minimax/v1/files/upload")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(("there", "missing"), [("/v1/files/upload", "/v1/files"), ("/v1/files", "/v1/files/upload")])
async def test_kkiai_uploads_at_either(emulator: Emulator, client: httpx.AsyncClient, there: Any, missing: str) -> None:
    """If it could not be chosen, a client that knows one path only would look right."""
    emulator.habits.minimax_prefix, emulator.habits.kkiai_upload = "kkiai", there
    assert (await upload(client, f"/minimax{there}")).status_code == 200
    assert (await upload(client, f"/minimax{missing}")).status_code == 404


async def test_aggregator_clone_has_the_older_shape(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If `input_sensitive` were an object here, the older shape would go unread."""
    answer = (await cloned(client, "/minimax", "/v1/files", text="A demo.", model="speech-2.8-hd")).json()
    assert (answer["input_sensitive"], answer["input_sensitive_type"], code(answer)) == (False, 0, 0)
    assert answer["demo_audio"].startswith("http://")
    assert ("sk-test", "fresh-voice-1") in emulator.world.voices


async def test_kkiai_clone_answers_an_empty_object(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it said more, a client that needs more would look right."""
    emulator.habits.minimax_prefix = "kkiai"
    answer = await cloned(client, "/minimax", "/v1/files/upload")
    assert (answer.status_code, answer.json()) == (200, {})
    assert ("sk-test", "fresh-voice-1") in emulator.world.voices


async def test_prefix_has_minimax_t2a(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If its T2A had another shape, a voice kept there would not look kept."""
    answer = (await ask(client, "aggregator")).json()
    assert (code(answer), bytes.fromhex(answer["data"]["audio"])[:2]) == (0, b"\xff\xfb")
    assert emulator.world.voices["sk-test", VOICE].uses == 1


async def test_list_of_voices_is_not_there(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it answered a list, verifying where there is none would go untried."""
    missing = await client.post("/minimax/v1/get_voice", json={"voice_type": "all"})
    assert (missing.status_code, "get_voice" in missing.json()["error"]["message"]) == (404, True)
    emulator.habits.no_get_voice = "html"
    page = await client.post("/minimax/v1/get_voice", json={"voice_type": "all"})
    assert (page.status_code, page.text[:15]) == (200, "<!doctype html>")
    assert [call.http_status for call in emulator.world.ledger] == [404, 200]


@pytest.mark.parametrize(
    ("key", "voice_id", "balance", "status", "number"),
    [
        ("sk-nobody", VOICE, 100, 401, 2049),
        ("sk-test", VOICE, 1, 402, 1008),
        ("sk-test", "no-such-voice", 100, 400, 2054),
        ("sk-other", VOICE, 100, 400, 2042),
    ],
)
async def test_prefix_wraps_its_errors(
    emulator: Emulator, client: httpx.AsyncClient, key: str, voice_id: str, balance: float, status: int, number: int
) -> None:
    """If its errors came in base_resp, wrapped ones would go unread."""
    emulator.world.keys["sk-test"].balance = balance
    answer = await ask(client, "aggregator", voice_id, headers={"Authorization": f"Bearer {key}"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, str(number))
    assert f"code={number}" in error["message"]
    assert (emulator.world.ledger[-1].code, emulator.world.ledger[-1].http_status) == (number, status)
