"""What Prometheus is told, by the names of the contract."""

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.docs.documents import require
from tests.registry.registry_steps import add, change, claim_one, insert, settle, try_once
from tests.registry.registry_steps import answer as said
from tests.web.stage import NOW, Stage
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Voice
from voicekeeper.registry import census

HOUR = timedelta(hours=1)
#: DESIGN's list.
CONTRACT = {
    "voicekeeper_voices": {"account", "status"},
    "voicekeeper_next_deadline_timestamp_seconds": {"account"},
    "voicekeeper_keep_attempts": {"account", "outcome"},
    "voicekeeper_keep_seconds": {"le"},
    "voicekeeper_slack_at_keep_seconds": {"le"},
    "voicekeeper_account_paused": {"account"},
    "voicekeeper_last_sweep_timestamp_seconds": set(),
    "voicekeeper_spend": {"account", "currency"},
    "voicekeeper_unsavable_voices": {"account"},
}


async def scrape(stage: Stage) -> dict[tuple[str, Any], float]:
    """Return every sample by its name and its labels' values."""
    page = (await stage.get("/metrics")).text
    families = text_string_to_metric_families(page)
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


def keep(stage: Stage, name: str, outcome: Outcome = Outcome.KEPT, **terms: Any) -> None:
    """Let a call have been made with a voice."""
    add(stage.app.database, name, cloned_at=NOW - HOUR)
    change(stage.app.database, name, due_at=NOW - HOUR)
    try_once(stage.app.database, outcome, NOW, **terms)


async def test_the_names_of_the_contract(stage: Stage) -> None:
    """Alert rules and dashboards written by the documentation would find nothing."""
    keep(stage, "voice-one-1", price=9.9, currency="CNY")
    add(stage.app.database, "voice-two-2", cloned_at=NOW)
    await stage.counted()
    await stage.looked_ahead()
    families = list(text_string_to_metric_families((await stage.get("/metrics")).text))
    labels = {one.name: set().union(*(sample.labels for sample in one.samples)) for one in families}
    assert labels == CONTRACT
    assert all(one.documentation for one in families)


async def test_promtool_has_nothing_to_say(stage: Stage) -> None:
    """A page that Prometheus reads otherwise than it was meant would alert wrongly, or not at all."""
    keep(stage, "voice-one-1", price=9.9, currency="CNY")
    await stage.counted()
    page = (await stage.get("/metrics")).content
    done = subprocess.run([require("promtool"), "check", "metrics"], input=page, capture_output=True, check=False)  # noqa: ASYNC221 - the server has nothing to do meanwhile
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


