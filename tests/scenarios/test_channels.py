"""What `alert-test` and `check` say of the ways to reach people."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.commands import Home, ago, moment, read, until
from tests.scenarios.serving import serving
from tests.scenarios.sinks import Webhook, listening

#: TOML's header for one more channel, once the brackets of a section are around it.
CHANNEL = "[alerts.channels]"


@pytest.fixture
def other() -> Iterator[Webhook]:
    """A second webhook."""
    with listening() as sink:
        yield sink


def found(home: Home) -> dict[str, tuple[str, str]]:
    """Return what `check` says, by subject."""
    return {one["subject"]: (one["state"], one["message"]) for one in home.json("check")}


def test_alert_test_says_which_channel_works(home: Home, webhook: Webhook) -> None:
    """If the test message's failure ended with 0, a broken channel would be found by the first lost voice."""
    sent = home.run("alert-test")
    assert (sent.returncode, len(webhook.titles)) == (0, 1)
    assert "sent" in sent.stdout
    home.set("alerts", urls=[webhook.alert_url, "json://127.0.0.1:9/nobody"])
    failed = home.run("alert-test")
    assert failed.returncode == 1
    assert "json://127.0.0.1:9: failed: is its address still valid" in failed.stdout
    home.set("alerts", urls=["nonsense://x"])
    assert home.run("alert-test").returncode == 2
    home.set("alerts", urls=[])
    assert home.run("alert-test").returncode == 2


def test_alert_test_speaks_each_channels_language(home: Home, webhook: Webhook, other: Webhook) -> None:
    """Whoever sets a language would learn with the first loss that it is not the one they read."""
    home.set(CHANNEL, url=other.alert_url, min_severity="none", language="zh")
    assert home.run("alert-test").returncode == 0
    assert webhook.titles == ["voicekeeper: a test"]
    assert other.titles == ["voicekeeper: 测试"]


def test_check_says_what_each_channel_is_told(home: Home, webhook: Webhook, other: Webhook) -> None:
    """A rule that was misread would be noticed in the night in which nobody is woken."""
    home.set("alerts", time_zone="Asia/Shanghai")
    rules = {"min_severity": "warning", "quiet_hours": "22:00-07:00", "digest": "weekly", "language": "zh"}
    home.set(CHANNEL, url=other.alert_url, **rules)
    said = found(home)
    assert said["alerts"] == ("ok", "2 channels; `voicekeeper alert-test` sends to them")
    assert said[f"channel {name(webhook)}"] == ("ok", "told of everything, in en")
    told, quiet, digest, language = said[f"channel {name(other)}"][1].split(", ")
    assert told == "told of warnings and criticals"
    assert quiet == "only of criticals from 22:00 to 07:00 (Asia/Shanghai)"
    assert digest == "a weekly digest at 09:00 (Asia/Shanghai)"
    assert language == "in zh"
    assert webhook.titles == [], "nothing is sent"


def test_check_says_which_channel_fails(home: Home, webhook: Webhook) -> None:
    """With one channel, nobody can be told over another that it is dead."""
    webhook.status = 500
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    home.sweep(4)
    state, message = found(home)[f"channel {name(webhook)}"]
    assert state == "warning"
    assert "has failed since 20" in message
    assert "(tries: 1)" in message
    assert "`voicekeeper alert-test`" in message


def test_check_finds_that_nobody_is_told_of_criticals(home: Home, webhook: Webhook) -> None:
    """A digest alone would look like a channel, and the loss would be read the next morning."""
    home.set("alerts", urls=[])
    assert found(home)["alerts"][0] == "warning"
    home.set(CHANNEL, url=webhook.alert_url, min_severity="none", digest="daily")
    state, message = found(home)["alerts"]
    assert state == "warning"
    assert "nobody is told when a voice is in danger" in message


def test_the_daemon_wakes_for_a_channels_next_try(home: Home, webhook: Webhook) -> None:
    """If only regular sweeps tried again, a chat server's bad minute would cost a day where they are rare."""
    home.set("serve", sweep_every="24h")
    webhook.status = 500
    home.insert("voice-gone-1", cloned_at=ago(days=8))
    with serving(home) as daemon:
        daemon.wait_for("alert.failed")
        (channel,) = until(lambda: home.sql("SELECT retry_at FROM channels WHERE retry_at IS NOT NULL"))
        assert read(channel["retry_at"]) - datetime.now(UTC) <= timedelta(minutes=1)
        webhook.status = 200
        soon = moment(datetime.now(UTC) + timedelta(seconds=5))
        home.sql("UPDATE channels SET retry_at = ?", soon)
        home.sql("UPDATE alerts SET next_at = ?", soon)
        daemon.process.send_signal(signal.SIGHUP)  # its first sweep is too early, and sets the next wake-up
        daemon.wait_for("alert.sent")
        assert len(daemon.events("serve.ready")) == 2
        daemon.end()
    assert webhook.titles[1:] == ["voicekeeper: Voice main/voice-gone-1 is lost"]


def name(sink: Webhook) -> str:
    """Return how a channel to this sink is called."""
    return sink.alert_url.removesuffix("/hook")
