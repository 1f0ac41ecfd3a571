"""Floods and guesses: a client that overdoes it waits, and no other does."""

import pytest

from tests.web.stage import BEARER, NEW, NOW, Stage, StandingClock
from voicekeeper.web import allowance
from voicekeeper.web.allowance import Allowance
from voicekeeper.web.gate import FLOOD_BURST, GUESS_SECONDS, GUESSES

WRONG = {"Authorization": "Bearer wrong"}


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOW)


async def test_a_flood_from_one_client(stage: Stage) -> None:
    """One broken script could keep the registry's threads from the keeper."""
    codes = [(await stage.get("/api/accounts")).status_code for _ in range(FLOOD_BURST + 5)]
    assert codes == [200] * FLOOD_BURST + [429] * 5
    refused = await stage.post()
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert (await stage.get("/nothing")).status_code == 429
    assert (await stage.get("/healthz")).status_code == 200, "or a supervisor would restart the daemon"
    stage.clock.move_seconds(int(refused.headers["retry-after"]))
    assert (await stage.post()).status_code == 201


async def test_guessing_the_token_is_slow(stage: Stage) -> None:
    """Somebody could try a million tokens an hour."""
    codes = [(await stage.client.post("/api/voices", json=NEW, headers=WRONG)).status_code for _ in range(GUESSES + 3)]
    assert codes == [401] * GUESSES + [429] * 3
    right = await stage.post()
    assert right.status_code == 429, "or the answer would tell a right guess from a wrong one"
    assert 0 < int(right.headers["retry-after"]) <= GUESS_SECONDS + 1
    assert (await stage.get("/api/voices")).json()["voices"] == []
    assert (await stage.client.post("/api/voices", json=NEW)).status_code == 401
    stage.clock.move_seconds(GUESS_SECONDS)
    assert (await stage.post()).status_code == 201


async def test_the_right_token_uses_nothing_up(stage: Stage) -> None:
    """An application that registers many voices would be taken for somebody who guesses."""
    for _ in range(3 * GUESSES):
        assert (
            await stage.client.patch("/api/voices/main/none", json={"label": "x"}, headers=BEARER)
        ).status_code == 404


async def test_a_header_does_not_make_another_client(stage: Stage) -> None:
    """A guesser would write another X-Forwarded-For into each request."""
    for number in range(GUESSES):
        spoofed = {**WRONG, "X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        await stage.client.post("/api/voices", json=NEW, headers=spoofed)
    assert (await stage.client.post("/api/voices", json=NEW, headers=WRONG)).status_code == 429


def test_a_burst_and_then_a_steady_rate(clock: StandingClock) -> None:
    """A client would wait too long, or not at all."""
    limit = Allowance(clock, burst=3, per_second=2)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.move_seconds(0.5)
    assert [limit.take("a"), limit.take("a")] == [0, 0.5]
    clock.move_seconds(100)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_each_client_has_its_own(clock: StandingClock) -> None:
    """One client's flood would lock out all others; an IPv6 host would have as many bursts as addresses."""
    limit = Allowance(clock, burst=1, per_second=1)
    assert limit.take("10.0.0.1") == 0
    assert limit.take("10.0.0.2") == 0
    assert limit.take("2001:db8::1") == 0
    assert limit.take("2001:db8::ffff:1") > 0
    assert limit.take("2001:db8:0:1::1") == 0


def test_memory_is_bounded(clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests from many addresses would fill the daemon's memory."""
    monkeypatch.setattr(allowance, "_REMEMBERED", 10)
    limit = Allowance(clock, burst=1, per_second=1)
    for number in range(100):
        limit.take(f"10.0.0.{number}")
    assert len(limit._next) == 10
    assert limit.take("10.0.0.99") > 0