async def test_voices_whoever_wrote_them(every_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voices that an application inserts, or another instance keeps, would never be counted."""
    monkeypatch.setattr(census, "SLICE", 3)
    with every_stage.app.database.transaction() as connection:
        for number in range(7):
            insert(connection, voice_id=f"v{number}")
        insert(connection, account="unknown")
    await every_stage.counted()
    assert (await scrape(every_stage))["voicekeeper_voices", ("main", "waiting")] == 7
    with every_stage.app.database.transaction() as connection:
        connection.execute(text("UPDATE voices SET status = 'lost' WHERE voice_id IN ('v1', 'v5')"))
        connection.execute(text("DELETE FROM voices WHERE voice_id = 'v2'"))
    await every_stage.counted()
    found = await scrape(every_stage)
    assert [found["voicekeeper_voices", ("main", status)] for status in ("waiting", "lost", "kept")] == [4, 2, 0]
    assert found["voicekeeper_voices", ("unknown", "waiting")] == 1


async def test_the_next_deadline(every_stage: Stage) -> None:
    """The alarm for it would sound for a voice that is let go, or already kept, or be silent for one on hold."""
    database = every_stage.app.database
    add(database, "kept", deadline=NOW + HOUR)
    change(database, "kept", status="kept", kept_at=NOW)
    add(database, "released", deadline=NOW + 2 * HOUR, intent=Intent.RELEASE)
    add(database, "held", deadline=NOW + 3 * HOUR, intent=Intent.HOLD)
    add(database, "wanted", deadline=NOW + 4 * HOUR)
    await every_stage.counted()
    found = await scrape(every_stage)
    assert found["voicekeeper_next_deadline_timestamp_seconds", ("main",)] == (NOW + 3 * HOUR).timestamp()


async def test_a_paused_account(every_stage: Stage) -> None:
    """Nobody would be told by Prometheus that a key is refused."""
    await every_stage.counted()
    assert (await scrape(every_stage))["voicekeeper_account_paused", ("main",)] == 0
    keep(every_stage, "voice-one-1", Outcome.BLOCKED)
    await every_stage.counted()
    assert (await scrape(every_stage))["voicekeeper_account_paused", ("main",)] == 1


async def test_spend_only_ever_rises(every_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that is a billionth smaller than the last one looks like a counter set back, and is counted again."""
    monkeypatch.setattr(census, "SLICE", 3)
    seen = []
    for number in range(8):
        keep(every_stage, f"voice-{number}", price=0.1, currency="CNY")
        every_stage.clock.move_seconds(7 * 3600)
        await every_stage.counted()
        seen.append((await scrape(every_stage))["voicekeeper_spend_total", ("main", "CNY")])
    assert seen == sorted(seen)
    assert seen[-1] == 0.8


async def test_what_the_keeper_did(stage: Stage) -> None:
    """The rate of failures and the slack at keeping would be those of nobody."""
    metrics = stage.face.metrics
    waiting = Voice(id=1, account="main", voice_id="v", cloned_at=NOW)
    metrics.settled(waiting, Answer(outcome=Outcome.KEPT), 5 * HOUR, 0.3)
    metrics.settled(waiting, Answer(outcome=Outcome.KEPT), None, 0.3)
    metrics.settled(waiting, Answer(outcome=Outcome.TRANSIENT), 50 * HOUR, 3)
    found = await scrape(stage)
    assert found["voicekeeper_keep_attempts_total", ("main", "kept")] == 2
    assert found["voicekeeper_keep_attempts_total", ("main", "transient")] == 1
    assert found["voicekeeper_keep_attempts_total", ("main", "blocked")] == 0, "shown before it happens"
    assert found["voicekeeper_keep_seconds_count", ()] == 3
    assert found["voicekeeper_slack_at_keep_seconds_bucket", (str(6 * 3600.0),)] == 1
    assert found["voicekeeper_slack_at_keep_seconds_sum", ()] == 5 * 3600


async def test_the_last_sweep(stage: Stage) -> None:
    """A daemon that hangs would look like one that has nothing to do."""
    assert (await scrape(stage))["voicekeeper_last_sweep_timestamp_seconds", ()] == 0
    stage.face.health.swept_at = NOW
    assert (await scrape(stage))["voicekeeper_last_sweep_timestamp_seconds", ()] == NOW.timestamp()


async def test_a_scrape_reads_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrapes would cost as much as there are voices, and fail when the registry does."""
    await stage.counted()
    calls: list[object] = []
    monkeypatch.setattr(type(stage.app.database), "transaction", lambda *_, **__: calls.append(_))
    assert (await stage.get("/metrics")).status_code == 200
    assert calls == []


async def test_nothing_is_labelled_by_voice(stage: Stage) -> None:
    """A million voices would be a million series."""
    add(stage.app.database, "voice-one-1", cloned_at=NOW - HOUR)
    claimed = claim_one(stage.app.database, NOW)
    settle(stage.app.database, claimed, said(Outcome.KEPT), NOW)
    stage.face.metrics.settled(claimed.voice, said(Outcome.KEPT), HOUR, 1)
    await stage.counted()
    assert "voice-one-1" not in (await stage.get("/metrics")).text
