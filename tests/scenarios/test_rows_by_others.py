"""Rows that other programs write: the least is enough, and one that cannot be worked stops nothing else."""

from datetime import timedelta

from tests.scenarios.commands import Emulated, Home, ago, names
from tests.scenarios.sinks import Webhook


def test_account_voice_id_and_cloned_at_are_enough(moody_home: Home, moody: Emulated) -> None:
    """If a row needed more than the contract says, applications that insert it would lose their voices."""
    moody.make(*names(3))
    hour = ago(hours=1).removesuffix("Z")
    for name, cloned_at in zip(names(3), (hour.replace("T", " "), f"{hour}Z", f"{hour}+02:00"), strict=True):
        moody_home.insert(name, cloned_at=cloned_at)
    moody_home.sweep(0)
    assert moody_home.statuses() == {"kept": 3}


def test_row_of_an_unknown_account_is_set_aside_and_told_once(home: Home, emulator: Emulated, webhook: Webhook) -> None:
    """If a mistyped account stopped the sweep or went unsaid, its voices would die, or all others with them."""
    emulator.make(*names(2))
    home.insert("voice-lost-way", account="mian", cloned_at=ago(days=6, hours=23))
    home.insert(*names(2))
    home.sweep(1)
    assert {home.voice(name)["status"] for name in names(2)} == {"kept"}
    assert "mian" in webhook.messages[0]["message"]
    home.make_due()
    home.sweep(1)
    assert sum("mian is not configured" in message["message"] for message in webhook.messages) == 1
    assert home.voice("voice-lost-way")["status"] == "waiting"


def test_row_with_an_impossible_voice_id_is_told_and_stops_nothing(
    home: Home, emulator: Emulated, webhook: Webhook
) -> None:
    """If an id that no provider can have went unsaid or was called for ever, DESIGN § 3 would be broken."""
    emulator.make(*names(2))
    home.insert("no id at all!", cloned_at=ago(days=6))
    home.insert(*names(2))
    home.run("run")
    assert {home.voice(name)["status"] for name in names(2)} == {"kept"}
    assert home.voice("no id at all!")["status"] == "waiting"
    assert any("no id at all!" in message["message"] for message in webhook.messages)
    home.make_due()
    home.run("run")
    assert emulator.spoken()["no id at all!"] <= 1


def test_rows_in_another_encoding_stop_nothing(home: Home, emulator: Emulated) -> None:
    """If one label in Latin-1 made the registry unreadable, every voice of every account would be lost for it."""
    emulator.make(*names(2))
    home.insert(*names(2))
    muller, row = "CAST(x'4dfc6c6c6572' AS TEXT)", "INSERT INTO voices (account, voice_id, cloned_at, label) VALUES"
    home.sql(f"{row} ('main', 'voice-labelled', datetime('now'), {muller})")
    home.sql(f"{row} ('main', {muller}, datetime('now'), '')")
    home.sql(f"{row} ({muller}, 'voice-of-nobody', datetime('now'), '')")
    home.run("run")
    assert {home.voice(name)["status"] for name in names(2)} == {"kept"}
    assert {row["label"] for row in home.json("list")} == {"", "M\ufffdller"}


def test_impossible_voice_ids_use_up_no_probes(home: Home, emulator: Emulated) -> None:
    """If each took a probe, an account would stay paused after its key was mended until all of its voices are lost."""
    emulator.make(*names(2))
    home.insert(*names(2))
    emulator.fault("code", code=2049)
    home.sweep(3)
    emulator.clear_faults()
    home.insert(*(f"no id {number}!" for number in range(3)), cloned_at=ago(days=6))
    home.age(timedelta(minutes=15))
    home.run("run")
    assert {home.voice(name)["status"] for name in names(2)} == {"kept"}


def test_voice_that_always_fails_stops_nothing(home: Home, emulator: Emulated) -> None:
    """If one voice's errors held the others up, a single bad clone would cost the whole account."""
    home.set("accounts.main", max_concurrency=1)
    emulator.fault("code", code=1000, voice_id="voice-always-bad")
    emulator.fault("html", voice_id="voice-always-page")
    emulator.make("voice-always-bad", "voice-always-page", *names(5))
    home.insert("voice-always-bad", "voice-always-page", cloned_at=ago(days=6))
    home.insert(*names(5))
    home.sweep(1)
    assert home.statuses() == {"kept": 5, "waiting": 2}


def test_voice_that_always_blocks_stops_its_account_only_for_a_while(home: Home, emulator: Emulated) -> None:
    """If the one voice that answers "blocked" were every probe, all others of the account would die behind it."""
    home.set("accounts.main", max_concurrency=1)
    emulator.fault("code", code=2038, voice_id="voice-always-blocked")
    emulator.make("voice-always-blocked", *names(5))
    home.insert("voice-always-blocked", cloned_at=ago(days=6))
    home.insert(*names(5))
    home.sweep(3)
    for _ in range(3):
        home.age(timedelta(minutes=15))
        home.run("run")
        if home.statuses()["kept"] == 5:
            break
    assert home.statuses() == {"kept": 5, "waiting": 1}
    home.age(timedelta(minutes=15))
    home.sweep(1)
    assert home.voice("voice-always-blocked")["attempts"] > 0, "it is the voice's own trouble, not its account's"
