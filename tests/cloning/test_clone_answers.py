"""What a provider's answers to clone and design calls mean, in every shape that is known."""

import json
from typing import Any

import pytest

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import minimax_clone, ppinfra_clone, wavespeed_clone
from voicekeeper.providers.cloning import Cloned
from voicekeeper.providers.wire import Reply


def reply(body: object, status: int = 200) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {"trace-id": "t-1"}, content)


DONE = {"base_resp": {"status_code": 0, "status_msg": "success"}}


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        ({**DONE, "input_sensitive": {"type": 0}, "demo_audio": ""}, False),
        ({**DONE, "input_sensitive": {"type": 3}, "demo_audio": ""}, True),
        ({**DONE, "input_sensitive": False, "input_sensitive_type": 0}, False),
        ({**DONE, "input_sensitive": True, "input_sensitive_type": 3}, True),
        ({**DONE, "input_sensitive": None}, False),
        ({"input_sensitive": False, "demo_audio": ""}, False),
        ({"base_resp": {"status_code": "0"}}, False),
        (DONE, False),
    ],
)
def test_every_shape_of_an_accepted_clone(body: dict[str, Any], *, warned: bool) -> None:
    """A voice that was made would be called a failure, because a gateway writes an older shape."""
    found = minimax_clone.read_clone(reply(body))
    assert isinstance(found, Cloned)
    assert found.trace_id == "t-1"
    assert any("sensitive" in warning for warning in found.warnings) is warned


@pytest.mark.parametrize(
    "body",
    [
        {"input_sensitive": False, "base_resp": {"status_code": -1, "status_msg": "failed"}},
        {"input_sensitive": False, "base_resp": {"status_msg": "failed"}},
        {"demo_audio": "", "code": 500, "message": "internal error"},
    ],
)
def test_a_failure_in_an_older_shape_is_no_voice(body: dict[str, Any]) -> None:
    """People would be told that their voice is registered, and hours later that it is lost."""
    assert isinstance(minimax_clone.read_clone(reply(body)), Answer)


def test_an_empty_object_is_an_answer_only_where_the_gateway_says_no_more() -> None:
    """A cut-off answer would be taken for success, or a gateway's only success for a doubt."""
    assert isinstance(minimax_clone.read_clone(reply(b" {} "), empty_means_cloned=True), Cloned)
    for body, status in ((b"[]", 200), (b"null", 200), (b"", 200), (b"{}", 500)):
        found = minimax_clone.read_clone(reply(body, status), empty_means_cloned=True)
        assert isinstance(found, Answer), body
    doubt = minimax_clone.read_clone(reply(b"{}"))
    assert isinstance(doubt, Answer)
    assert doubt.outcome is Outcome.AMBIGUOUS


FAILURES: list[tuple[object, int, Outcome]] = [
    ({"base_resp": {"status_code": 2039}}, 200, Outcome.REFUSED),
    ({"base_resp": {"status_code": 1001}}, 200, Outcome.AMBIGUOUS),
    ({"base_resp": {"status_code": 1002}}, 200, Outcome.THROTTLED),
    ({"base_resp": {"status_code": 1013}}, 200, Outcome.TRANSIENT),
    ({"base_resp": {"status_code": 424242}}, 200, Outcome.TRANSIENT),
    ({"error": {"message": "upstream: code=2037", "type": "x", "code": "500"}}, 500, Outcome.REFUSED),
    ({"error": {"message": "no channel", "type": "x", "code": ""}}, 503, Outcome.AMBIGUOUS),
    ({"error": {"message": "no such path"}}, 404, Outcome.BLOCKED),
    ({"error": {"message": "bad"}}, 400, Outcome.REFUSED),
    ({"error": {"message": "Insufficient credits. Please top up."}}, 400, Outcome.BLOCKED),
    ({"error": {"message": "your balance is too low", "code": "1600"}}, 200, Outcome.BLOCKED),
    ({"error": {"message": "this voice_id is taken"}}, 422, Outcome.REFUSED),
    ({"error": {"message": "bad: balanced, mistaken"}}, 400, Outcome.REFUSED),
    ({"error": {"message": "slow down"}}, 429, Outcome.THROTTLED),
    ({"error": {"message": "who are you"}}, 401, Outcome.BLOCKED),
    (b"<html>Welcome</html>", 200, Outcome.TRANSIENT),
    (b"<html>Bad Gateway</html>", 502, Outcome.AMBIGUOUS),
    (b"<html>Timeout</html>", 504, Outcome.AMBIGUOUS),
    (b'{"base_resp": {"status', 200, Outcome.AMBIGUOUS),
    (b"", 200, Outcome.AMBIGUOUS),
    (b"", 302, Outcome.BLOCKED),
    ({"what": "is this"}, 200, Outcome.AMBIGUOUS),
]


@pytest.mark.parametrize("read", [minimax_clone.read_clone, minimax_clone.read_design, ppinfra_clone.read_clone])
@pytest.mark.parametrize(("body", "status", "outcome"), FAILURES)
def test_failures_are_told_from_doubts(read: Any, body: object, status: int, outcome: Outcome) -> None:
    """A voice that may be there would be forgotten, or one that is not would be called for and mourned."""
    found = read(reply(body, status))
    assert isinstance(found, Answer)
    assert found.outcome is outcome, found.message


