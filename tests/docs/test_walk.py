"""The README's first five minutes, as they stand there, against the emulator; and its SQL on every database."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.docs.documents import blocks, inline, read, require, section
from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Voice
from voicekeeper.registry import planning, voices
from voicekeeper.registry.database import Database

COMMANDS = Path(sys.executable).parent
WALK = section("README.md", "Five minutes to the first kept voice")
INSTALL, MIGRATE, KEEP, EMULATE, CLONE = blocks(WALK, "sh")
CONFIGURATION = blocks(WALK, "toml")[0]
SHOWN = "http://127.0.0.1:8790"
#: A session of a program that does not live in UTC.
ABROAD = {"postgresql": "SET TIME ZONE 'Asia/Shanghai'", "mysql": "SET time_zone = '+08:00'"}
HEADINGS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL and MariaDB"}


@pytest.fixture
def emulator() -> Iterator[str]:
    """The README's emulator on a free port; its address."""
    words = EMULATE.replace("8790", "0").split()
    started = subprocess.Popen([COMMANDS / words[0], *words[1:]], stdout=subprocess.PIPE, text=True)
    assert started.stdout
    found = re.search(r"http://\S+", started.stdout.readline())
    assert found
    yield found[0]
    started.terminate()
    started.communicate(timeout=20)


def shell(script: str, folder: Path) -> str:
    """Run a block of the README as a reader would, and return what it printed."""
    path = f"{COMMANDS}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOICEKEEPER")}
    done = subprocess.run(
        [require("bash"), "-euc", script],
        cwd=folder,
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_five_minutes(emulator: str, tmp_path: Path):
    """A newcomer who follows the README would not get a kept voice."""
    require("curl")
    base_url = next(words for words in inline(WALK) if words.startswith("base_url"))
    configuration = re.sub(r"(?m)^(provider = .*)$", rf"\1\n{base_url}", CONFIGURATION)
    (tmp_path / "voicekeeper.toml").write_text(configuration.replace(SHOWN, emulator))
    shell(CLONE.replace(SHOWN, emulator), tmp_path)
    said = shell(MIGRATE + KEEP, tmp_path)
    assert "1 would be kept now" in said
    assert "1 kept (1 proven by the provider's list)" in said
    assert re.search(r"^main +open +0 +- +1 +0 +0$", said, re.MULTILINE)
    assert "9.9 CNY" in said
    assert calls(emulator) == 1


def calls(emulator: str) -> int:
    """How many T2A calls the emulator has seen."""
    with urllib.request.urlopen(f"{emulator}/_emulator/ledger") as answer:  # noqa: S310 - our own, on loopback
        return sum(call["path"].endswith("t2a_v2") for call in json.load(answer)["calls"])


def test_the_installation_is_from_this_checkout():
    """The README would install something else than what stands beside it."""
    assert ".venv/bin/pip install ." in INSTALL.splitlines()
    extras = re.search(
        r"^\[project.optional-dependencies\]\n(.*?)^\[", read("pyproject.toml"), re.DOTALL | re.MULTILINE
    )
    assert extras
    for extra in re.findall(r"'\.\[(\w+)\]'", WALK):
        assert re.search(rf"^{extra} = ", extras[1], re.MULTILINE)


@pytest.mark.parametrize("kind", HEADINGS)
def test_plain_sql_registers_in_utc(kind: str, request: pytest.FixtureRequest):
    """A program that copies the README's INSERT would register voices hours off, or not at all."""
    database = Database(request.getfixturevalue(f"{kind}_url"))
    before = datetime.now(UTC)
    try:
        with database.transaction() as connection:
            for statement in [ABROAD.get(kind, ""), *statements(HEADINGS[kind])]:
                if statement:
                    connection.exec_driver_sql(statement)
        database.call(planning.plan_some, {}, Policy())
        known, given = (only(database, name) for name in ("voice-0001", "voice-0002"))
    finally:
        database.close()
    assert given.deadline == datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert abs(known.cloned_at - before) < timedelta(minutes=2)


def statements(heading: str) -> list[str]:
    """The README's statements for one database."""
    block = next(body for body in blocks(read("README.md"), "sql") if body.startswith(f"-- {heading}\n"))
    return [line for line in block.splitlines() if not line.startswith("--")]


def only(database: Database, name: str) -> Voice:
    """The one voice of that name."""
    (voice,) = database.call(voices.find, name)
    return voice
