"""Hold, release, keep, retry: what the owner wants is what happens, and what is paid."""

from datetime import timedelta

from tests.scenarios.commands import Emulated, Home, ago
from tests.scenarios.sinks import Webhook

VOICE = "voice-one-1"


def test_hold_is_not_called_and_warned_once_a_rung(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a held voice were paid for, or died without warning, hold would be a trap."""
    emulator.make(VOICE)
    added = home.run("add", VOICE, "--account", "main", "--hold", "--cloned-at", ago(days=4, hours=1))
    assert added.returncode == 0, added.stderr
    home.sweep(0)
    assert len(webhook.titles) == 1
    assert "on hold" in webhook.messages[0]["message"]
    home.sweep(0)
    assert len(webhook.titles) == 1, "the same rung is told once"
    home.age(timedelta(hours=62))
    home.sweep(0)
    assert len(webhook.titles) == 2
    assert webhook.titles[1].endswith("less than 12h before its deadline")
    home.age(timedelta(hours=12))
    home.sweep(4)
    assert len(webhook.titles) == 3
    assert "is lost" in webhook.titles[2]
    assert "on hold when its deadline passed" in webhook.messages[2]["message"]
    voice = home.voice(VOICE)
    assert (voice["status"], voice["last_error"]) == ("lost", "held past its deadline")
    assert emulator.calls() == []


def test_release_lets_go_without_call_fee_or_alert(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a released voice were called, its owner would pay for what nobody wanted."""
    emulator.make(VOICE)
    home.insert(VOICE, cloned_at=ago(days=6, hours=23, minutes=30))
    assert home.run("release", VOICE).stdout == f"main/{VOICE}: release\n"
    home.sweep(0)
    home.age(timedelta(hours=1))
    assert "1 let go" in home.sweep(0).stdout
    assert home.voice(VOICE)["status"] == "released"
    assert emulator.calls() == []
    assert webhook.messages == []


def test_keep_after_hold_is_called(home: Home, emulator: Emulated) -> None:
    """If a mind could not be changed, a voice that somebody paid attention to would still be lost."""
    emulator.make(VOICE, "voice-two-2")
    home.insert(VOICE, "voice-two-2")
    assert home.run("hold", VOICE, "main/voice-two-2").returncode == 0
    assert home.run("keep", f"main/{VOICE}").returncode == 0
    home.sweep(0)
    assert emulator.spoken() == {VOICE: 1}
    refused = home.run("release", "voice-two-2", VOICE)
    assert refused.returncode == 2
    assert "kept and paid for already" in refused.stderr
    assert home.voice("voice-two-2")["intent"] == "hold", "all of them or none"


def test_retry_tries_a_lost_voice_again(home: Home, emulator: Emulated) -> None:
    """If a lost voice could not be tried again, a wrong answer of the provider would be final."""
    home.insert(VOICE, cloned_at=ago(days=8))
    home.sweep(4)
    emulator.make(VOICE)
    assert home.run("retry", VOICE).returncode == 0
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"
    again, unknown = home.together(("retry", VOICE), ("retry", "voice-nobody-knows"))
    assert "kept already" in again.stdout
    assert unknown.returncode == 2
    assert "no voice" in unknown.stderr
