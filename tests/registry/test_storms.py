"""Many alerts are few messages, and what is new among them is told at once: by the count of what a channel gets."""

from collections import Counter

from tests.registry.delivery_steps import ONE, alert, begin, rise, tell, warning
from tests.registry.registry_steps import ACCOUNT, DAY, HOUR, MINUTE, POLICY, START, open_account
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rule
from voicekeeper.registry import outbox, planning
from voicekeeper.registry.database import Database
from voicekeeper.registry.tables import alerts, voices

#: Hears of criticals only.
PAGER = Rule(id="pager", least=Severity.CRITICAL)


def test_a_storm_of_warnings_is_a_message_in_five_minutes_then_ten_then_twenty(database: Database) -> None:
    """Hundreds of voices that fail one after another would be a message a minute."""
    told = {}
    for number in range(50):
        now = START + number * MINUTE
        rise(database, warning(f"voice/{number + 1}/rung"), now=now)
        if keys := tell(database, now, [ONE]).get("one"):
            told[number] = len(keys)
    assert told == {0: 1, 5: 5, 15: 10, 35: 20}


def test_a_critical_goes_at_once_through_a_storm_of_warnings(database: Database) -> None:
    """The loss would wait among the warnings."""
    for number in range(20):
        rise(database, warning(f"voice/{number}/rung"), now=START + number * MINUTE)
        tell(database, START + number * MINUTE, [ONE])
    now = START + 20 * MINUTE
    rise(database, alert("voice/99/lost", event=True), now=now)
    assert tell(database, now, [ONE])["one"][0] == "voice/99/lost"


def test_more_of_the_same_loss_gathers_and_another_accounts_loss_does_not_wait(database: Database) -> None:
    """Each of thousands of losses after an outage would wake somebody; or the first of another account would not."""
    told = {}
    for number in range(60):
        now = START + number * MINUTE
        rise(database, alert(f"voice/{number}/lost", event=True, account="main"), now=now)
        if number == 22:
            rise(database, alert("voice/1000/lost", event=True, account="other"), now=now)
        if keys := tell(database, now, [ONE]).get("one"):
            told[number] = len(keys)
    assert told == {0: 1, 5: 5, 15: 10, 22: 2, 35: 19}, "what waits is not put off by news"


def test_an_account_that_pauses_and_resumes_by_the_minute_is_not_a_message_each_time(database: Database) -> None:
    """A balance that is topped up by a few cents at a time would ring the phone all night."""
    count = 0
    for number in range(60):
        now = START + number * MINUTE
        if number % 2:
            database.call(outbox.resolve, "account/main/paused", now)
        else:
            rise(database, alert("account/main/paused", account="main"), now=now)
        count += len(tell(database, now, [ONE]))
    assert count == 4


def test_twelve_thousand_alerts_of_one_moment_are_one_message(database: Database) -> None:
    """An import of bad voices would be a message for each few thousand of them."""
    lost = {"severity": "critical", "title": "t", "body": "b", "event": 1, "opened_at": START, "next_at": START}
    keys = [f"voice/{number}/lost" for number in range(12_000)]
    with database.transaction() as connection:
        connection.execute(alerts.insert(), [lost | {"key": key, "open_key": key} for key in keys])
    assert len(tell(database, START, [ONE])["one"]) == 12_000
    assert begin(database, START + DAY, [ONE]) is None


def test_an_outage_of_days_is_a_message_an_hour(sqlite_database: Database) -> None:
    """Each voice that reaches a rung would be a message: thousands of them, and somebody turns the channel off."""
    database, count = sqlite_database, 2_000
    open_account(database)
    tried = {"account": ACCOUNT, "attempts": 1, "last_outcome": "transient"}
    ages = {f"v{number}": 7 * DAY * number / count for number in range(count)}
    with database.transaction() as connection:
        rows = [tried | {"voice_id": name, "cloned_at": START - age} for name, age in ages.items()]
        connection.execute(voices.insert(), rows)
    while database.call(planning.plan_some, {}, POLICY):
        pass
    messages, now = Counter[str](), START
    while now < START + 1.5 * DAY:
        while database.call(planning.warn_some, {}, POLICY, now):
            pass
        messages.update(tell(database, now, [ONE, PAGER]).keys())
        now += HOUR / 2
    assert 36 / 4 <= messages["pager"] <= messages["one"] <= 36 + 8
