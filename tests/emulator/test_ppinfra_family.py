"""PPInfra's API (also Novita's, Jiekou's): the model in the path, the gateway's own voice names, errors by status."""

from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import VOICE, ask, code, without_model
from voicekeeper.emulator import Emulator

PATHS = [
    *(f"/v3/minimax-speech-{number}-{grade}" for number in ("02", "2.6", "2.8") for grade in ("hd", "turbo")),
    "/v3/minimax-speech-2.5-hd-preview",
    "/v3/minimax-speech-2.5-turbo-preview",
]


async def clone(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    body = {"audio_url": "https://example.org/sample.wav"} | changes
    return await client.post("/v3/minimax-voice-cloning", json=body)


async def looked_up(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/v3/async/task-result", params={"task_id": name})).json()
    return answer


@pytest.mark.parametrize("path", PATHS)
async def test_every_model_speaks(emulator: Emulator, client: httpx.AsyncClient, path: str) -> None:
    """If a model's path or shape were wrong, a keeper that uses it would be proven by nothing."""
    answer = (await client.post(path, json=without_model())).json()
    spoken = answer["data"] if "2.8" in path else answer
    assert set(spoken) == {"audio", "status"}
    assert bytes.fromhex(spoken["audio"])[:2] == b"\xff\xfb"
    assert ("base_resp" in answer) == ("2.8" in path)
    assert emulator.world.voices["sk-test", VOICE].uses == 1
    per_character = 3.5e-4 if "-hd" in path else 2e-4
    assert emulator.world.ledger[-1].fee == pytest.approx(9.9 + 3 * per_character)


async def test_sound_by_url(client: httpx.AsyncClient) -> None:
    """If the URL did not stand where the hex does, `output_format=url` would be answered wrong."""
    answer = await client.post("/v3/minimax-speech-02-hd", json=without_model(output_format="url"))
    assert (await client.get(answer.json()["audio"])).status_code == 200


async def test_gateway_names_the_voice(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the client's name were kept, a client that ignores the answer's would look right."""
    first, second = (await clone(client)).json(), (await clone(client)).json()
    assert set(first) == {"demo_audio_url", "voice_id"}
    assert first["voice_id"] != second["voice_id"]
    assert emulator.world.ledger[-1].voice_id == second["voice_id"]
    assert emulator.world.voices["sk-test", first["voice_id"]].used_at is None
    assert "audio" in (await ask(client, "ppinfra", first["voice_id"])).json()


async def test_whole_clone_call(client: httpx.AsyncClient) -> None:
    """If one of the documented fields were refused, cloning with it could not be tried."""
    answer = await clone(
        client,
        audio_url="http://127.0.0.1:8000/sample.mp3",
        clone_prompt={"prompt_audio_url": "https://example.org/prompt.wav", "prompt_text": "Hello."},
        text="x" * 2000,
        model="speech-2.5-hd-preview",
        text_validation="Hello.",
        accuracy=0.9,
        need_noise_reduction=True,
        need_volume_normalization=True,
    )
    assert (await client.get(answer.json()["demo_audio_url"])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"audio_url": "sample.wav"}, "audio_url"),
        ({"audio_url": "ftp://example.org/sample.wav"}, "audio_url"),
        ({"audio_url": "https:///sample.wav"}, "audio_url"),
        ({"clone_prompt": {"prompt_text": "Hello."}}, "clone_prompt.prompt_audio_url"),
        ({"clone_prompt": {"prompt_audio_url": "https://example.org/p.wav"}}, "clone_prompt.prompt_text"),
        ({"text": "A demo."}, "model"),
        ({"text": "x" * 2001, "model": "speech-2.8-hd"}, "text"),
        ({"text_validation": "x" * 201}, "text_validation"),
        ({"accuracy": 1.1}, "accuracy"),
        ({"voice_id": "fresh-voice-1"}, "voice_id"),
        ({"file_id": 5}, "file_id"),
    ],
)
async def test_wrong_clone_field_is_refused_by_name(
    emulator: Emulator, client: httpx.AsyncClient, changes: dict[str, Any], named: str
) -> None:
    """If a mistyped field passed, cloning there would be proven by nothing."""
    answer = await clone(client, **changes)
    assert (answer.status_code, answer.json()["reason"]) == (400, "INVALID_REQUEST_BODY")
    assert named in answer.json()["message"]
    assert len(emulator.world.voices) == 1


@pytest.mark.parametrize(
    ("changes", "named"), [({"model": "speech-2.8-turbo"}, "model"), ({"text": ""}, "text"), ({"volume": 1}, "volume")]
)
async def test_wrong_speech_field_is_refused_by_name(
    client: httpx.AsyncClient, changes: dict[str, Any], named: str
) -> None:
    """If MiniMax's own body passed unchanged, the model in the path would not matter."""
    answer = await client.post("/v3/minimax-speech-2.8-turbo", json=without_model(**changes))
    assert (answer.status_code, f"{named}: " in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("key", "voice_id", "status", "reason", "words"),
    [
        ("sk-nobody", VOICE, 401, "INVALID_API_KEY", "invalid api key"),
        ("sk-test", "no-such-voice", 400, "INVALID_REQUEST_BODY", "code=2054"),
        ("sk-other", VOICE, 500, "INTERNAL_SERVER_ERROR", "code=2042"),
        ("sk-poor", VOICE, 403, "NOT_ENOUGH_BALANCE", "insufficient balance"),
        ("sk-tired", VOICE, 429, "RATE_LIMIT_EXCEEDED", "rate limit"),
    ],
)
async def test_errors_by_status(
    emulator: Emulator, client: httpx.AsyncClient, key: str, voice_id: str, status: int, reason: str, words: str
) -> None:
    """If errors came in MiniMax's form, this family's would go unread."""
    for order in ({"key": "sk-poor", "balance": 1}, {"key": "sk-tired", "rpm": 0}):
        await client.post("/_emulator/keys", json=order)
    emulator.world.clone("sk-poor", VOICE)
    answer = await ask(client, "ppinfra-2.8", voice_id, headers={"Authorization": f"Bearer {key}"})
    error = answer.json()
    assert set(error) == {"code", "reason", "message", "metadata"}
    assert (answer.status_code, error["code"], error["reason"]) == (status, status, reason)
    assert words in error["message"]


async def test_unknown_path_is_400(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If it were 404, a wrong model could be told from a wrong request, which it cannot there."""
    answer = await client.post("/v3/minimax-speech-9-turbo", json=without_model())
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert emulator.world.ledger[-1].http_status == 400


async def test_asynchronous_speech_moves_on(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a task were done at once, a client that does not poll would look right."""
    name = (await ask(client, "ppinfra-async")).json()["task_id"]
    voice, seen = emulator.world.voices["sk-test", VOICE], []
    for _ in range(2):
        answer = await looked_up(client, name)
        seen.append((answer["task"]["status"], answer["audios"], voice.uses))
        emulator.world.advance(1)
    assert seen == [("TASK_STATUS_QUEUED", [], 0), ("TASK_STATUS_PROCESSING", [], 0)]
    answer = await looked_up(client, name)
    assert (answer["task"]["status"], voice.uses) == ("TASK_STATUS_SUCCEED", 1)
    assert (await client.get(answer["audios"][0]["audio_url"])).status_code == 200


async def test_asynchronous_speech_fails_with_its_reason(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If the reason were not told, a voice that expired meanwhile would look like a mishap."""
    emulator.world.advance(168 * 3600 - 1)
    name = (await ask(client, "ppinfra-async")).json()["task_id"]
    emulator.world.advance(10)
    task = (await looked_up(client, name))["task"]
    assert (task["task_id"], task["status"]) == (name, "TASK_STATUS_FAILED")
    assert "code=2054" in task["reason"]


@pytest.mark.parametrize("name", ["1f", "no-hex"])
async def test_task_of_nobody_is_refused(client: httpx.AsyncClient, name: str) -> None:
    """If an unknown task were answered, a lost id would never be noticed."""
    assert (await client.get("/v3/async/task-result", params={"task_id": name})).status_code == 400


async def test_older_models_call_the_rate_sample_rate(client: httpx.AsyncClient) -> None:
    """If both names passed everywhere, a wrong one would go unseen."""
    older, newer = {"sample_rate": 32000}, {"audio_sample_rate": 32000}
    tried = [("02-hd", older, 200), ("02-hd", newer, 400), ("2.8-hd", newer, 200), ("2.8-hd", older, 400)]
    for model, setting, status in tried:
        body = without_model(audio_setting=setting)
        assert (await client.post(f"/v3/async/minimax-speech-{model}", json=body)).status_code == status


async def test_voice_is_shared_by_the_families_of_a_key(client: httpx.AsyncClient) -> None:
    """If each family had its own world, one emulator could not serve them side by side."""
    name = (await clone(client)).json()["voice_id"]
    assert code((await ask(client, "minimax", name)).json()) == 0
