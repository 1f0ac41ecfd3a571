"""Each way an answer can go wrong, with each family's T2A in that family's own form; misbehaviour, too."""

import json
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.emulator.emulator_calls import T2A, VOICE, ask
from voicekeeper.emulator import Emulator, Fault, Kind
from voicekeeper.emulator.families import Families
from voicekeeper.emulator.habits import Habits

WORKS = {"truncated", "raw_audio", "slow", "drip", "lost"}
CODES = [1000, 1002, 1004, 1008, 1026, 2013, 2042, 2054, 2056]


def begun(emulator: Emulator, voice_id: str = VOICE) -> bool:
    """Tell whether the provider did its work: spoke, or began a task."""
    tasks = any(task.voice_id == voice_id for task in emulator.world.tasks.values())
    return tasks or emulator.world.voices["sk-test", voice_id].used_at is not None


async def struck(client: httpx.AsyncClient, family: str, voice_id: str, kind: Kind) -> bool:
    """Speak, and tell whether the client saw what that kind of fault does."""
    path, body = T2A[family]
    if kind == "endless":
        async with client.stream("POST", path, json=body(voice_id)) as answer:
            return len(await anext(answer.aiter_raw())) > 0
    try:
        answer = await ask(client, family, voice_id, timeout=0.1 if kind == "hang" else 5)
    except httpx.TransportError:
        return kind in {"hang", "reset", "lost"}
    return len(answer.content) > 0 or kind in {"http", "redirect"}


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_strikes_everywhere(emulator: Emulator, client: httpx.AsyncClient, kind: Kind) -> None:
    """If a kind did nothing in one family, a keeper would be proven there on fair days only."""
    for family, (path, _) in T2A.items():
        emulator.world.clone("sk-test", f"voice-{family}")
        fault = emulator.fault(Fault(kind, path=path, seconds=0.001))
        assert await struck(client, family, f"voice-{family}", kind), family
        call = next(call for call in reversed(emulator.world.ledger) if call.path == path)
        assert (fault.struck, call.fault) == (1, kind), family
        assert begun(emulator, f"voice-{family}") is (kind in WORKS), family


def told(family: str, code: int, answer: httpx.Response) -> tuple[int, str]:
    """Return the HTTP status and the words that carry the error, read from where that family has them."""
    body: dict[str, Any] = answer.json()
    if family in {"minimax", "minimax-async", "hingnet"}:
        assert body["base_resp"]["status_code"] == code
        return answer.status_code, body["base_resp"]["status_msg"]
    if family == "aggregator":
        assert f"code={code}" in body["error"]["message"]
        return answer.status_code, body["error"]["message"]
    if family.startswith("ppinfra"):
        assert body["code"] == answer.status_code
        return answer.status_code, body["message"]
    if answer.status_code == 200:
        assert body["data"]["status"] == "failed"
        return 200, body["data"]["error"]
    return answer.status_code, body["message"]


STATUSES = {
    "minimax": [200] * 9,
    "minimax-async": [200] * 9,
    "hingnet": [200] * 9,
    "aggregator": [500, 429, 401, 402, 400, 400, 400, 400, 403],
    "ppinfra": [500, 429, 401, 403, 400, 400, 500, 400, 403],
    "ppinfra-2.8": [500, 429, 401, 403, 400, 400, 500, 400, 403],
    "ppinfra-async": [500, 429, 401, 403, 400, 400, 500, 400, 403],
    "wavespeed": [200, 429, 401, 402, 200, 400, 200, 200, 200],
}


@pytest.mark.parametrize("family", T2A)
async def test_code_is_said_in_the_familys_own_form(emulator: Emulator, client: httpx.AsyncClient, family: str) -> None:
    """If all families said it MiniMax's way, no other error form would ever be read."""
    seen = []
    for code in CODES:
        emulator.fault(Fault("code", code=code, message=f"words of {code}", times=1))
        status, words = told(family, code, await ask(client, family))
        assert f"words of {code}" in words
        seen.append(status)
    assert seen == STATUSES[family]
    assert [call.code for call in emulator.world.ledger] == CODES


@pytest.mark.parametrize("family", T2A)
async def test_code_may_have_another_status(emulator: Emulator, client: httpx.AsyncClient, family: str) -> None:
    """If the status could not be chosen, a voice error under 500 could not be tried."""
    emulator.fault(Fault("code", code=2054, http_status=503))
    assert (await ask(client, family)).status_code == 503


