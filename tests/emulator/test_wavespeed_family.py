"""WaveSpeedAI's API: predictions that move on by themselves, failures under HTTP 200, few at once."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import START, VOICE, ask, flat, tone
from voicekeeper.clock import ScaledClock
from voicekeeper.emulator import Emulator, Fault, Habits, Key

SPEECH = "/api/v3/minimax/speech-2.8-turbo"


async def submit(client: httpx.AsyncClient, voice_id: str = VOICE, **changes: Any) -> dict[str, Any]:
    answer = await client.post(SPEECH, json=flat(voice_id, **changes))
    assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def result(client: httpx.AsyncClient, prediction: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = (await client.get(f"/api/v3/predictions/{prediction['id']}/result")).json()["data"]
    return data


async def clone(client: httpx.AsyncClient, audio: str = "https://example.org/a.wav", **changes: Any) -> httpx.Response:
    body = {"audio": audio, "custom_voice_id": "WaveSpeed001", "model": "speech-02-hd"} | changes
    return await client.post("/api/v3/minimax/voice-clone", json=body)


async def test_prediction_moves_on_by_itself(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the submission kept the voice, a client that never polls would look right."""
    submitted = await submit(client)
    assert (submitted["status"], submitted["model"]) == ("created", "minimax/speech-2.8-turbo")
    assert submitted["urls"]["get"] == f"{emulator.url}/api/v3/predictions/{submitted['id']}/result"
    assert submitted["created_at"] == "2026-03-01T12:00:00Z"
    voice, seen = emulator.world.voices["sk-test", VOICE], []
    for _ in range(2):
        now = await result(client, submitted)
        seen.append((now["status"], len(now["outputs"]), voice.uses))
        emulator.world.advance(1)
    assert seen == [("created", 0, 0), ("processing", 0, 0)]
    now = await result(client, submitted)
    assert (now["status"], len(now["outputs"]), voice.uses) == ("completed", 1, 1)
    assert now["timings"] == {"inference": 2000}
    assert (await client.get(now["outputs"][0])).status_code == 200


