"""The provider's rules over real HTTP: who may speak, for how long, for how much."""

import asyncio
import io
import wave
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import START, VOICE, Speak, code, speech, tone
from voicekeeper.emulator import Emulator, Key

HOUR = 3600


async def uploaded(client: httpx.AsyncClient, seconds: float = 12.0, purpose: str = "voice_clone") -> Any:
    answer = await client.post(
        "/v1/files/upload", data={"purpose": purpose}, files={"file": ("sample.wav", tone(seconds))}
    )
    return answer.json()["file"]["file_id"]


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.post(path, json=body)).json()
    return answer


async def test_success_carries_playable_sound(t2a: Speak) -> None:
    """If the sound were not real, a client that plays or measures it could not be tried here."""
    answer = await t2a(audio_setting={"format": "wav", "sample_rate": 16000})
    with wave.open(io.BytesIO(bytes.fromhex(answer["data"]["audio"]))) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 4000)
    assert answer["extra_info"]["audio_length"] == 250
    assert answer["extra_info"]["usage_characters"] == 3


async def test_mp3_frames_stand_one_after_the_other(t2a: Speak) -> None:
    """If a frame's length did not fit its header, players would lose step and call the file broken."""
    sound = bytes.fromhex((await t2a())["data"]["audio"])
    length = 144 * 128000 // 32000
    assert len(sound) % length == 0
    assert {sound[at : at + 4] for at in range(0, len(sound), length)} == {bytes.fromhex("fffb98c0")}


async def test_url_output_can_be_fetched(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If the URL led nowhere, `output_format=url` could not be tried."""
    answer = await t2a(output_format="url", audio_setting={"format": "wav"})
    sound = await client.get(answer["data"]["audio"])
    assert sound.content[:4] == b"RIFF"


async def test_trace_id_is_the_same_in_body_and_header(client: httpx.AsyncClient) -> None:
    """If they differed, the keeper's evidence would not match the provider's log."""
    answer = await client.post("/v1/t2a_v2", json=speech())
    assert answer.headers["trace-id"] == answer.json()["trace_id"]


async def test_date_header_is_the_emulators_time(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it were the machine's, clock skew could not be tried."""
    emulator.world.advance(HOUR)
    answer = await client.post("/v1/t2a_v2", json=speech())
    assert answer.headers["date"] == "Sun, 01 Mar 2026 13:00:00 GMT"


async def test_unused_voice_is_deleted_at_its_deadline(emulator: Emulator, t2a: Speak) -> None:
    """If the voice lived on, no test of the keeper could ever lose one."""
    emulator.world.advance(168 * HOUR)
    assert code(await t2a()) == 2054
    assert emulator.world.ledger[-1].fee == 0


async def test_voice_used_in_its_last_second_is_permanent(emulator: Emulator, t2a: Speak) -> None:
    """If a use did not keep the voice, keeping would be for nothing."""
    emulator.world.advance(168 * HOUR - 1)
    assert code(await t2a()) == 0
    emulator.world.advance(9000 * HOUR)
    assert code(await t2a()) == 0


async def test_voice_belongs_to_its_key(emulator: Emulator, t2a: Speak) -> None:
    """If any key could speak with it, a wrong account would pass for a kept voice."""
    assert code(await t2a(key="sk-other")) == 2042
    emulator.world.advance(168 * HOUR)
    assert code(await t2a(key="sk-other")) == 2054


async def test_same_name_may_live_under_two_keys(emulator: Emulator, t2a: Speak) -> None:
    """If names were taken world-wide, two accounts could not share one."""
    emulator.world.clone("sk-other", VOICE)
    assert code(await t2a(key="sk-other")) == 0
    assert emulator.world.voices["sk-test", VOICE].used_at is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": ""}, 1004),
        ({"Authorization": "Bearer sk-nobody"}, 2049),
        ({"Authorization": "Basic x"}, 1004),
    ],
)
async def test_wrong_key(client: httpx.AsyncClient, headers: dict[str, str], expected: int) -> None:
    """If a wrong key got in, a paused account could not be tried."""
    answer = await client.post("/v1/t2a_v2", json=speech(), headers=headers)
    assert (answer.status_code, code(answer.json())) == (200, expected)


