"""What commands that only look print, and that looking changes nothing."""

import errno
import json
import os
import sys
from typing import Any

from tests.scenarios.commands import VOICEKEEPER, Emulated, Home, ago

HEAVY = ("httpx", "alembic", "apprise", "apscheduler", "starlette", "uvicorn", "prometheus_client")
COLUMNS = "PRAGMA table_info({})"


def _times(value: Any, name: str = "") -> list[str]:
    """Return every time in a JSON value, found by its name."""
    if isinstance(value, dict):
        return [time for key, inner in value.items() for time in _times(inner, key)]
    if isinstance(value, list):
        return [time for inner in value for time in _times(inner, name)]
    return [value] if isinstance(value, str) and name.endswith(("_at", "deadline", "until", "since")) else []


def test_json_is_named_like_the_columns_and_times_end_in_z(home: Home, emulator: Emulated) -> None:
    """If a name or a time changed its form, every script that reads it would break."""
    emulator.make("voice-one-1")
    home.insert("voice-one-1", "voice-gone-1", cloned_at=ago(days=1))
    home.sweep(1)
    columns = {table: {row["name"] for row in home.sql(COLUMNS.format(table))} for table in ("voices", "attempts")}
    lists = (("list",), ("list", "--status", "kept"), ("list", "--due-within", "1d"))
    done = home.together(*[(*words, "--json") for words in (*lists, ("show", "voice-one-1"), ("status",))])
    listed, kept, soon, shown, status = (json.loads(each.stdout) for each in done)
    assert {frozenset(voice) for voice in listed} == {frozenset(columns["voices"])}
    assert set(shown) - {"history"} == columns["voices"]
    assert {frozenset(row) for row in shown["history"]} == {frozenset(columns["attempts"])}
    assert (status["accounts"][0]["name"], status["accounts"][0]["kept"], status["accounts"][0]["waiting"]) == (
        "main",
        1,
        1,
    )
    assert [alert["severity"] for alert in status["alerts"]] == ["warning"]
    times = _times([listed, shown, status])
    assert len(times) > 15
    assert all(time.endswith("Z") for time in times)
    assert [voice["voice_id"] for voice in kept] == ["voice-one-1"]
    assert soon == []


def test_output_that_cannot_be_written_is_said(home: Home) -> None:
    """If a full disk or a closed output ended in a traceback, its reader would look for the mistake in voicekeeper."""
    for words in (("status", "--json"), ("--help",)):
        full = home.run(*words, before=("sh", "-c", 'exec "$0" "$@" > /dev/full'))
        assert (full.returncode, full.stderr) == (
            1,
            f"error: the output cannot be written: {os.strerror(errno.ENOSPC)}\n",
        )
    closed = home.run("spend", "--csv", before=("sh", "-c", 'exec "$0" "$@" >&-'))
    assert (closed.returncode, closed.stderr) == (0, "")


def test_dry_run_changes_nothing_and_calls_nobody(home: Home, emulator: Emulated) -> None:
    """If trying out cost money or moved a voice, nobody could look before they pay."""
    emulator.make("voice-one-1")
    home.insert("voice-one-1", "voice-two-2", cloned_at=ago(days=1))
    home.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    before = home.registry.read_bytes()
    printed, as_json = home.together(("run", "--dry-run"), ("run", "--dry-run", "--json"))
    assert "2 would be kept now; nothing was done" in printed.stdout
    assert '"voice_id": "voice-one-1"' in as_json.stdout
    assert (printed.returncode, as_json.returncode) == (0, 0)
    home.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert home.registry.read_bytes() == before
    assert home.run("needs-keeping").returncode == 0
    assert emulator.calls() == []


def test_nothing_due(home: Home) -> None:
    """If `needs-keeping` were always yes, systemd would start for nothing; if the dry run lied, so would cron."""
    needed, printed = home.together(("needs-keeping",), ("run", "--dry-run"))
    assert (needed.returncode, printed.returncode, printed.stdout) == (1, 0, "nothing is due\n")


def test_a_shorter_lifetime_is_a_reason_for_a_timed_run(home: Home, emulator: Emulated) -> None:
    """The timer would skip every run until the old deadline is near, days after the voice is gone."""
    emulator.make("voice-one-1")
    home.set("keep", keep_after="latest-safe")
    home.insert("voice-one-1", cloned_at=ago(days=2))
    home.sweep(0)
    assert home.run("needs-keeping").returncode == 1
    home.set("keep", lifetime="72h")
    assert home.run("needs-keeping").returncode == 0
    home.sweep(0)
    assert emulator.spoken() == {"voice-one-1": 1}
    assert home.run("needs-keeping").returncode == 1


def test_an_account_that_nobody_knows_is_refused(home: Home) -> None:
    """Mistyped, it would look as if nothing were lost, and nothing paid."""
    home.insert("voice-one-1", account="gone")
    done = home.together(*[(name, "--account", account) for name in ("list", "spend") for account in ("mian", "gone")])
    assert [one.returncode for one in done] == [2, 0, 2, 0]
    assert all('account "mian" is not configured (there is: main)' in one.stderr for one in done[::2])
    empty = home.together(("list", "--due-within", ""), ("list", "--account", ""), ("spend", "--since", ""))
    assert [one.returncode for one in empty] == [2, 2, 2], "a script's empty variable would ask for everything"


def test_a_name_in_two_accounts_has_to_be_told_apart(home: Home) -> None:
    """If one of two voices of a name were taken at random, the wrong one would be released."""
    home.account("spare", api_key="env:SPARE_KEY")
    home.insert("voice-one-1")
    home.insert("voice-one-1", account="spare")
    both = home.run("release", "voice-one-1")
    assert both.returncode == 2
    assert "main/voice-one-1, spare/voice-one-1" in both.stderr
    assert home.run("release", "spare/voice-one-1").returncode == 0
    assert {row["intent"] for row in home.sql("SELECT intent FROM voices WHERE account = 'main'")} == {"keep"}


def test_a_run_with_nothing_due_imports_little(home: Home) -> None:
    """If an idle cron run loaded HTTP clients and migrations, a minute's crontab would be the machine's main work."""
    done = home.run("run", before=(sys.executable, "-X", "importtime"))
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "voicekeeper" in imported
    assert not imported & set(HEAVY), VOICEKEEPER