async def test_voice_is_used_when_the_prediction_ended(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If asking were needed, a client that died after submitting would lose a voice it had kept."""
    await submit(client)
    emulator.world.advance(200 * 3600)
    assert (await submit(client))["status"] == "created"
    used = emulator.world.voices["sk-test", VOICE].used_at
    assert used is not None
    assert (used - START).total_seconds() == 2
    assert emulator.world.fees() == {("test", VOICE): 9.9006}


async def test_delay_is_chosen_and_runs_on_the_emulators_clock() -> None:
    """If it ran on the machine's clock, a scaled week would be over before its first prediction."""
    habits = Habits(task_seconds=3600)
    async with Emulator(clock=ScaledClock(100_000), keys={"sk-test": Key()}, habits=habits) as emulator:
        voice = emulator.world.clone("sk-test", VOICE)
        headers = {"Authorization": "Bearer sk-test"}
        async with httpx.AsyncClient(base_url=emulator.url, headers=headers, trust_env=False) as client:
            submitted = await submit(client)
            while (await result(client, submitted))["status"] != "completed":
                pass
        (task,) = emulator.world.tasks.values()
        assert voice.used_at == task.created_at + timedelta(hours=1)


async def test_sync_mode_waits_for_the_end(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it answered `created`, the mode would be no different."""
    done = await submit(client, enable_sync_mode=True)
    assert (done["status"], len(done["outputs"])) == ("completed", 1)
    assert emulator.world.voices["sk-test", VOICE].used_at == START
    failed = await submit(client, "no-such-voice", enable_sync_mode=True)
    assert (failed["status"], failed["error"]) == ("failed", "voice id not exist")


@pytest.mark.parametrize(
    ("key", "voice_id", "words"),
    [("sk-test", "no-such-voice", "voice id not exist"), ("sk-other", VOICE, "you don't have access to this voice_id")],
)
async def test_failure_stands_in_the_prediction(
    emulator: Emulator, client: httpx.AsyncClient, key: str, voice_id: str, words: str
) -> None:
    """If failures came by HTTP status, a client that trusts HTTP 200 would look right."""
    client.headers["Authorization"] = f"Bearer {key}"
    submitted = await submit(client, voice_id)
    emulator.world.advance(2)
    failed = await result(client, submitted)
    assert (failed["status"], failed["error"], failed["outputs"]) == ("failed", words, [])
    assert emulator.world.fees() == {}


async def test_money_gone_meanwhile_fails_the_prediction(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a prediction were free once accepted, balances would be counted wrong."""
    submitted = await submit(client)
    emulator.world.keys["sk-test"].balance = 1
    emulator.world.advance(2)
    assert (await result(client, submitted))["error"] == "insufficient balance"


async def test_few_at_once(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a key could have any number, the concurrency limit could not be tried."""
    for _ in range(3):
        await submit(client)
    full = await ask(client, "wavespeed")
    assert (full.status_code, full.json()["code"]) == (429, 429)
    other = await ask(client, "wavespeed", headers={"Authorization": "Bearer sk-other"})
    assert other.status_code == 200
    emulator.world.advance(2)
    assert (await ask(client, "wavespeed")).status_code == 200


@pytest.mark.parametrize(
    ("key", "change", "status"),
    [
        ("sk-nobody", {}, 401),
        ("sk-test", {"disabled": True}, 401),
        ("sk-test", {"balance": 1}, 402),
        ("sk-test", {"rpm": 0}, 429),
    ],
)
async def test_gateway_refuses_by_status(
    client: httpx.AsyncClient, key: str, change: dict[str, Any], status: int
) -> None:
    """If keys, money or rate did not hold here, an account of this family could not run into them."""
    await client.patch("/_emulator/keys/sk-test", json=change)
    answer = await ask(client, "wavespeed", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (status, status, None)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"vol": 1}, "vol"),
        ({"voice_setting": {"voice_id": VOICE}}, "voice_setting"),
        ({"model": "speech-2.8-turbo"}, "model"),
        ({"text": "<#1#>"}, "text"),
        ({"volume": 11}, "volume"),
        ({"enable_sync_mode": "yes"}, "enable_sync_mode"),
    ],
)
async def test_wrong_field_is_refused_by_name(
    emulator: Emulator, client: httpx.AsyncClient, changes: dict[str, Any], named: str
) -> None:
    """If MiniMax's own body passed, the flat one would be proven by nothing."""
    answer = await client.post(SPEECH, json=flat(**changes))
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert f"{named}: " in answer.json()["message"]
    assert emulator.world.tasks == {}


async def test_unknown_prediction_and_path_are_404(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If they were answered, a lost prediction id would never be noticed."""
    submitted = await submit(client)
    for path in ("/api/v3/predictions/1f/result", "/api/v3/predictions/no-hex/result", "/api/v3/minimax/speech-9"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, 404)
    client.headers["Authorization"] = "Bearer sk-other"
    assert (await client.get(f"/api/v3/predictions/{submitted['id']}/result")).status_code == 404
    assert emulator.world.ledger[-1].path.endswith(f"{submitted['id']}/result")


async def test_answer_lost_leaves_a_prediction_behind(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the prediction died with the answer, submitting twice would cost nothing and look right."""
    emulator.fault(Fault("lost", path=SPEECH, times=1))
    with pytest.raises(httpx.ReadError):
        await submit(client)
    emulator.world.advance(2)
    assert (await client.get("/_emulator/state")).json()["tasks"][0]["stage"] == "completed"
    assert emulator.world.fees() == {("test", VOICE): 9.9006}


async def test_failed_submission_can_be_polled(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If its id were unknown, a client that polls before it reads the status would see 404."""
    emulator.fault(Fault("code", code=1026, times=1))
    submitted = await submit(client)
    assert (submitted["status"], submitted["error"]) == ("failed", "input new_sensitive")
    assert await result(client, submitted) == submitted
    assert emulator.world.ledger[0].code == 1026


async def test_poll_can_fail(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If only submissions met faults, polling would be proven on fair days only."""
    emulator.fault(Fault("http", http_status=502, path="/api/v3/predictions/{prediction_id}/result", times=1))
    submitted = await submit(client)
    assert (await client.get(submitted["urls"]["get"])).status_code == 502
    assert (await result(client, submitted))["status"] == "created"


@pytest.mark.parametrize("form", ["url", "base64", "data"])
async def test_clone_makes_the_voice_when_it_ends(emulator: Emulator, client: httpx.AsyncClient, form: str) -> None:
    """If one of its three kinds of audio were refused, or the voice there at once, cloning would be untried."""
    encoded = base64.b64encode(tone(12)).decode()
    audio = {"url": "https://example.org/a.wav", "base64": encoded, "data": f"data:audio/wav;base64,{encoded}"}[form]
    submitted = (await clone(client, audio, text="A demo.", accuracy=0.8)).json()["data"]
    assert (submitted["status"], submitted["model"]) == ("created", "minimax/voice-clone")
    assert ("sk-test", "WaveSpeed001") not in emulator.world.voices
    emulator.world.advance(2)
    assert (await result(client, submitted))["status"] == "completed"
    voice = emulator.world.voices["sk-test", "WaveSpeed001"]
    assert ((voice.cloned_at - START).total_seconds(), voice.used_at) == (2, None)


async def test_duplicate_clone_fails(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a second clone took the name, it would reset the first one's deadline."""
    emulator.world.clone("sk-test", "WaveSpeed001")
    submitted = (await clone(client)).json()["data"]
    emulator.world.advance(2)
    assert (await result(client, submitted))["error"] == "voice clone voice id duplicate"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"custom_voice_id": "Wave001"}, "custom_voice_id"),
        ({"custom_voice_id": "1WaveSpeed"}, "custom_voice_id"),
        ({"custom_voice_id": "WaveSpeed-001"}, "custom_voice_id"),
        ({"custom_voice_id": "WaveSpeedVoice"}, "custom_voice_id"),
        ({"model": None}, "model"),
        ({"audio": "not base64!"}, "audio"),
        ({"audio": "https:///a.wav"}, "audio"),
        ({"audio": "kein Tön"}, "audio"),
        ({"audio": base64.b64encode(b"no sound").decode()}, "audio"),
        ({"voice_id": "fresh-voice-1"}, "voice_id"),
        ({"text": "x" * 2001}, "text"),
        ({"accuracy": -0.1}, "accuracy"),
    ],
)
async def test_wrong_clone_field_is_refused_by_name(
    client: httpx.AsyncClient, changes: dict[str, Any], named: str
) -> None:
    """If a mistyped field passed, cloning there would be proven by nothing."""
    answer = await clone(client, **changes)
    assert answer.status_code == 400
    assert f"{named}: " in answer.json()["message"]


async def test_clone_of_a_short_sound_fails(client: httpx.AsyncClient) -> None:
    """If any length would do, the keeper's check of the audio would be proven by nothing."""
    answer = (await clone(client, base64.b64encode(tone(9)).decode())).json()["data"]
    assert (answer["status"], "too short" in answer["error"]) == ("failed", True)


async def test_a_design_is_made_when_its_prediction_ends(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the submission made it, or made it a clone, a client that never polls would look right."""
    body = {"prompt": "An old sailor.", "custom_voice_id": "WaveSpeed001", "text": "Ahoy."}
    submitted = (await client.post("/api/v3/minimax/voice-design", json=body)).json()["data"]
    assert ("sk-test", "WaveSpeed001") not in emulator.world.voices
    emulator.world.advance(2)
    ended = await result(client, submitted)
    voice = emulator.world.voices["sk-test", "WaveSpeed001"]
    assert (ended["status"], len(ended["outputs"]), voice.origin, voice.uses) == ("completed", 1, "design", 0)
