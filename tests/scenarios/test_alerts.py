"""Alerts on a real webhook: one message for what happens together, nothing twice, and no harm from a dead sink."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.commands import Emulated, Home, ago, events, let_pass, moment, names
from tests.scenarios.sinks import Webhook, listening

#: TOML's header for one more channel, once the brackets of a section are around it.
CHANNEL = "[alerts.channels]"


@pytest.fixture
def other() -> Iterator[Webhook]:
    """A second webhook."""
    with listening() as sink:
        yield sink


def test_two_hundred_lost_voices_are_one_message(home: Home, webhook: Webhook) -> None:
    """If each bad voice were a message of its own, an import would bury the one that matters."""
    home.set("accounts.main", max_concurrency=16)
    home.insert(*names(200), cloned_at=ago(days=8))
    home.sweep(4)
    assert home.statuses() == {"lost": 200}
    assert len(webhook.titles) == 1
    assert webhook.titles[0].endswith("is lost (and 199 more)")
    home.sweep(0)
    assert len(webhook.titles) == 1


def test_a_paused_accounts_voices_are_held_back(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a paused account's voices alerted as well, one cause would be a hundred messages."""
    emulator.change_key(balance=0)
    emulator.make(*names(20))
    home.insert(*names(20), cloned_at=ago(days=6))
    home.sweep(3)
    home.sweep(3)
    assert len(webhook.titles) == 1
    assert "Account main is paused" in webhook.titles[0]


