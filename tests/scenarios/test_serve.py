"""The daemon: what it keeps and when, what signals do to it, what it says of its health."""

import asyncio
import os
import re
import signal
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from tests.scenarios.commands import SPARE, Emulated, Home, ago, until
from tests.scenarios.gate import holding_answers
from tests.scenarios.serving import serving
from voicekeeper import config
from voicekeeper.daemon import Daemon

VOICE = "voice-one-1"


@pytest.fixture(autouse=True)
def seldom(home: Home) -> None:
    """Regular sweeps are too rare to be what a scenario sees."""
    home.set("serve", sweep_every="1h")


async def serve_here(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve in this process, until SIGTERM."""
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    await Daemon(lambda: config.load(home.config, secrets=True), home.folder).serve()


def test_keeps_at_start_and_each_voice_when_it_comes_due(home: Home, emulator: Emulated) -> None:
    """If the daemon only looked every sweep_every, keep_after would be kept an hour late."""
    home.set("accounts.main", keep_after="24h")
    emulator.make(VOICE, "voice-soon-1")
    home.insert(VOICE, cloned_at=ago(hours=30))
    home.insert("voice-soon-1", cloned_at=ago(hours=24, seconds=-5))
    with serving(home) as daemon:
        assert daemon.wait_for("voice.kept")["voice_id"] == VOICE
        assert daemon.wait_for("voice.kept", 2)["voice_id"] == "voice-soon-1"
        assert emulator.spoken() == emulator.paid() == {VOICE: 1, "voice-soon-1": 1}
        daemon.end()


async def test_a_long_sweep_goes_on_round_after_round(
    home: Home, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If rounds waited for the next regular sweep, a long backlog would be worked for a part of the time only."""
    monkeypatch.setattr("voicekeeper.ticking.ROUND", timedelta(seconds=0.1))
    voices = [f"voice-number-{number}" for number in range(6)]
    emulator.make(*voices)
    emulator.fault("slow", seconds=0.3)
    home.set("accounts.main", max_concurrency=1)
    home.insert(*voices)
    daemon = asyncio.create_task(serve_here(home, monkeypatch))
    await asyncio.to_thread(until, lambda: home.statuses() == {"kept": len(voices)}, 40)
    os.kill(os.getpid(), signal.SIGTERM)
    await daemon


async def test_a_voice_that_comes_due_while_a_round_is_ending_is_kept_then(
    home: Home, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If telling people took long, what came due meanwhile would wait for the next regular sweep."""

    async def slow(*_: object) -> None:
        await asyncio.sleep(4)

    monkeypatch.setattr("voicekeeper.alarm.RegistryAlarm.works", slow)
    home.set("accounts.main", keep_after="24h")
    emulator.make(VOICE)
    home.insert(VOICE, cloned_at=ago(hours=24, seconds=-3))
    daemon = asyncio.create_task(serve_here(home, monkeypatch))
    await asyncio.to_thread(until, lambda: home.statuses() == {"kept": 1})
    os.kill(os.getpid(), signal.SIGTERM)
    await daemon


@pytest.mark.parametrize("piece", ["wiring.App.round", "alarm.RegistryAlarm.works", "ticking.Ticks.watch_clock"])
async def test_a_mistake_in_any_piece_ends_the_daemon(home: Home, monkeypatch: pytest.MonkeyPatch, piece: str) -> None:
    """If it went on half alive, nothing would start it again, and nothing would be kept."""

    async def broken(*_: object) -> None:
        raise RuntimeError(piece)

    monkeypatch.setattr(f"voicekeeper.{piece}", broken)
    with pytest.raises(RuntimeError, match=piece):
        await asyncio.wait_for(serve_here(home, monkeypatch), 20)


def test_keeps_a_voice_added_meanwhile_with_the_next_sweep(home: Home, emulator: Emulated) -> None:
    """If a running daemon did not see what an application inserts, only restarts would keep voices."""
    home.set("serve", sweep_every="1s")
    emulator.make(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        home.insert(VOICE)
        assert daemon.wait_for("voice.kept")["voice_id"] == VOICE
        daemon.end()


def test_first_sigterm_drains(home: Home, emulator: Emulated) -> None:
    """If SIGTERM cut a call, every deployment would leave voices of which nobody knows whether they are kept."""
    emulator.make(VOICE, "voice-two-2")
    home.set("accounts.main", max_concurrency=1)
    home.insert(VOICE, "voice-two-2")
    with holding_answers(home) as gate, serving(home) as daemon:
        until(lambda: gate.reached)
        daemon.process.terminate()
        daemon.wait_for("serve.stopping")
        gate.open()
        daemon.ended()
        assert home.outcomes(VOICE) == ["kept"]
        assert home.voice("voice-two-2")["status"] == "waiting", "no other call is begun"
        assert home.voice("voice-two-2")["lease_owner"] is None
        assert len(emulator.calls()) == 1


def test_second_sigterm_ends_at_once(home: Home, emulator: Emulated) -> None:
    """If a hanging provider could hold a stopping daemon, systemd would kill it and its evidence."""
    emulator.make(VOICE)
    emulator.fault("hang")
    home.set("accounts.main", timeout="60s")
    home.insert(VOICE)
    with serving(home) as daemon:
        until(emulator.calls)
        daemon.process.terminate()
        daemon.wait_for("serve.stopping")
        daemon.process.terminate()
        daemon.process.wait(15)
        voice = home.voice(VOICE)
        assert home.outcomes(VOICE) == ["ambiguous"]
        assert (voice["last_outcome"], voice["lease_owner"]) == ("ambiguous", None)
        assert daemon.process.returncode == 0


def test_sighup_rereads_the_configuration(home: Home, emulator: Emulated) -> None:
    """If a new account needed a restart, or a typing mistake stopped the daemon, nobody would dare to reload."""
    emulator.make("voice-of-spare", key=SPARE)
    home.insert("voice-of-spare", account="spare")
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        whole = home.config.read_text(encoding="utf-8")
        home.config.write_text(whole + "\n[nonsense]\n", encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        assert "nonsense" in daemon.wait_for("config.refused")["problems"][0]
        daemon.wait_for("serve.ready", 2)
        assert daemon.get("/healthz").status_code == 200
        home.config.write_text(whole, encoding="utf-8")
        home.account("spare", api_key="env:SPARE_KEY")
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_for("voice.kept")["voice_id"] == "voice-of-spare"
        daemon.end()


def test_a_reload_changes_the_log(home: Home) -> None:
    """If the log needed a restart, whoever looks for a fault would have to end what they look at."""
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        home.set("log", format="console", level="debug")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: re.search(r"^\d\S+ \[info +\] serve\.ready", daemon.log.read_text("utf-8"), re.MULTILINE))
        home.set("log", format="json", level="error")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "config.reread" in daemon.log.read_text("utf-8").rpartition("serve.ready")[2])
        home.config.write_text("[nonsense]\n", encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("config.refused")
        daemon.end()
        assert len(daemon.events("serve.ready")) == 1


def test_a_reload_that_cannot_be_opened_keeps_the_old_configuration(home: Home) -> None:
    """If it ended the daemon, a mistyped alert address would stop all keeping, and systemd would not restart it."""
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        whole = home.config.read_text(encoding="utf-8")
        home.config.write_text(whole + '\n[alerts]\nurls = ["slak://typo/x"]\n', encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        assert "alerts.urls[0]" in daemon.wait_for("config.refused")["problems"][0]
        daemon.wait_for("serve.ready", 2)
        assert daemon.get("/healthz").status_code == 200
        daemon.end()


def test_health_and_readiness(home: Home) -> None:
    """If /readyz were green without a registry, the monitor would see nothing until voices are lost."""
    home.set("serve", sweep_every="1s")
    with serving(home) as daemon:
        daemon.wait_for("sweep.finished")
        assert until(lambda: daemon.get("/readyz").status_code == 200)
        hidden = home.registry.rename(home.folder / "hidden.db")
        assert until(lambda: daemon.get("/readyz").status_code == 503)
        assert "no registry" in daemon.get("/readyz").json()["reason"]
        assert daemon.get("/healthz").status_code == 200, "the process lives, and restarting it helps nobody"
        hidden.rename(home.registry)
        assert until(lambda: daemon.get("/readyz").status_code == 200)
        daemon.end()


def test_what_stops_it_from_starting(home: Home) -> None:
    """If a daemon started half, its supervisor would take it for healthy."""
    with serving(home) as daemon:
        listen = daemon.wait_for("serve.listening")["url"].removeprefix("http://")
        home.set("serve", listen=listen)
        taken = home.run("serve")
        daemon.end()
    assert taken.returncode == 2
    assert f"cannot listen on {listen}" in taken.stderr
    home.registry.unlink()
    missing = home.run("serve")
    assert missing.returncode == 75
    assert "voicekeeper migrate" in missing.stderr


def test_a_reload_takes_effect_while_the_registry_is_away(home: Home) -> None:
    """If it were put off until then, who moves to another server would wait for the one that died."""
    other = home.folder / "other.db"
    other.write_bytes(home.registry.read_bytes())
    with closing(sqlite3.connect(home.registry, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with serving(home) as daemon:
            daemon.wait_for("registry.unavailable")
            home.set("registry", url="sqlite:///mistyped.db")
            daemon.process.send_signal(signal.SIGHUP)
            assert "mistyped.db" in daemon.wait_for("config.refused")["problems"][0]
            home.set("registry", url="sqlite:///other.db")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("sweep.finished")
            daemon.end()


def test_probes_a_paused_account_by_itself(home: Home, emulator: Emulated) -> None:
    """If a daemon forgot a paused account, money on it would change nothing until the next regular sweep."""
    emulator.change_key(balance=0)
    emulator.make(VOICE)
    home.insert(VOICE)
    with serving(home) as daemon:
        daemon.wait_for("account.paused")
        daemon.wait_for("sweep.finished")
        daemon.end()
    emulator.change_key(balance=100)
    home.age(timedelta(minutes=1))
    with serving(home) as daemon:
        daemon.wait_for("account.resumed")
        assert home.voice(VOICE)["status"] == "kept"
        daemon.end()