@pytest.mark.parametrize(
    ("family", "none", "hollow"),
    [
        ("ppinfra", {"audio": None, "status": 2}, {"audio": "", "status": 2}),
        ("ppinfra-async", {"task_id": None}, {"task_id": ""}),
    ],
)
async def test_flat_success_without_sound(
    emulator: Emulator, client: httpx.AsyncClient, family: str, none: dict[str, Any], hollow: dict[str, Any]
) -> None:
    """If these had MiniMax's shape, success without sound would not look like this family's success."""
    emulator.fault(Fault("null_data", times=1))
    emulator.fault(Fault("empty_audio", times=1))
    assert [(await ask(client, family)).json() for _ in range(2)] == [none, hollow]


async def test_prediction_without_output(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """If a completed prediction always had an output, success without sound would go untried."""
    emulator.fault(Fault("null_data", times=1))
    emulator.fault(Fault("empty_audio", times=1))
    assert (await ask(client, "wavespeed")).json() == {"code": 200, "message": "success", "data": None}
    data = (await ask(client, "wavespeed")).json()["data"]
    assert (data["status"], data["outputs"]) == ("completed", [])


@pytest.mark.parametrize("family", T2A)
async def test_misbehaviour_reaches_every_family(emulator: Emulator, client: httpx.AsyncClient, family: str) -> None:
    """If one family never misbehaved, a keeper would be proven there on fair days only."""
    emulator.faults.misbehave = 1.0
    emulator.habits.task_seconds = 0.0
    for _ in range(4):
        with suppress(httpx.TransportError):
            await ask(client, family)
    met = [call.fault is not None for call in emulator.world.ledger if call.path == T2A[family][0]]
    assert met == [True, False, True, False]


@pytest.mark.parametrize("family", T2A)
async def test_unknown_field_is_refused_by_name(emulator: Emulator, client: httpx.AsyncClient, family: str) -> None:
    """If a family took any field, the keeper's requests there would be proven by nothing."""
    path, body = T2A[family]
    answer = await client.post(path, json=body(invented=1))
    assert "invented: " in told(family, 2013, answer)[1]
    assert not begun(emulator)
    assert emulator.world.ledger[-1].code == 2013


async def test_unknown_field_is_refused_by_every_call(client: httpx.AsyncClient) -> None:
    """If one call took any field, whatever is sent there, cloning, designing, asking, would be proven by nothing."""
    asked = [one for family in Families(Habits()).all for one in family.operations if family.serves(one)]
    assert {one.path.rpartition("/")[2] for one in asked} >= {
        "voice_clone",
        "voice_design",
        "files",
        "upload",
        "result",
    }
    for one in asked:
        path, field = one.path.format(prediction_id="1"), {"invented": "1"}
        way = {"params": field} if one.method == "GET" else {"data": field} if one.form else {"json": field}
        answer = await client.request(one.method, path, **way, **({"files": {"file": b""}} if one.form else {}))  # type: ignore[arg-type] # httpx's own names
        assert "invented: " in answer.text, (one.path, answer.text)


@pytest.mark.parametrize("family", T2A)
async def test_query_is_refused_but_for_group_id(client: httpx.AsyncClient, family: str) -> None:
    """If a stray query passed, a client's mistake would go unseen; GroupId is MiniMax's own."""
    path, body = T2A[family]
    assert "Group: " in told(family, 2013, await client.post(f"{path}?Group=1", json=body()))[1]
    answer = await client.post(f"{path}?GroupId=1", json=body())
    knows_it = not family.startswith(("ppinfra", "wavespeed"))
    assert ("GroupId" in answer.text) is not knows_it


@pytest.mark.parametrize("prefix", ["", "/minimaxi", "/minimax"])
@pytest.mark.parametrize("code", [1043, 1044])
async def test_similarity_can_fail_a_clone(
    emulator: Emulator, client: httpx.AsyncClient, prefix: str, code: int
) -> None:
    """If it could not be chosen, a clone refused for its words could not be tried."""
    emulator.fault(Fault("code", code=code, path=f"{prefix}/v1/voice_clone"))
    body = {"file_id": 1, "voice_id": "fresh-voice-1", "text_validation": "Hello.", "accuracy": 1.0}
    answer = await client.post(f"{prefix}/v1/voice_clone", json=body)
    assert "similarity check failed" in json.dumps(answer.json())
    assert ("sk-test", "fresh-voice-1") not in emulator.world.voices
