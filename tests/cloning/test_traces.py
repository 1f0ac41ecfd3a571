"""Traces of clone calls, on every kind of registry."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from voicekeeper.core.cloning import Begun
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.registry import clonings, upcoming
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import alerts, voices
from voicekeeper.registry.tables import clonings as table

NOW = datetime.now(UTC).replace(microsecond=123456)
BEGUN = Begun(
    account="main",
    voice_id="voice-one-1",
    cloned_at=NOW - timedelta(hours=2),
    label="Änne 声",
    intent=Intent.HOLD,
    origin=Origin.DESIGN,
)
ALIVE, DEAD = timedelta(minutes=5), timedelta(seconds=-1)
LOST = Answer(outcome=Outcome.AMBIGUOUS, message="no whole answer within 3 s", trace_id="t-1")


def begin(database: Database, begun: Begun = BEGUN, lease: timedelta = ALIVE) -> int:
    return database.call(clonings.begin, begun, "host-1", lease, NOW)


def rows(database: Database, of: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return [row._asdict() for row in connection.execute(select(of).order_by(of.c.id))]


def test_success_registers_and_closes_in_one(traces: Database) -> None:
    """A crash between the two would leave a voice without a trace, or a doubt about a voice that is registered."""
    trace = begin(traces, replace(BEGUN, voice_id=None))
    traces.call(clonings.succeed, trace, BEGUN, "t-1", NOW)
    (voice,), (row,) = rows(traces, voices), rows(traces, table)
    for name in ("account", "voice_id", "cloned_at", "label"):
        assert voice[name] == row[name] == getattr(BEGUN, name)
    assert (voice["intent"], voice["origin"], voice["status"]) == ("hold", "design", "waiting")
    assert (row["outcome"], row["finished_at"], row["trace_id"]) == ("cloned", NOW, "t-1")


def test_a_living_instances_trace_is_left_alone(traces: Database) -> None:
    """A clone call under way would be taken for one that was cut off."""
    begin(traces)
    assert traces.call(clonings.pick_up, NOW) == []
    assert traces.call(upcoming.anything_to_do, NOW) is False
    assert rows(traces, voices) == []


def test_a_dead_instances_trace_is_picked_up_once(traces: Database) -> None:
    """People would be told again at every sweep, or never."""
    begin(traces, lease=DEAD)
    assert traces.call(upcoming.anything_to_do, NOW) is True
    assert traces.call(clonings.pick_up, NOW) == [BEGUN]
    assert traces.call(clonings.pick_up, NOW) == []
    assert [voice["voice_id"] for voice in rows(traces, voices)] == [BEGUN.voice_id]
    assert [alert["severity"] for alert in rows(traces, alerts)] == ["info"]


def test_a_voice_that_somebody_registered_meanwhile_stays_as_it_is(traces: Database) -> None:
    """Its owner's own words and decisions would be overwritten, or the sweep would fail on it for ever."""
    with traces.transaction() as connection:
        given = {"account": "main", "voice_id": BEGUN.voice_id, "cloned_at": NOW, "label": "mine"}
        connection.execute(voices.insert().values(**given))
    begin(traces, lease=DEAD)
    traces.call(clonings.pick_up, NOW)
    (voice,) = rows(traces, voices)
    assert (voice["label"], voice["cloned_at"], voice["intent"]) == ("mine", NOW, "keep")


def test_the_truth_that_comes_late_is_recorded(traces: Database) -> None:
    """An instance that was only slow has the name that the gateway made: it would be lost with its answer."""
    unnamed = replace(BEGUN, voice_id=None)
    trace = begin(traces, unnamed, DEAD)
    traces.call(clonings.pick_up, NOW)
    assert [alert["severity"] for alert in rows(traces, alerts)] == ["critical"]
    traces.call(clonings.succeed, trace, BEGUN, None, NOW)
    assert rows(traces, table)[0]["outcome"] == "cloned"
    assert [voice["voice_id"] for voice in rows(traces, voices)] == [BEGUN.voice_id]


def test_a_doubt_registers_what_has_a_name_and_tells_of_what_has_none(traces: Database) -> None:
    """A voice that may be there would be forgotten."""
    traces.call(clonings.fail, begin(traces), BEGUN, LOST, NOW)
    assert [voice["voice_id"] for voice in rows(traces, voices)] == [BEGUN.voice_id]
    assert rows(traces, alerts) == [], "whoever cloned was told at once"
    unnamed = replace(BEGUN, voice_id=None)
    traces.call(clonings.fail, begin(traces, unnamed), unnamed, LOST, NOW)
    assert [alert["severity"] for alert in rows(traces, alerts)] == ["critical"]
    assert {row["outcome"] for row in rows(traces, table)} == {"ambiguous"}


def test_a_refusal_registers_nothing(traces: Database) -> None:
    """A voice that the provider refused to make would be called for, and reported as lost."""
    for outcome in set(Outcome) - {Outcome.KEPT, Outcome.AMBIGUOUS}:
        traces.call(clonings.fail, begin(traces), BEGUN, Answer(outcome=outcome, message="no"), NOW)
    assert rows(traces, voices) == []
    assert rows(traces, alerts) == []


def test_many_instances_pick_up_side_by_side(traces: Database) -> None:
    """The same voice would be reported by each of them, or they would stop each other."""
    for number in range(20):
        begin(traces, replace(BEGUN, voice_id=f"voice-number-{number}"), DEAD)
    with ThreadPoolExecutor(4) as pool:
        picked = [
            begun for found in pool.map(lambda _: traces.call(clonings.pick_up, NOW), range(4)) for begun in found
        ]
    assert sorted(str(begun.voice_id) for begun in picked) == sorted(f"voice-number-{number}" for number in range(20))
    assert len(rows(traces, voices)) == len(rows(traces, alerts)) == 20
