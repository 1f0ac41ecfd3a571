"""The installed command in a folder of its own, and the emulator beside it: all that scenarios are made of."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

#: The command as it was installed, beside the Python that runs the tests.
VOICEKEEPER = str(Path(sys.executable).with_name("voicekeeper"))
KEY = "sk-emulator"
SPARE = "sk-spare-one"
SPEECH, LIST = "/v1/t2a_v2", "/v1/get_voice"
_OURS = ("VOICEKEEPER_CONFIG", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

Done = subprocess.CompletedProcess[str]


class Emulated:
    """An emulator that runs as a process, by its control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_emulator", trust_env=False, timeout=10)

    def close(self) -> None:
        self._http.close()

    def reset(self) -> None:
        self._order("POST", "/reset", {})

    def make(self, *voice_ids: str, key: str = KEY, cloned_at: str | None = None) -> None:
        for voice_id in voice_ids:
            when = {"cloned_at": cloned_at} if cloned_at else {}
            self._order("POST", "/voices", {"voice_id": voice_id, "key": key, **when})

    def fault(self, kind: str, **details: object) -> None:
        self._order("POST", "/faults", {"kind": kind, "path": SPEECH, **details})

    def clear_faults(self) -> None:
        self._order("DELETE", "/faults", {})

    def change_key(self, key: str = KEY, **changes: object) -> None:
        self._order("PATCH", f"/keys/{key}", changes)

    def advance(self, by: timedelta) -> None:
        self._order("POST", "/clock", {"advance": by.total_seconds()})

    def calls(self, path: str = SPEECH) -> list[dict[str, Any]]:
        """Return the ledger's lines of one path."""
        ledger = self._order("GET", "/ledger", None)
        return [call for call in ledger["calls"] if call["path"] == path]

    def spoken(self) -> Counter[str]:
        """Return how many T2A calls each voice had, whatever came of them."""
        return Counter(call["voice_id"] for call in self.calls())

    def paid(self) -> Counter[str]:
        """Return how many T2A calls of each voice cost its clone fee."""
        return Counter(call["voice_id"] for call in self.calls() if call["fee"] > 1)

    def speak(self, voice_id: str, key: str = KEY) -> None:
        """Use a voice as somebody else than voicekeeper would."""
        body = {"model": "speech-2.8-turbo", "text": "Hello.", "voice_setting": {"voice_id": voice_id}}
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(self.url + SPEECH, json=body, headers=headers, trust_env=False)
        assert answer.json()["base_resp"]["status_code"] == 0, answer.text

    def _order(self, verb: str, path: str, body: object) -> Any:
        answer = self._http.request(verb, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def emulating(*options: str) -> Iterator[Emulated]:
    """Start `voicekeeper emulate` on a free port, with two keys that have money and hardly a limit."""
    command = [VOICEKEEPER, "emulate", "--key", KEY, "--key", SPARE, "--rpm", "100000", "--balance", "100000"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("emulating MiniMax on http://"), first
        emulated = Emulated(first.split()[3])
        try:
            yield emulated
        finally:
            emulated.close()
            process.terminate()


class Home:
    """A folder with a configuration and a registry, in which commands are run."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder, self.base_url = folder, base_url
        self.config, self.registry = folder / "voicekeeper.toml", folder / "registry.db"
        self.variables = {"SCENARIO_KEY": KEY, "SPARE_KEY": SPARE, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self._sections: dict[str, dict[str, object]] = {"registry": {"url": "sqlite:///registry.db"}}
        self.set("serve", listen="127.0.0.1:0")
        self.account("main")

    def account(self, name: str, **changes: object) -> None:
        """Configure an account at the emulator; a change to None takes a setting away."""
        usual = {
            "provider": "minimax-cn",
            "base_url": self.base_url,
            "api_key": "env:SCENARIO_KEY",
            "requests_per_minute": 60000,
            "timeout": "10s",
            "price_per_voice": 9.9,
            "currency": "CNY",
        }
        self.set(f"accounts.{name}", **usual | changes)

    def set(self, section: str, **values: object) -> None:
        """Change settings and write the configuration; JSON's strings, numbers and arrays are TOML's too."""
        self._sections.setdefault(section, {}).update(values)
        lines = []
        for name, settings in self._sections.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items() if value is not None]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name not in _OURS} | self.variables

    def run(self, *words: str, before: Sequence[str] = ()) -> Done:
        """Run one command to its end; `before` is a program that starts it."""
        command = [*before, VOICEKEEPER, *words]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start one command; `finished` waits for it."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [VOICEKEEPER, *words], cwd=self.folder, env=self.environment(), stdout=pipe, stderr=pipe, text=True
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the registry as another program does."""
        holder = sqlite3.connect(self.registry, isolation_level=None, timeout=10)
        try:
            holder.execute("BEGIN EXCLUSIVE")
            yield
        finally:
            holder.close()

    def together(self, *commands: Sequence[str]) -> list[Done]:
        """Run several commands at the same time."""
        return [finished(process) for process in [self.start(*words) for words in commands]]

    def sweep(self, code: int) -> Done:
        """Run a sweep and make sure how it ends."""
        done = self.run("run")
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *words: str) -> Any:
        """Run a reading command and return its JSON."""
        done = self.run(*words, "--json")
        return json.loads(done.stdout)

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run one statement on the registry, as another program would."""
        connection = sqlite3.connect(self.registry, timeout=20)
        try:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(statement, values)]
            connection.commit()
        finally:
            connection.close()
        return rows

    def insert(self, *voice_ids: str, account: str = "main", cloned_at: str | None = None) -> None:
        """Register voices with plain SQL and the least that is enough, as an application does."""
        connection = sqlite3.connect(self.registry, timeout=20)
        rows = [(account, voice_id, cloned_at or ago(hours=1)) for voice_id in voice_ids]
        connection.executemany("INSERT INTO voices (account, voice_id, cloned_at) VALUES (?, ?, ?)", rows)
        connection.commit()
        connection.close()

    def voice(self, voice_id: str) -> dict[str, Any]:
        return self.sql("SELECT * FROM voices WHERE voice_id = ?", voice_id)[0]

    def outcomes(self, voice_id: str) -> list[str | None]:
        """Return what came of each attempt with a voice, the oldest first."""
        query = "SELECT a.outcome FROM attempts a JOIN voices v ON v.id = a.voice WHERE v.voice_id = ? ORDER BY a.id"
        return [row["outcome"] for row in self.sql(query, voice_id)]

    def statuses(self) -> Counter[str]:
        return Counter(row["status"] for row in self.sql("SELECT status FROM voices"))

    def make_due(self) -> None:
        """Let every wait be over: of the voices, of a paused account's probe, of a throttled one's slot."""
        self.make_voices_due()
        self.sql("UPDATE accounts SET probe_at = NULL, slot_at = NULL")

    def make_voices_due(self) -> None:
        """Let the waits of the voices be over, but not those of their accounts."""
        self.sql("UPDATE voices SET due_at = ? WHERE due_at IS NOT NULL", moment(datetime.now(UTC)))

    def end_leases(self) -> None:
        """Let the leases of a dead instance run out."""
        self.sql("UPDATE voices SET lease_until = ? WHERE lease_until IS NOT NULL", moment(datetime.now(UTC)))

    def age(self, by: timedelta) -> None:
        """Let time pass for all waiting voices, by moving their times back."""
        rows = self.sql("SELECT id, cloned_at, deadline, warn_at, due_at, streak_since FROM voices")
        for row in rows:
            times = {name: value and moment(read(value) - by) for name, value in row.items() if name != "id"}
            names = ", ".join(f"{name} = ?" for name in times)
            self.sql(f"UPDATE voices SET {names} WHERE id = ?", *times.values(), row["id"])  # noqa: S608 - our own names
        self.sql("UPDATE accounts SET probe_at = NULL, slot_at = NULL")


def finished(process: subprocess.Popen[str], seconds: float = 60) -> Done:
    """Wait for a started command."""
    out, error = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def events(text: str) -> list[dict[str, Any]]:
    """Return the log's lines of what a command wrote to standard error."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def let_pass(home: Home, **span: float) -> None:
    """Let time pass for alerts and channels, by moving their times back."""
    for table, columns in {"alerts": ("next_at", "sent_at"), "channels": ("told_at", "retry_at", "digest_at")}.items():
        for row in home.sql(f"SELECT id, {', '.join(columns)} FROM {table}"):  # noqa: S608 - our own names
            for column in columns:
                if row[column]:
                    then = moment(read(row[column]) - timedelta(**span))
                    home.sql(f"UPDATE {table} SET {column} = ? WHERE id = ?", then, row["id"])  # noqa: S608 - likewise


def ago(**span: float) -> str:
    """Return a time in the past as an application writes it."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(at: datetime) -> str:
    """Return a time as the registry's SQLite file holds it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def read(text: str) -> datetime:
    """Read a time of the registry's SQLite file."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def until(look: Callable[[], T], seconds: float = 20) -> T:
    """Look until there is something to see, and return it."""
    last = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < last, "it never came"
        time.sleep(0.05)
    return found


def names(count: int, prefix: str = "voice") -> list[str]:
    """Return voice ids that MiniMax would take."""
    return [f"{prefix}-number-{number}" for number in range(count)]
