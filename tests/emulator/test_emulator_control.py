"""The control API under /_emulator/: what it shows, what it changes, what it refuses."""

from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import START, VOICE, Speak, code, speech
from voicekeeper.emulator import Emulator, Fault, Habits


async def test_state(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If the state were not told, no other process could see what was kept."""
    await t2a()
    state = (await client.get("/_emulator/state")).json()
    assert (state["now"], state["lifetime_seconds"]) == ("2026-03-01T12:00:00Z", 604800)
    assert state["keys"][1] == {"key": "ther", "balance": 100.0, "rpm": 600, "disabled": False}
    assert state["voices"] == [
        {
            "voice_id": VOICE,
            "key": "test",
            "origin": "clone",
            "cloned_at": "2026-03-01T12:00:00Z",
            "deadline": "2026-03-08T12:00:00Z",
            "used_at": "2026-03-01T12:00:00Z",
            "uses": 1,
            "paid": 9.9006,
            "deleted": False,
        }
    ]


async def test_state_tells_the_families_and_their_habits(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it did not, a user could not see what is spoken where, nor how it behaves."""
    state = (await client.get("/_emulator/state")).json()
    served = {family["name"]: family for family in state["families"]}
    assert served["WaveSpeedAI"]["base_url"] == f"{emulator.url}/api/v3"
    assert "POST /minimax/v1/files" in served["aggregator or kkiai"]["paths"]
    assert "POST /minimax/v1/files/upload" not in served["aggregator or kkiai"]["paths"]
    assert "POST /v3/minimax-speech-2.5-hd-preview" in served["PPInfra, Novita, Jiekou"]["paths"]
    assert state["habits"]["minimax_prefix"] == "aggregator"


async def test_state_tells_tasks(client: httpx.AsyncClient) -> None:
    """If unfinished work were not told, nobody could see why a voice is not used yet."""
    await client.post("/v1/t2a_async_v2", json=speech())
    (task,) = (await client.get("/_emulator/state")).json()["tasks"]
    assert (task["voice_id"], task["stage"], task["ends_at"]) == (VOICE, "created", "2026-03-01T12:00:02Z")


async def test_habits_are_changed_and_reset(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If habits could not be changed from outside, the command could speak one gateway's way only."""
    changed = await client.patch("/_emulator/habits", json={"minimax_prefix": "kkiai", "task_seconds": 0.5})
    assert (changed.json()["minimax_prefix"], changed.json()["task_seconds"]) == ("kkiai", 0.5)
    assert (emulator.habits.minimax_prefix, emulator.habits.hingnet_raw_audio) == ("kkiai", 1.0)
    await client.post("/_emulator/reset")
    assert emulator.habits == Habits()


async def test_ledger(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If the ledger were not told, no other process could count calls or fees."""
    await t2a()
    told = (await client.get("/_emulator/ledger")).json()
    assert told["fees"] == [{"key": "test", "voice_id": VOICE, "fee": 9.9006}]
    assert told["calls"][0]["at"] == "2026-03-01T12:00:00Z"
    assert (told["calls"][0]["path"], told["calls"][0]["code"]) == ("/v1/t2a_v2", 0)


async def test_clock_steps_and_voices_die_of_it(client: httpx.AsyncClient) -> None:
    """If the clock could not be moved, 168 h could not be tried in a second."""
    stepped = await client.post("/_emulator/clock", json={"advance": 168 * 3600})
    assert stepped.json() == {"now": "2026-03-08T12:00:00Z"}
    assert (await client.get("/_emulator/state")).json()["voices"][0]["deleted"] is True


async def test_voice_made_in_the_past(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If clone times could not be chosen, a voice near its deadline could not be tried."""
    order = {"voice_id": "older-voice", "key": "sk-other", "cloned_at": "2026-02-23T14:00:00+02:00"}
    made = (await client.post("/_emulator/voices", json=order)).json()
    assert (made["cloned_at"], made["deadline"]) == ("2026-02-23T12:00:00Z", "2026-03-02T12:00:00Z")
    assert emulator.world.voices["sk-other", "older-voice"].used_at is None


async def test_keys_are_made_and_changed(emulator: Emulator, client: httpx.AsyncClient, t2a: Speak) -> None:
    """If keys could not be changed, running out of money and getting some could not be tried."""
    await client.post("/_emulator/keys", json={"key": "sk-third", "balance": 5})
    emulator.world.clone("sk-third", VOICE)
    assert code(await t2a(key="sk-third")) == 1008
    changed = await client.patch("/_emulator/keys/sk-third", json={"balance": 50, "rpm": 3})
    assert changed.json() == {"key": "hird", "balance": 50.0, "rpm": 3, "disabled": False}
    assert code(await t2a(key="sk-third")) == 0
    await client.patch("/_emulator/keys/sk-third", json={"disabled": True})
    assert code(await t2a(key="sk-third")) == 1004


async def test_faults_are_planted_shown_and_taken_away(client: httpx.AsyncClient, t2a: Speak) -> None:
    """If faults could not be planted from outside, a keeper in another process could not be tried."""
    order = {"kind": "http", "http_status": 503, "voice_id": "voice-two-2", "key": "sk-test"}
    assert (await client.post("/_emulator/faults", json=order)).status_code == 200
    await client.post("/_emulator/faults", json={"kind": "code", "code": 1001, "times": 1})
    assert [code(await t2a()) for _ in range(2)] == [1001, 0]
    shown = (await client.get("/_emulator/faults")).json()
    assert [(fault["kind"], fault["key"], fault["struck"]) for fault in shown] == [
        ("http", "test", 0),
        ("code", None, 1),
    ]
    await client.delete("/_emulator/faults")
    assert (await client.get("/_emulator/faults")).json() == []


async def test_reset(emulator: Emulator, client: httpx.AsyncClient, t2a: Speak) -> None:
    """If something stayed behind, one trial would colour the next."""
    await t2a()
    emulator.world.advance(60)
    emulator.fault(Fault("hang"))
    await client.post("/_emulator/reset")
    world = emulator.world
    assert (world.voices, world.ledger, emulator.faults.planted) == ({}, [], [])
    assert (world.now(), world.keys["sk-test"].balance) == (START, 100.0)


@pytest.mark.parametrize(
    ("verb", "path", "order", "named"),
    [
        ("POST", "clock", {"advance": -1}, "advance"),
        ("POST", "clock", {"advance": 1e300}, "advance"),
        ("POST", "clock", {"forward": 1}, "forward"),
        ("POST", "voices", {"voice_id": "short1", "key": "sk-test"}, "voice_id"),
        ("POST", "voices", {"voice_id": "voice-two-2"}, "key"),
        ("POST", "voices", {"voice_id": "voice-two-2", "key": "sk-nobody"}, "key"),
        (
            "POST",
            "voices",
            {"voice_id": "voice-two-2", "key": "sk-test", "cloned_at": "2026-03-01T12:00:00"},
            "cloned_at",
        ),
        ("POST", "voices", {"voice_id": VOICE, "key": "sk-test"}, "duplicate"),
        ("POST", "keys", {"key": "sk-test"}, "key"),
        ("POST", "keys", {"key": "sk-third", "balance": -1}, "balance"),
        ("PATCH", "keys/sk-nobody", {"balance": 1}, "key"),
        ("PATCH", "keys/sk-test", {"rpm": "many"}, "rpm"),
        ("PATCH", "habits", {"minimax_prefix": "somebody"}, "minimax_prefix"),
        ("PATCH", "habits", {"hingnet_raw_audio": 2}, "hingnet_raw_audio"),
        ("PATCH", "habits", {"task_seconds": -1}, "task_seconds"),
        ("PATCH", "habits", {"predictions_at_once": 0}, "predictions_at_once"),
        ("PATCH", "habits", {"mood": "bad"}, "mood"),
        ("POST", "faults", {"kind": "explode"}, "kind"),
        ("POST", "faults", {"kind": "code", "struck": 5}, "struck"),
        ("POST", "faults", {"kind": "code", "rate": 2}, "rate"),
        ("POST", "faults", {"kind": "code", "path": "/v1/t2a"}, "path"),
        ("POST", "voices", {"voice_id": "voice-two-2", "key": "sk-test", "cloned_at": "9999-12-31T00:00:00Z"}, "date"),
    ],
)
async def test_bad_order_is_refused_by_name(
    client: httpx.AsyncClient, verb: str, path: str, order: dict[str, Any], named: str
) -> None:
    """If a bad order passed, a trial would go on with something else than was asked."""
    answer = await client.request(verb, f"/_emulator/{path}", json=order)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
