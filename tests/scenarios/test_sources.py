"""The owner's own database as a way in: from its table to the kept voice, with the command as it is installed."""

import signal
import sqlite3
from contextlib import closing

import pytest

from tests.scenarios.commands import Emulated, Home, ago, events, let_pass, names
from tests.scenarios.serving import serving
from tests.scenarios.sinks import Webhook

QUERY = "SELECT voice_id, created_at AS cloned_at, wish AS intent FROM own_voices"


class Application:
    """An application with a database of its own, beside the configuration."""

    def __init__(self, home: Home) -> None:
        self.file = home.folder / "app.db"
        self.run("CREATE TABLE own_voices (voice_id TEXT, created_at TEXT, wish TEXT)")
        home.set("sources.app", url="sqlite:///app.db", query=QUERY, account="main")

    def run(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.file, timeout=20)) as connection, connection:
            connection.execute(statement, values)

    def clone(self, *voice_ids: str, wish: str | None = None) -> None:
        for voice_id in voice_ids:
            self.run("INSERT INTO own_voices VALUES (?, ?, ?)", voice_id, ago(hours=1), wish)


@pytest.fixture
def application(home: Home) -> Application:
    return Application(home)


def test_a_voice_in_the_owners_database_is_kept(home: Home, emulator: Emulated, application: Application) -> None:
    """If a source needed anything but its section, its voices would be deleted after a week."""
    emulator.make(*names(3))
    application.clone(*names(2))
    application.clone(names(3)[2], wish="hold")
    before = application.file.read_bytes()
    assert home.run("needs-keeping").returncode == 0, "only a sweep can tell"
    assert "nothing is due" in home.run("run", "--dry-run").stdout
    home.sweep(0)
    home.sweep(0)
    assert emulator.spoken() == emulator.paid() == {names(2)[0]: 1, names(2)[1]: 1}
    assert home.statuses() == {"kept": 2, "waiting": 1}
    application.run("UPDATE own_voices SET wish = 'keep'")
    home.sweep(0)
    assert home.statuses() == {"kept": 3}
    application.run("UPDATE own_voices SET wish = 'hold' WHERE voice_id <> ?", names(3)[2])
    assert before != application.file.read_bytes()
    assert sorted(path.name for path in home.folder.glob("app.db*")) == ["app.db"]


def test_a_persons_hold_stands(home: Home, emulator: Emulated, application: Application) -> None:
    """If each sweep followed the source anew, nobody could stop a payment at the command line."""
    emulator.make(*names(1))
    application.clone(*names(1), wish="hold")
    home.sweep(0)
    application.run("UPDATE own_voices SET wish = 'release'")
    home.sweep(0)
    assert home.voice(names(1)[0])["intent"] == "release"
    home.run("hold", names(1)[0])
    home.sweep(0)
    assert home.voice(names(1)[0])["intent"] == "hold"


def test_a_broken_source_is_told_and_stops_nothing(
    home: Home, emulator: Emulated, application: Application, webhook: Webhook
) -> None:
    """If a mistyped column stopped the sweep or went unsaid, all voices would die, or the new ones."""
    home.variables["DOWN_URL"] = "postgresql://me:hunter2secret@127.0.0.1:9/app"
    home.set("sources.down", url="env:DOWN_URL", query="SELECT 1", account="main")
    home.set("sources.app", query=QUERY.replace("wish AS intent", "wish"))
    emulator.make(*names(2))
    home.insert(names(1)[0])
    application.clone(names(2)[1])
    home.sweep(0)
    assert home.statuses() == {"kept": 1}
    done = home.sweep(0)
    failed = {event["name"]: event for event in events(done.stderr) if event["event"] == "source.failed"}
    assert failed.keys() == {"app", "down"}
    assert failed["app"]["level"] == "error"
    assert len(webhook.messages) == 1
    assert "Source app" in webhook.messages[0]["message"]
    home.set("sources.app", query=QUERY)
    home.variables["DOWN_URL"] = "sqlite:///app.db"
    home.set("sources.down", query=QUERY)
    let_pass(home, minutes=5)
    home.sweep(0)
    assert home.statuses() == {"kept": 2}
    assert [title.partition(":")[2].startswith(" resolved: ") for title in webhook.titles] == [False, True]
    assert "hunter2secret" not in f"{webhook.messages}{done.stderr}{done.stdout}"


def test_check_says_what_is_wrong_with_a_source(home: Home, application: Application) -> None:
    """If `check` passed over sources, a mistyped one would be found when its voices are gone."""
    application.clone(*names(2))
    url = "postgresql://me:hunter2secret@127.0.0.1:9/app"
    home.set("sources.down", url=url, query="SELECT 1", account="main")
    home.set("sources.odd", url="sqlite:///app.db", query="SELECT 'no id!' AS id, '2026-01-01' AS time", account="main")
    home.set("sources.wrong", url="sqlite:///app.db", query="SELECT voice_id FROM theirs", account="main")
    done = home.run("check")
    assert done.returncode == 2
    lines = {line.partition(": ")[0].split(maxsplit=1)[1]: line for line in done.stdout.splitlines()}
    assert lines["source app"].startswith("ok")
    assert "2 rows" in lines["source app"]
    assert lines["source down"].startswith("error")
    assert "is the server running" in lines["source down"]
    assert lines["source odd"].startswith("warning")
    assert "no id!" in lines["source odd"]
    assert "correct the query" in lines["source wrong"]
    assert lines["sources.down.url"].startswith("warning"), "the password stands in the file itself"
    assert "sources.app.url" not in lines
    assert "hunter2secret" not in done.stdout + done.stderr
    assert home.statuses() == {}


def test_the_daemon_follows_a_source_and_its_configuration(
    home: Home, emulator: Emulated, application: Application
) -> None:
    """If the daemon read its sources at the start only, voices would be kept by its restarts."""
    home.set("serve", sweep_every="1s")
    emulator.make(*names(3))
    application.clone(names(3)[0])
    with serving(home) as daemon:
        assert daemon.wait_for("voice.kept")["voice_id"] == names(3)[0]
        application.clone(names(3)[1])
        assert daemon.wait_for("voice.kept", 2)["voice_id"] == names(3)[1]
        application.run("CREATE TABLE more AS SELECT * FROM own_voices")
        application.run("UPDATE more SET voice_id = ?", names(3)[2])
        home.set("sources.app", query=QUERY.replace("own_voices", "more"))
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.wait_for("voice.kept", 3)["voice_id"] == names(3)[2]
        daemon.end()
