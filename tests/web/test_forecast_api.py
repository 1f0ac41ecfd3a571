"""`/api/forecast`: programs are told what the command tells, without a pass over the table."""

from datetime import timedelta

from tests.registry.registry_steps import HOUR
from tests.web.stage import NOW, Stage


async def test_it_tells_what_will_happen_and_what_would(stage: Stage) -> None:
    """A platform could not ask before an import, or would be told of another account's money."""
    stage.add("voice-one-1", "voice-one-2", cloned_at=NOW - 167 * HOUR)
    await stage.looked_ahead()
    (main,) = (await stage.get("/api/forecast")).json()["forecasts"]
    assert (main["account"], main["waiting"], main["calls"], main["unsavable"]) == ("main", 2, 2, 0)
    assert 0 < main["standstill_s"] <= 3600
    (away,) = (await stage.get("/api/forecast?outage=2h&account=main")).json()["forecasts"]
    assert (away["unsavable"], away["remedies"][-1]["release"]) == (2, 2)


async def test_the_metric_counts_what_cannot_be_saved(stage: Stage) -> None:
    """Nobody would be woken by what the daemon knows."""
    page = (await stage.get("/metrics")).text
    assert "voicekeeper_unsavable_voices{" not in page
    stage.add(*(f"voice-one-{number}" for number in range(4)), cloned_at=NOW - 168 * HOUR + timedelta(seconds=9))
    await stage.looked_ahead()
    assert 'voicekeeper_unsavable_voices{account="main"} 2.0' in (await stage.get("/metrics")).text


async def test_an_account_that_is_not_there_has_none(stage: Stage) -> None:
    """A mistyped name would look like an account without voices."""
    assert (await stage.get("/api/forecast?account=mian")).status_code == 404
    assert (await stage.get("/api/forecast?rpm=0")).status_code == 422
