"""WaveSpeed's refusals in every dress that they may come in, and predictions that ended without a sound."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from tests.providers.accounts import TEXT, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Answer, Outcome

REFUSALS: list[tuple[dict[str, Any], int, Outcome]] = [
    ({"code": 402, "message": "payment required", "data": None}, 402, Outcome.BLOCKED),
    ({"code": 402, "message": "payment required", "data": None}, 200, Outcome.BLOCKED),
    ({"code": 400, "message": "Insufficient credits.", "data": None}, 400, Outcome.BLOCKED),
    ({"code": 1600, "message": "your balance is not enough", "data": None}, 200, Outcome.BLOCKED),
    ({"code": 500, "message": "Please top up to use this model", "data": None}, 500, Outcome.BLOCKED),
    ({"code": 2038, "message": "no cloning permission", "data": None}, 200, Outcome.BLOCKED),
    ({"code": 401, "message": "invalid authentication", "data": None}, 200, Outcome.BLOCKED),
    ({"code": 429, "message": "slow down", "data": None}, 200, Outcome.THROTTLED),
    ({"code": 400, "message": "Too many requests", "data": None}, 400, Outcome.THROTTLED),
    ({"code": 400, "message": "text is too long", "data": None}, 200, Outcome.REFUSED),
    ({"code": 503, "message": "no worker", "data": None}, 200, Outcome.TRANSIENT),
    ({"code": 200, "message": "success", "data": None}, 200, Outcome.AMBIGUOUS),
]


@pytest.mark.parametrize(("body", "status", "outcome"), REFUSALS)
async def test_a_refusal_is_read_wherever_it_stands(
    account: Account, body: dict[str, Any], status: int, outcome: Outcome
) -> None:
    """An empty balance would be taken for a bad text or a lost answer: no pause, no alarm, and the voices would die."""
    said = answer(json.dumps(body).encode(), status=f"{status} {HTTPStatus(status).phrase}")
    async with raw_server(saying(said)) as server:
        found = await account(server.url, gateway="wavespeed", prefix="/api/v3").speak("voiceone1", TEXT, no_task)
    assert (found.outcome, found.http_status) == (outcome, status), found
    assert body["message"] in found.message


async def asked(account: Account, **prediction: object) -> Answer:
    """Return what a prediction in this state comes to."""
    body = {"code": 200, "message": "success", "data": {"id": "p-1", "outputs": [], **prediction}}
    async with raw_server(saying(answer(json.dumps(body).encode()))) as server:
        return await account(server.url, gateway="wavespeed", prefix="/api/v3").resume("p-1")


@pytest.mark.parametrize("state", ["failed", "timeout", "cancelled"])
async def test_a_prediction_that_ended_is_not_asked_for_again(account: Account, state: str) -> None:
    """It would be asked for until the voice's deadline has passed, and never be begun anew."""
    found = await asked(account, status=state, error="")
    assert (found.outcome, found.task_id) == (Outcome.TRANSIENT, "p-1"), found
    assert state in found.message


@pytest.mark.parametrize("state", ["created", "processing", "something new"])
async def test_a_prediction_that_may_still_end_is_asked_for_again(account: Account, state: str) -> None:
    """It would be begun a second time while the first goes on, and both be paid for."""
    found = await asked(account, status=state)
    assert (found.outcome, found.task_id) == (Outcome.AMBIGUOUS, "p-1"), found


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("you don't have access to this voice_id", Outcome.NOT_FOUND),
        ("voice_id does not exist", Outcome.NOT_FOUND),
        ("Invalid voice_id", Outcome.NOT_FOUND),
        ("voice id abc was not found", Outcome.NOT_FOUND),
        ("voice_id abc doesn't exist or is not yours", Outcome.NOT_FOUND),
        ("the voice_id cannot be found", Outcome.NOT_FOUND),
        ("internal error while speaking with voice_id abc, try again", Outcome.TRANSIENT),
        ("unknown error for voice_id abc", Outcome.TRANSIENT),
        ("timed out while checking whether voice_id abc exists", Outcome.TRANSIENT),
        ("voice_id abc was found, but the model is not loaded", Outcome.TRANSIENT),
        ("service busy (voice id: abc)", Outcome.TRANSIENT),
        ("invalid answer of the upstream server for voice_id abc", Outcome.TRANSIENT),
        ("insufficient credits for voice_id abc", Outcome.BLOCKED),
        ("rate limit exceeded for voice_id abc", Outcome.THROTTLED),
    ],
)
async def test_a_failure_that_only_names_the_voice_does_not_deny_it(
    account: Account, error: str, outcome: Outcome
) -> None:
    """Three failures of an hour's outage would make a lost voice, days before its deadline, and nobody would try it."""
    found = await asked(account, status="failed", error=error)
    assert found.outcome is outcome, found


@pytest.mark.parametrize("state", [["failed"], {"is": "failed"}, None, 7])
async def test_a_state_that_is_no_text_is_one_that_may_still_end(account: Account, state: object) -> None:
    """Reading it would fail, and the log would show a mistake of voicekeeper's instead of what was answered."""
    found = await asked(account, status=state)
    assert (found.outcome, found.task_id) == (Outcome.AMBIGUOUS, "p-1"), found
