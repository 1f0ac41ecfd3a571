"""Accounts that leave the configuration and come back: what people are told of them, and that it ends by itself."""

from datetime import timedelta
from typing import Any

import pytest

from tests.registry.delivery_steps import ONE, rise, tell
from tests.registry.registry_steps import DAY, HOUR, MINUTE, POLICY, START, add, change, due, try_once, voice
from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Severity
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import accounts, outbox, planning
from voicekeeper.registry.accounts import Mark
from voicekeeper.registry.database import Database

MAIN = {"main": Mark("mark")}
UNKNOWN = "account/main/unknown"
#: After today: accounts are noted by the database's own clock.
LATER = START + 7300 * DAY


def configure(database: Database, marks: dict[str, Mark]) -> None:
    accounts.sync(database, marks)


def sweep(database: Database, now: Any, configured: tuple[str, ...] = ()) -> None:
    """Do what a sweep does for accounts that are not configured."""
    database.call(planning.set_aside_some, list(configured), now)


def open_keys(database: Database) -> list[str]:
    return [one.key for one in database.call(outbox.open_alerts)]


def test_an_account_that_comes_back_as_it_was_is_unknown_no_more(database: Database) -> None:
    """The alert would be repeated for ever and hold those of its voices back, and the voices would wait an hour."""
    configure(database, MAIN)
    add(database, "anna")
    configure(database, {})
    sweep(database, START + HOUR)
    assert tell(database, START + HOUR, [ONE]) == {"one": [UNKNOWN]}
    configure(database, MAIN)
    assert tell(database, LATER, [ONE]) == {"one": [f"resolved {UNKNOWN}"]}
    database.call(planning.plan_some, {}, POLICY)
    assert due(database, START + HOUR) == [voice(database, "anna").id]


@pytest.mark.parametrize("lifetime", [72 * HOUR, 48 * HOUR])
def test_what_was_registered_while_its_account_was_away_lives_as_long_as_its_account_says(
    database: Database, lifetime: timedelta
) -> None:
    """It would keep the default's deadline, which may be days too late: lost without a warning."""
    configure(database, {"main": Mark("mark", 72 * HOUR)})
    add(database, "before", deadline=START + 72 * HOUR)
    add(database, "given", deadline=START + 100 * HOUR)
    configure(database, {})
    add(database, "meanwhile")
    configure(database, {"main": Mark("mark", lifetime)})
    database.call(planning.plan_some, {"main": Policy(lifetime=lifetime)}, POLICY)
    ends = [voice(database, name).deadline for name in ("before", "given", "meanwhile")]
    assert ends == [START + lifetime, START + 100 * HOUR, START + lifetime]


def test_a_tried_voice_that_was_set_aside_is_tried_when_its_account_comes_back(database: Database) -> None:
    """It would wait for the rest of an hour, which may be all it has, for a mistake that is mended."""
    configure(database, MAIN)
    add(database, "anna")
    try_once(database, Outcome.TRANSIENT, START)
    configure(database, {})
    late = START + 7 * DAY - HOUR / 2
    sweep(database, late)
    assert due(database, late) == []
    configure(database, MAIN)
    database.call(planning.plan_some, {}, POLICY)
    assert due(database, late) == [voice(database, "anna").id]


def test_a_voice_that_is_given_a_known_account_in_its_last_hour_is_called_in_it(database: Database) -> None:
    """Whoever renames an account, and its voices a moment later, would lose those that had less than an hour left."""
    configure(database, {"other": Mark("mark")})
    add(database, "anna", "bert")
    change(database, "bert", deadline=START + 30 * DAY)
    late = START + 7 * DAY - HOUR / 2
    sweep(database, late, ("other",))
    for name in ("anna", "bert"):
        change(database, name, account="other")
    assert due(database, late + 5 * MINUTE, "other") == [voice(database, "anna").id]
    assert due(database, late + HOUR, "other") == [voice(database, name).id for name in ("bert", "anna")]


@pytest.mark.parametrize("mend", [{"account": "other"}, {"intent": "release"}, {"status": "released"}])
def test_an_unknown_account_without_voices_is_forgotten(database: Database, mend: dict[str, str]) -> None:
    """Whoever corrects the rows, as the alert asks, would be told of it every four hours for ever."""
    configure(database, {"other": Mark("mark")})
    add(database, "anna")
    sweep(database, START, ("other",))
    assert tell(database, START, [ONE]) == {"one": [UNKNOWN]}
    sweep(database, START + MINUTE, ("other",))
    assert open_keys(database) == [UNKNOWN]
    change(database, "anna", **mend)
    sweep(database, START + HOUR, ("other",))
    assert tell(database, START + HOUR, [ONE]) == {"one": [f"resolved {UNKNOWN}"]}


def test_what_is_told_of_an_account_that_goes_ends(database: Database) -> None:
    """Nobody probes it, times it or compares its clock any more, so each of its alerts would last for ever."""
    configure(database, MAIN)
    rise(
        database,
        alerts.paused("main", "the balance is too low", None),
        alerts.overdue("main", 1, START, HOUR, START),
        alerts.wrong_clock("main", HOUR, Severity.CRITICAL),
    )
    assert len(tell(database, START, [ONE])["one"]) == 3
    configure(database, {})
    assert open_keys(database) == []


def test_a_paused_account_that_goes_no_longer_holds_its_voices_alerts_back(database: Database) -> None:
    """Nobody would hear of a voice on hold before it is lost: no other alarm is raised for it."""
    configure(database, MAIN)
    add(database, "anna")
    try_once(database, Outcome.BLOCKED, START)
    change(database, "anna", intent="hold")
    configure(database, {})
    now = START + 5 * DAY
    paused = [one.name for one in database.call(accounts.everyone) if one.paused]
    assert paused == []
    assert database.call(planning.warn_some, {}, POLICY, now, paused=paused)
    assert tell(database, now, [ONE])["one"] == [f"voice/{voice(database, 'anna').id}/rung"]