async def test_disabled_key(emulator: Emulator, t2a: Speak) -> None:
    """If a disabled key worked, a key's withdrawal could not be tried."""
    emulator.world.keys["sk-test"].disabled = True
    assert code(await t2a()) == 1004


async def test_listed_only_after_first_use(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If unused clones were listed, a listing would prove nothing."""
    assert (await post(client, "/v1/get_voice", voice_type="all"))["voice_cloning"] == []
    await t2a()
    listed = await post(client, "/v1/get_voice", voice_type="voice_cloning")
    assert listed["voice_cloning"] == [{"voice_id": VOICE, "description": [], "created_time": "2026-03-01"}]
    assert "system_voice" not in listed


async def test_list_shows_own_voices_only(emulator: Emulator, client: httpx.AsyncClient, t2a: Speak) -> None:
    """If others' voices were listed, a wrong account would look verified."""
    emulator.world.clone("sk-other", "other-voice-1")
    await t2a("other-voice-1", key="sk-other")
    assert (await post(client, "/v1/get_voice", voice_type="all"))["voice_cloning"] == []


async def test_clone_fee_falls_due_at_first_use_only(emulator: Emulator, t2a: Speak) -> None:
    """If the fee were charged at cloning or twice, spend could not be proven."""
    assert emulator.world.keys["sk-test"].balance == 100
    await t2a()
    await t2a()
    assert [call.fee for call in emulator.world.ledger] == [9.9006, 0.0006]
    assert emulator.world.keys["sk-test"].balance == pytest.approx(90.0988)
    assert emulator.world.fees() == {("test", VOICE): 9.9012}


async def test_chinese_counts_twice_and_hd_costs_more(t2a: Speak, emulator: Emulator) -> None:
    """If characters were counted otherwise, the keeper's own sums would look wrong."""
    answer = await t2a(text="你好。", model="speech-2.8-hd")
    assert answer["extra_info"]["usage_characters"] == 6
    assert emulator.world.ledger[-1].fee == pytest.approx(9.9 + 6 * 3.5 / 10_000)


async def test_too_little_balance_does_nothing(emulator: Emulator, t2a: Speak) -> None:
    """If a refused call kept the voice or took money, an empty account would look harmless."""
    emulator.world.keys["sk-test"].balance = 9.9
    assert code(await t2a()) == 1008
    assert emulator.world.voices["sk-test", VOICE].used_at is None
    assert emulator.world.keys["sk-test"].balance == 9.9


async def test_rate_is_a_sliding_minute(emulator: Emulator, t2a: Speak) -> None:
    """If the window did not slide, or counted refusals, throttling could not be tried."""
    emulator.world.keys["sk-test"].rpm = 2
    assert code(await t2a()) == 0
    emulator.world.advance(30)
    assert [code(await t2a()) for _ in range(3)] == [0, 1002, 1002]
    emulator.world.advance(30)
    assert [code(await t2a()) for _ in range(2)] == [0, 1002]


async def test_rate_is_per_key(emulator: Emulator, t2a: Speak) -> None:
    """If keys shared a limit, one account would throttle another."""
    emulator.world.keys["sk-test"].rpm = 1
    emulator.world.clone("sk-other", VOICE)
    assert [code(await t2a()), code(await t2a()), code(await t2a(key="sk-other"))] == [0, 1002, 0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"volume": 1}, "volume"),
        ({"model": "speech-9-turbo"}, "model"),
        ({"text": ""}, "text"),
        ({"text": "<#0.5#> <#2#>"}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x" * 10_000}, "text"),
        ({"stream": "false"}, "stream"),
        ({"voice_setting": {"voice_id": VOICE, "speed": 3}}, "voice_setting.speed"),
        ({"voice_setting": {"voice_id": VOICE, "pitch": 1.5}}, "voice_setting.pitch"),
        ({"voice_setting": {"voice_id": VOICE, "volume": 1}}, "voice_setting.volume"),
        ({"voice_setting": {}}, "voice_setting.voice_id"),
        ({"audio_setting": {"sample_rate": 12345}}, "audio_setting.sample_rate"),
        ({"audio_setting": {"audio_sample_rate": 32000}}, "audio_setting.audio_sample_rate"),
        ({"language_boost": "Klingon"}, "language_boost"),
    ],
)
async def test_wrong_field_is_refused_by_name(
    emulator: Emulator, t2a: Speak, changes: dict[str, Any], named: str
) -> None:
    """If a mistyped field passed, the keeper's requests would be proven by nothing."""
    answer = await t2a(**changes)
    assert code(answer) == 2013
    assert f"{named}: " in answer["base_resp"]["status_msg"]
    assert emulator.world.voices["sk-test", VOICE].used_at is None