def test_an_open_alert_is_repeated_and_then_resolved(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If an alert were told once and then forgotten, or never taken back, nobody could tell what still burns."""
    home.insert("voice-one-1")
    home.sweep(1)
    assert len(webhook.titles) == 1
    let_pass(home, hours=5)
    home.sweep(0)
    assert len(webhook.titles) == 2, "repeat_every has passed"
    emulator.make("voice-one-1")
    let_pass(home, minutes=5)
    home.make_due()
    home.sweep(0)
    assert len(webhook.titles) == 3
    assert webhook.titles[2].startswith("voicekeeper: resolved: Voice main/voice-one-1")


def test_a_provider_that_is_down_for_an_hour_is_told_and_so_is_its_end(
    home: Home, emulator: Emulated, webhook: Webhook
) -> None:
    """If it were told with the first rung of warning, it would be days late."""
    emulator.fault("http", http_status=502)
    emulator.make(*names(6))
    home.insert(*names(6))
    home.sweep(1)
    assert webhook.titles == [], "most outages are over within the hour"
    home.sql("UPDATE accounts SET failing_since = ?", moment(datetime.now(UTC) - timedelta(hours=1)))
    home.sweep(0)
    assert webhook.titles == ["voicekeeper: Account main: no call succeeds"]
    assert "6 voices wait" in webhook.messages[0]["message"]
    emulator.clear_faults()
    let_pass(home, minutes=5)
    home.make_due()
    home.sweep(0)
    assert webhook.titles[1:] == ["voicekeeper: resolved: Account main: no call succeeds"]


def test_a_dead_sink_stops_no_keeping_and_is_tried_again(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a dead chat server stopped keeping, or swallowed the alarm, alerts would do more harm than good."""
    webhook.status = 500
    emulator.make(*names(3))
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.insert(*names(3))
    done = home.sweep(4)
    assert "alert.failed" in [line["event"] for line in events(done.stderr)]
    assert home.statuses() == {"kept": 3, "lost": 1}
    webhook.status = 200
    let_pass(home, minutes=1)
    webhook.messages.clear()
    done = home.sweep(0)
    assert "alert.sent" in [line["event"] for line in events(done.stderr)]
    assert webhook.titles == ["voicekeeper: Voice main/voice-gone-1 is lost"]


def test_heartbeat_at_start_and_end_and_on_failure(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If the heartbeat said "well" after a loss, or nothing at all, the watcher outside would see nothing."""
    home.set("alerts", heartbeat_url=webhook.beat_url)
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    home.sweep(0)
    assert webhook.pings == ["/beat/start", "/beat"]
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    assert webhook.pings[2:] == ["/beat/start", "/beat/fail"]


def test_a_rung_of_warning_is_told_once_each(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a voice that fails again and again alerted at each try, or at no rung, its deadline would pass unseen."""
    emulator.make("voice-one-1")
    emulator.fault("code", code=1000, voice_id="voice-one-1")
    home.insert("voice-one-1", cloned_at=ago(days=4, hours=2))
    home.sweep(1)
    home.make_due()
    home.sweep(1)
    assert [title.partition("not kept: ")[2] for title in webhook.titles] == ["less than 3d before its deadline"]
    home.age(timedelta(hours=48))
    let_pass(home, minutes=5)
    home.sweep(1)
    assert len(webhook.titles) == 2
    assert webhook.titles[1].endswith("less than 1d before its deadline")


def test_a_channel_that_was_down_hears_what_it_missed(home: Home, webhook: Webhook, other: Webhook) -> None:
    """If one channel that took the message were enough, the others' people would never hear of the loss."""
    home.set("alerts", urls=[webhook.alert_url, other.alert_url])
    other.status = 500
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    assert (len(webhook.titles), len(other.titles)) == (1, 1)
    other.status = 200
    home.sweep(0)
    assert len(other.titles) == 1, "its wait is in the registry: the next run knows of it"
    let_pass(home, minutes=1)
    home.sweep(0)
    assert (len(webhook.titles), len(other.titles)) == (1, 2)
    assert other.titles[1].endswith("voice-gone-1 is lost")


def test_each_channel_has_its_own_severity_and_language(home: Home, webhook: Webhook, other: Webhook) -> None:
    """If rules and languages were mixed up, the pager would ring for a note, in words its owner cannot read."""
    home.set("serve", public_url="https://keeper.example.com/")
    home.set(CHANNEL, url=other.alert_url, min_severity="critical", language="zh")
    home.insert("voice-one-1")
    home.sweep(1)
    assert (len(webhook.titles), len(other.titles)) == (1, 0), "that it is missing is a warning"
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    assert other.titles == ["voicekeeper: 音色 main/voice-gone-1 已丢失"]
    text = other.messages[0]["message"]
    assert "音色不存在" in text
    assert "`voicekeeper clone AUDIO --account main --voice-id voice-gone-1`" in text
    assert "https://keeper.example.com/voices/main/voice-gone-1" in text
    assert webhook.titles[1] == "voicekeeper: Voice main/voice-gone-1 is lost"


def test_a_digest_comes_once_and_says_what_was_done(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If each run sent one, or none did, nobody would read the figures."""
    home.set("alerts", urls=[])
    home.set(CHANNEL, url=webhook.alert_url, min_severity="none", digest="daily")
    emulator.make(*names(3))
    home.sweep(0)
    home.insert(*names(3))
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    assert webhook.titles == []
    let_pass(home, hours=24)
    assert home.run("needs-keeping").returncode == 0
    home.sweep(0)
    home.sweep(0)
    assert webhook.titles == ["voicekeeper: the day's digest"]
    assert "3 kept, 1 lost, 0 released\nspent: 29.70 CNY\n0 waiting\n" in webhook.messages[0]["message"]


def test_a_paused_account_that_is_taken_out_alerts_no_more(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If nobody resolved it, the alert would be repeated for ever, because nobody probes the account any more."""
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.change_key("sk-spare-one", balance=0)
    emulator.make("voice-one-1", key="sk-spare-one")
    home.insert("voice-one-1", account="spare")
    home.sweep(3)
    assert len(webhook.titles) == 1
    home.sql("DELETE FROM attempts")
    home.sql("DELETE FROM voices")
    home._sections.pop("accounts.spare")
    home.set("alerts")
    let_pass(home, hours=5)
    home.sweep(0)
    assert webhook.titles[1:] == ["voicekeeper: resolved: Account spare is paused"]
    let_pass(home, hours=24)
    home.sweep(0)
    assert len(webhook.titles) == 2


def test_a_channel_that_fails_is_named_without_its_secrets(home: Home, webhook: Webhook, other: Webhook) -> None:
    """If the alert about a dead channel showed its address, its token would stand in everybody else's chat."""
    home.set("alerts", urls=[webhook.alert_url, other.alert_url.replace("/hook", "/SECRETMARK")])
    other.status = 500
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    for _ in range(3):
        let_pass(home, minutes=10)
        home.sweep(0)
    assert webhook.titles[1].startswith("voicekeeper: Alerts do not get through to json://127.0.0.1:")
    assert "SECRETMARK" not in str(webhook.messages)
    assert "SECRETMARK" not in str(home.sql("SELECT * FROM alerts")) + str(home.sql("SELECT * FROM channels"))


def test_what_no_budget_will_ever_reach_is_told_and_what_it_will_is_not(
    home: Home, emulator: Emulated, webhook: Webhook
) -> None:
    """If voices behind a budget were all alarms, or none, nobody would look at the one that is too small."""
    home.account("main", budget_per_day=9.9)
    emulator.make(*names(2))
    home.insert(*names(2), cloned_at=ago(hours=5))
    home.sql("UPDATE voices SET created_at = ?", ago(hours=5))
    home.sweep(1)
    assert (home.statuses(), webhook.titles) == ({"kept": 1, "waiting": 1}, []), "tomorrow is soon enough"
    home.account("main", budget_per_day=5.0)
    home.sweep(1)
    home.sweep(1)
    assert webhook.titles == ["voicekeeper: Account main: 1 voice cannot be saved"]
    assert "What would save all: budget_per_day = 9.9." in webhook.messages[0]["message"]
    home.account("main", budget_per_day=None)
    let_pass(home, minutes=5)
    home.sweep(0)
    assert webhook.titles[1:] == ["voicekeeper: resolved: Account main: 1 voice cannot be saved"]