@pytest.mark.parametrize("voice_id", [None, "", 7, "x" * 257, "a\nb", ["a"]])
def test_a_name_that_cannot_be_registered_is_a_doubt(voice_id: object) -> None:
    """The registry would refuse the row after the voice was made, and nobody would hear of it."""
    for read in (ppinfra_clone.read_clone, minimax_clone.read_design):
        found = read(reply({"voice_id": voice_id, "demo_audio_url": "", "trial_audio": ""}))
        assert isinstance(found, Answer)
        assert found.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("voice clone voice id duplicate", Outcome.REFUSED),
        ("minimax error, code=1008", Outcome.BLOCKED),
        ("insufficient credits", Outcome.BLOCKED),
        ("audio is too short", Outcome.REFUSED),
        ("no cloning permission, please verify your identity", Outcome.BLOCKED),
        ("invalid request: real-name verification is required", Outcome.BLOCKED),
        ("something else", Outcome.TRANSIENT),
        ("", Outcome.TRANSIENT),
    ],
)
def test_a_failed_prediction_is_read_by_what_it_names(said: str, outcome: Outcome) -> None:
    """A failure that its owner can mend would look like one that passes by itself."""
    data = {"id": "p-1", "status": "failed", "error": said, "outputs": []}
    found = wavespeed_clone.read_prediction(reply({"code": 200, "message": "success", "data": data}))
    assert isinstance(found, Answer)
    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        ({"code": 402, "message": "payment required", "data": None}, 402, Outcome.BLOCKED),
        ({"code": 402, "message": "payment required", "data": None}, 200, Outcome.BLOCKED),
        ({"code": 400, "message": "insufficient credits", "data": None}, 400, Outcome.BLOCKED),
        ({"code": 1600, "message": "insufficient credits", "data": None}, 200, Outcome.BLOCKED),
        ({"code": 2038, "message": "no cloning permission", "data": None}, 200, Outcome.BLOCKED),
        ({"code": 429, "message": "slow down", "data": None}, 200, Outcome.THROTTLED),
        ({"code": 400, "message": "custom_voice_id is odd", "data": None}, 200, Outcome.REFUSED),
        ({"code": 503, "message": "no worker", "data": None}, 200, Outcome.AMBIGUOUS),
        ({"code": 200, "message": "success", "data": None}, 200, Outcome.AMBIGUOUS),
    ],
)
def test_a_prediction_that_is_refused_says_so_by_its_status(
    body: dict[str, Any], status: int, outcome: Outcome
) -> None:
    """An empty balance would be taken for an answer that was lost, and a voice be registered that never was."""
    found = wavespeed_clone.read_prediction(reply(body, status))
    assert isinstance(found, Answer)
    assert (found.outcome, found.task_id) == (outcome, None), found


@pytest.mark.parametrize("state", ["timeout", "cancelled"])
def test_a_prediction_that_was_given_up_may_have_made_its_voice(state: str) -> None:
    """The voice would be forgotten, or the command ask on until its own time is over."""
    found = wavespeed_clone.read_prediction(reply({"code": 200, "data": {"id": "p-1", "status": state}}))
    assert isinstance(found, Answer)
    assert (found.outcome, found.task_id) == (Outcome.AMBIGUOUS, None)
    assert state in found.message


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "NOT_ENOUGH_BALANCE", "the balance is too low"),
        (403, "INVALID_API_KEY", "the key is not valid"),
        (404, "MODEL_NOT_FOUND", "there is no such model"),
    ],
)
def test_ppinfras_own_reasons_are_read(status: int, reason: str, words: str) -> None:
    """A model that does not exist would send its owner to look for a mistake in base_url."""
    found = ppinfra_clone.read_clone(reply({"code": status, "reason": reason, "message": "no", "metadata": {}}, status))
    assert isinstance(found, Answer)
    assert (found.outcome, found.message.startswith(words)) == (Outcome.BLOCKED, True), found


def test_an_unverified_identity_is_told_with_its_mend() -> None:
    """Its owner would try again and again, because only the provider's console can mend it."""
    data = {"id": "p-1", "status": "failed", "error": "no cloning permission, please verify your identity"}
    found = wavespeed_clone.read_prediction(reply({"code": 200, "data": data}))
    assert isinstance(found, Answer)
    assert found.message.startswith("the account may not clone")
    assert found.message.endswith("verify its identity at the provider.")


@pytest.mark.parametrize(
    ("file_id", "expected"),
    [
        (95157322514001, 95157322514001),
        ("95157322514001", 95157322514001),
        (True, None),
        (0, None),
        ("x", None),
        (None, None),
    ],
)
def test_file_ids_are_read_as_numbers(file_id: object, expected: int | None) -> None:
    """A gateway that writes the number as text would have its uploads called failures."""
    assert minimax_clone.read_file_id(reply({"file": {"file_id": file_id}, **DONE})) == expected