async def test_invisible_text_is_refused(t2a: Speak) -> None:
    """If it passed, MiniMax's own rule on invisible characters would go untried."""
    assert code(await t2a(text="Hi\u200b\u200b")) == 1042


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
async def test_body_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    """If it raised instead, a broken client would see HTTP 500."""
    answer = await client.post("/v1/t2a_v2", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer.json())) == (200, 2013)


async def test_query_may_hold_group_id_only(client: httpx.AsyncClient) -> None:
    """If a stray query parameter passed, a client's mistake would go unseen."""
    assert code((await client.post("/v1/t2a_v2?GroupId=1", json=speech())).json()) == 0
    assert code((await client.post("/v1/t2a_v2?Group=1", json=speech())).json()) == 2013


async def test_clone_begins_the_deadline_and_its_demo_does_not_count(
    emulator: Emulator, client: httpx.AsyncClient, t2a: Speak
) -> None:
    """If the demo kept the voice, cloning alone would look safe."""
    emulator.world.advance(HOUR)
    answer = await post(
        client,
        "/v1/voice_clone",
        file_id=await uploaded(client),
        voice_id="fresh-voice-1",
        text="A demo.",
        model="speech-2.8-hd",
        clone_prompt={"prompt_audio": await uploaded(client, 3, "prompt_audio"), "prompt_text": "Hello."},
    )
    assert (code(answer), answer["input_sensitive"]) == (0, {"type": 0})
    assert (await client.get(answer["demo_audio"])).headers["content-type"] == "audio/mp3"
    assert emulator.world.voices["sk-test", "fresh-voice-1"].deadline == START + timedelta(hours=169)
    emulator.world.advance(168 * HOUR)
    assert code(await t2a("fresh-voice-1")) == 2054


@pytest.mark.parametrize(
    "name", ["short1", "1voice-one", "voice-one-", "voice_one_", "voice one", "stimme-für", "x" * 257]
)
async def test_voice_id_rule(client: httpx.AsyncClient, name: str) -> None:
    """If a name MiniMax refuses were taken, cloning would be proven with impossible names."""
    answer = await post(client, "/v1/voice_clone", file_id=await uploaded(client), voice_id=name)
    assert code(answer) == 2013
    assert "voice_id: " in answer["base_resp"]["status_msg"]


async def test_duplicate_voice_id(client: httpx.AsyncClient) -> None:
    """If a second clone took the name, it would reset the first one's deadline."""
    assert code(await post(client, "/v1/voice_clone", file_id=await uploaded(client), voice_id=VOICE)) == 2039


