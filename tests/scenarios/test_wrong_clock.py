"""A machine whose clock is wrong: its owner hears of it from the calls that are made anyway."""

from datetime import timedelta

from tests.scenarios.commands import Emulated, Home
from tests.scenarios.sinks import Webhook


def about_the_clock(webhook: Webhook) -> list[str]:
    return [text for message in webhook.messages if "clock is" in (text := message["title"] + message["message"])]


def test_a_wrong_clock_is_told_and_resolved(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """Every deadline would be misjudged by hours, and nobody notice before the first voice is lost."""
    home.set("alerts", urls=[webhook.alert_url], repeat_every="1s")
    emulator.make("voice-one-1", "voice-two-2", "voice-three-3")
    emulator.advance(timedelta(hours=2))
    home.insert("voice-one-1")
    home.sweep(0)
    (told,) = about_the_clock(webhook)
    assert "This machine's clock is" in told
    assert "behind that of account main's provider" in told
    assert "chrony" in told
    emulator.reset()
    emulator.make("voice-two-2")
    home.insert("voice-two-2")
    home.sweep(0)
    assert home.sql("SELECT resolved_at IS NOT NULL AS over FROM alerts WHERE key = 'account/main/clock'") == [
        {"over": 1}
    ]


def test_a_right_clock_is_not_spoken_of(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """People who are told of nothing stop reading."""
    emulator.make("voice-one-1")
    home.insert("voice-one-1")
    home.sweep(0)
    assert about_the_clock(webhook) == []
    assert home.sql("SELECT * FROM alerts") == []
