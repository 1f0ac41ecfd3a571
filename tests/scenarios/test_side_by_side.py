"""Several sweeps of one registry at once, and a sweep after a long sleep."""

from tests.scenarios.commands import Emulated, Home, ago, names


def test_two_sweeps_at_once_call_every_voice_once(home: Home, emulator: Emulated) -> None:
    """If two sweeps could take the same voice, every overlap of two crontabs would be paid twice."""
    _sweep_at_once(home, emulator, 2)


def test_four_sweeps_at_once_call_every_voice_once(home: Home, emulator: Emulated, registry_url: str) -> None:
    """If a database let four instances claim the same voice, no second machine could ever help."""
    home.set("registry", url=registry_url)
    _sweep_at_once(home, emulator, 4)


def _sweep_at_once(home: Home, emulator: Emulated, runs: int) -> None:
    ids = names(20)
    home.set("accounts.main", requests_per_minute=600)  # slow enough for all of them to take part
    emulator.make(*ids)
    file = home.folder / "voices.csv"
    file.write_text("voice_id,cloned_at\n" + "".join(f"{name},{ago(hours=1)}\n" for name in ids), encoding="utf-8")
    assert home.run("import", str(file), "--account", "main").returncode == 0
    ends = home.together(*[("run",)] * runs)
    assert {done.returncode for done in ends} <= {0, 75}, [done.stderr for done in ends]
    assert emulator.spoken() == emulator.paid() == dict.fromkeys(ids, 1)
    assert {voice["status"] for voice in home.json("list")} == {"kept"}


def test_sweep_after_nine_days_of_sleep(home: Home, emulator: Emulated) -> None:
    """If the clock alone lost voices, a machine that slept too long would give up what a provider still has."""
    there, gone, unlucky = names(12, "there"), names(12, "gone"), names(12, "unlucky")
    emulator.make(*there, *unlucky)  # a provider that deletes late
    for name in unlucky:
        emulator.fault("code", code=1000, voice_id=name, times=1)
    home.insert(*there, *gone, *unlucky, cloned_at=ago(days=9))
    home.sweep(4)
    assert emulator.spoken() == dict.fromkeys([*there, *gone, *unlucky], 1), "a last try is made on each"
    by_status = {
        status: {row["voice_id"] for row in home.sql("SELECT voice_id FROM voices WHERE status = ?", status)}
        for status in ("kept", "lost", "waiting")
    }
    assert by_status == {"kept": set(there), "lost": set(gone), "waiting": set(unlucky)}
    home.make_due()
    home.sweep(0)
    assert home.statuses() == {"kept": 24, "lost": 12}
