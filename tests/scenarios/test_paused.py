"""An account whose key or balance stops it: one alert, probes in time, and it comes back by itself."""

from datetime import UTC, datetime, timedelta

from tests.scenarios.commands import KEY, SPARE, Emulated, Home, ago, events, let_pass, names, read
from tests.scenarios.sinks import Webhook

VOICE = "voice-one-1"


def _probe_wait(home: Home) -> timedelta:
    return read(home.sql("SELECT probe_at FROM accounts")[0]["probe_at"]) - datetime.now(UTC)


def test_balance_gone_and_back(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a paused account alerted twice, were probed too often, or stayed paused, money or voices would be lost."""
    emulator.change_key(balance=0)
    emulator.make(VOICE)
    home.insert(VOICE)
    done = home.sweep(3)
    assert [line["event"] for line in events(done.stderr)].count("account.paused") == 1
    waits = [_probe_wait(home)]
    for _ in range(3):
        home.make_due()
        home.sweep(3)
        waits.append(_probe_wait(home))
    minutes = [round(wait / timedelta(minutes=1)) for wait in waits]
    assert minutes == [1, 2, 5, 10]
    assert emulator.spoken() == {VOICE: 4}, "each probe is one call"
    assert home.voice(VOICE)["attempts"] == 0
    assert len(webhook.titles) == 1
    assert "Account main is paused" in webhook.titles[0]
    emulator.change_key(balance=100)
    home.make_due()
    let_pass(home, minutes=5)
    done = home.sweep(0)
    assert "account.resumed" in [line["event"] for line in events(done.stderr)]
    assert home.voice(VOICE)["status"] == "kept", "the probe is useful work"
    assert webhook.titles[1:] == ["voicekeeper: resolved: Account main is paused"]


def test_no_probe_before_its_time(home: Home, emulator: Emulated) -> None:
    """If every sweep tried a paused account, its key would be banned; if its other voices were called, likewise."""
    home.set("accounts.main", max_concurrency=1)
    emulator.change_key(disabled=True)
    emulator.make(*names(5))
    home.insert(*names(5))
    home.sweep(3)
    assert len(emulator.calls()) == 1
    home.make_voices_due()
    assert "main stopped: paused" in home.sweep(3).stderr
    assert len(emulator.calls()) == 1
    emulator.change_key(disabled=False)
    home.make_due()
    home.sweep(0)
    assert home.statuses() == {"kept": 5}, "one good probe opens the account for all"


def test_changed_key_probes_at_once(home: Home, emulator: Emulated) -> None:
    """If a mended key had to wait for the next probe, the owner would see "paused" and doubt the mend."""
    home.variables["SCENARIO_KEY"] = "sk-mistyped"
    emulator.make(VOICE)
    home.insert(VOICE)
    home.sweep(3)
    home.variables["SCENARIO_KEY"] = KEY
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"


def test_changed_key_probes_at_once_also_with_voices_tried_before(home: Home, emulator: Emulated) -> None:
    """If a voice with a try behind it kept its account paused after the mend, DESIGN § 4 would not hold for it."""
    emulator.make(VOICE)
    emulator.fault("code", code=1000, times=1)
    home.insert(VOICE)
    home.sweep(1)
    home.make_due()
    home.variables["SCENARIO_KEY"] = "sk-mistyped"
    home.sweep(3)
    home.variables["SCENARIO_KEY"] = KEY
    home.sweep(0)
    assert home.voice(VOICE)["status"] == "kept"


def test_one_paused_account_stops_no_other(home: Home, emulator: Emulated) -> None:
    """If one account's empty purse stopped the others, or hid a loss, one mistake would cost every voice."""
    home.account("spare", api_key="env:SPARE_KEY")
    emulator.change_key(KEY, balance=0)
    emulator.make("voice-of-main")
    emulator.make("voice-of-spare", key=SPARE)
    home.insert("voice-of-main")
    home.insert("voice-of-spare", account="spare")
    home.sweep(3)
    assert home.voice("voice-of-spare")["status"] == "kept"
    home.insert("voice-gone", cloned_at=ago(days=9), account="spare")
    home.sweep(4)