async def test_deleted_name_stays_taken_and_expired_one_is_free(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a deleted id could be used again, it would contradict MiniMax's documentation."""
    await post(client, "/v1/delete_voice", voice_type="voice_cloning", voice_id=VOICE)
    emulator.world.clone("sk-test", "expired-voice", START - timedelta(hours=200))
    file_id = await uploaded(client)
    assert code(await post(client, "/v1/voice_clone", file_id=file_id, voice_id=VOICE)) == 2039
    assert code(await post(client, "/v1/voice_clone", file_id=file_id, voice_id="expired-voice")) == 0


@pytest.mark.parametrize(
    ("seconds", "purpose", "expected"),
    [(9, "voice_clone", 2037), (10, "voice_clone", 0), (301, "voice_clone", 2037), (12, "prompt_audio", 2013)],
)
async def test_clone_looks_at_its_file(client: httpx.AsyncClient, seconds: float, purpose: str, expected: int) -> None:
    """If any file would do, the keeper's check of the audio would be proven by nothing."""
    file_id = await uploaded(client, seconds, purpose)
    assert code(await post(client, "/v1/voice_clone", file_id=file_id, voice_id="fresh-voice-1")) == expected


async def test_long_prompt_and_half_a_prompt(client: httpx.AsyncClient) -> None:
    """If they passed, the rule of both or neither would go untried."""
    file_id, prompt = await uploaded(client), await uploaded(client, 8, "prompt_audio")
    whole = {"prompt_audio": prompt, "prompt_text": "Hello."}
    body = {"file_id": file_id, "voice_id": "fresh-voice-1"}
    assert code(await post(client, "/v1/voice_clone", **body, clone_prompt=whole)) == 2048
    assert code(await post(client, "/v1/voice_clone", **body, clone_prompt={"prompt_audio": prompt})) == 2013


async def test_file_of_another_key_is_unknown(client: httpx.AsyncClient) -> None:
    """If files were shared, a clone could use somebody else's audio."""
    file_id = await uploaded(client)
    answer = await client.post(
        "/v1/voice_clone",
        json={"file_id": file_id, "voice_id": "fresh-voice-1"},
        headers={"Authorization": "Bearer sk-other"},
    )
    assert code(answer.json()) == 2013


@pytest.mark.parametrize(
    ("form", "files", "named"),
    [
        ({"purpose": "retrieval"}, {"file": ("a.wav", b"x")}, "purpose"),
        ({}, {"file": ("a.wav", b"x")}, "purpose"),
        ({"purpose": "voice_clone", "name": "x"}, {"file": ("a.wav", b"x")}, "name"),
        ({"purpose": "voice_clone"}, {"file": ("a.txt", b"x")}, "file"),
        ({"purpose": "voice_clone"}, {"sound": ("a.wav", b"x")}, "sound"),
        ({"purpose": "voice_clone"}, None, "file"),
        ({"purpose": "voice_clone"}, {"file": ("a.wav", b"\0" * (20 * 1024 * 1024 + 1))}, "file"),
    ],
    ids=["purpose", "no-purpose", "unknown", "extension", "other-name", "no-file", "size"],
)
async def test_upload_rules(
    client: httpx.AsyncClient, form: dict[str, str], files: dict[str, Any] | None, named: str
) -> None:
    """If a wrong form passed, the upload of the keeper would be proven by nothing."""
    answer = (await client.post("/v1/files/upload", data=form, files=files)).json()
    assert code(answer) == 2013
    assert f"{named}: " in answer["base_resp"]["status_msg"]


async def test_delete_voice(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If a deleted voice still spoke, the owner's deletion would not be seen."""
    deleted = await post(client, "/v1/delete_voice", voice_type="voice_cloning", voice_id=VOICE)
    assert (code(deleted), deleted["voice_id"]) == (0, VOICE)
    assert code(await t2a()) == 2054
    again = await post(client, "/v1/delete_voice", voice_type="voice_cloning", voice_id=VOICE)
    assert code(again) == 2054


async def test_designed_voice_lives_under_the_same_rule(
    emulator: Emulator, client: httpx.AsyncClient, t2a: Speak
) -> None:
    """If designed voices were permanent, registering them would be untested."""
    made = await post(client, "/v1/voice_design", prompt="A calm voice", preview_text="Hello there.")
    assert bytes.fromhex(made["trial_audio"])
    assert (await post(client, "/v1/get_voice", voice_type="all"))["voice_generation"] == []
    emulator.world.advance(168 * HOUR)
    assert code(await t2a(made["voice_id"])) == 2054


async def test_async_speech_counts_when_it_succeeds(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If creating the task were enough, a keeper that never polls would look right."""
    task = await post(client, "/v1/t2a_async_v2", **speech())
    query = f"/v1/query/t2a_async_query_v2?task_id={task['task_id']}"
    assert (await client.get(query)).json()["status"] == "Processing"
    assert emulator.world.voices["sk-test", VOICE].used_at is None
    emulator.world.advance(2)
    assert (await client.get(query)).json()["status"] == "Success"
    assert emulator.world.voices["sk-test", VOICE].used_at == START + timedelta(seconds=2)
    assert emulator.world.fees() == {("test", VOICE): 9.9006}


async def test_async_speech_fails_when_the_voice_expires_first(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a task could save an expired voice, a late async call would look safe."""
    emulator.world.advance(168 * HOUR - 1)
    task = await post(client, "/v1/t2a_async_v2", **speech())
    emulator.world.advance(10)
    answer = await client.get(f"/v1/query/t2a_async_query_v2?task_id={task['task_id']}")
    assert answer.json()["status"] == "Failed"
    assert emulator.world.fees() == {}


async def test_finished_task_keeps_the_voice_though_nobody_asked(
    emulator: Emulator, client: httpx.AsyncClient, t2a: Speak
) -> None:
    """If only asking ended a task, a voice would be lost that the provider had kept."""
    await post(client, "/v1/t2a_async_v2", **speech())
    emulator.world.advance(200 * HOUR)
    assert code(await t2a()) == 0


async def test_unknown_path_is_404_and_in_the_ledger(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a wrong path left no trace, a client's mistake would go unseen."""
    for verb, path in (("POST", "/v1/t2a"), ("GET", "/v1/t2a_v2")):
        assert (await client.request(verb, path)).status_code == 404
    assert [(call.path, call.http_status) for call in emulator.world.ledger] == [("/v1/t2a", 404), ("/v1/t2a_v2", 404)]


async def test_ledger_holds_no_whole_key(emulator: Emulator, t2a: Speak) -> None:
    """If it did, evidence could not be shown to anybody."""
    await t2a()
    call = emulator.world.ledger[-1]
    assert (call.at, call.key, call.path, call.voice_id) == (START, "test", "/v1/t2a_v2", VOICE)
    assert (call.code, call.http_status, call.characters) == (0, 200, 3)


async def test_lifetime_and_clock_are_chosen() -> None:
    """If the lifetime were fixed, the 48 h of 2025 could not be tried."""
    async with Emulator(keys={"sk-test": Key()}, lifetime=timedelta(hours=48)) as emulator:
        voice = emulator.world.clone("sk-test", VOICE, datetime(2026, 1, 1, tzinfo=UTC))
        assert voice.deadline == datetime(2026, 1, 3, tzinfo=UTC)
        assert voice.deleted(emulator.world.now())


async def test_not_on_loopback() -> None:
    """If it listened elsewhere, strangers could plant faults."""
    with pytest.raises(ValueError, match="loopback only"):
        Emulator(host="0.0.0.0")  # noqa: S104 - refused, which is the point


async def test_many_at_once(emulator: Emulator) -> None:
    """If calls in parallel raced, money or rate would be counted wrong."""
    emulator.world.keys["sk-test"].balance = 1000.0
    names = [f"voice-no-{number}" for number in range(40)]
    for name in names:
        emulator.world.clone("sk-test", name)
    headers = {"Authorization": "Bearer sk-test"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False) as http:
        answers = await asyncio.gather(*(http.post("/v1/t2a_v2", json=speech(name)) for name in names))
    assert {code(answer.json()) for answer in answers} == {0}
    assert emulator.world.keys["sk-test"].balance == pytest.approx(1000 - 40 * 9.9006)
