"""The units and the crontab: systemd and cron take them as they are, and they do what their comments say."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.triggers.cron import CronTrigger

from tests.docs.documents import HOUSE, INSTALLED, UNITS, blocks, read, require, section, settings_of_unit
from voicekeeper.core.errors import UsageError

SERVICES = UNITS[:2]
DROP_INS = ("alert-url.conf", "registry-url.conf")
GUIDE = "docs/deploy.md"
#: In hundredths of systemd's own ten; what a service with network and disk cannot give up is 11.
MOST_EXPOSED = 15


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with a command that is really there: a script that ends with the code in the file `code`."""
    command = tmp_path / "voicekeeper"
    command.write_text(f"#!/bin/sh\nexit $(cat {tmp_path}/code)\n")
    command.chmod(0o755)
    for unit in UNITS:
        text = read(f"deploy/systemd/{unit}").replace(INSTALLED, str(command))
        (tmp_path / unit).write_text(text)
    for service in SERVICES:
        (tmp_path / f"{service}.d").mkdir()
        for drop_in in DROP_INS:
            shutil.copy(HOUSE / "deploy/systemd" / drop_in, tmp_path / f"{service}.d")
    return tmp_path


def test_systemd_has_nothing_to_say(installed: Path):
    """A mistyped setting would be ignored by systemd with a line in the journal that nobody reads."""
    files = [str(installed / unit) for unit in UNITS]
    done = subprocess.run([require("systemd-analyze"), "verify", *files], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_locked_up(service: str, installed: Path):
    """A hole in the program or in one of its libraries would open more of the machine than it must."""
    command = [require("systemd-analyze"), "security", "--offline=true", f"--threshold={MOST_EXPOSED}"]
    done = subprocess.run([*command, str(installed / service)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_services_run_alike():
    """The one-shot would run with another user, state or lock than the daemon, and find no registry or no key."""
    own = {"Type", "ExecStart", "ExecReload", "ExecCondition", "ExecStartPre", "TimeoutStartSec", "SuccessExitStatus"}
    own |= {"NotifyAccess", "Restart", "RestartSec", "RestartPreventExitStatus", "WatchdogSec"}
    daemon, once = (
        [(key, value) for part, key, value in settings_of_unit(unit) if part == "Service" and key not in own]
        for unit in SERVICES
    )
    assert daemon == once


def test_a_broken_configuration_does_not_restart_for_ever():
    """The daemon would be started again and again although only its owner can mend it."""
    settings = {key: value for _, key, value in settings_of_unit("voicekeeper.service")}
    assert settings["RestartPreventExitStatus"] == str(UsageError.exit_code)
    assert settings["Restart"] == "on-failure"
    assert settings["ExecStartPre"].startswith("-")  # systemd looks at the main process's exit code only


@pytest.mark.parametrize(("code", "skipped"), [(0, False), (1, True), (2, False), (75, False)])
def test_only_nothing_to_do_skips_a_run(code: int, skipped: bool, installed: Path):  # noqa: FBT001 - a table's column
    """A registry that is away would look like one with nothing due, or nothing due would not skip the run."""
    lines = (installed / "voicekeeper-run.service").read_text().splitlines()
    condition = next(line.partition("=")[2] for line in lines if line.startswith("ExecCondition="))
    script = condition.removeprefix("/bin/sh -c '").removesuffix("'").replace("$$", "$")
    (installed / "code").write_text(str(code))
    done = subprocess.run(["/bin/sh", "-c", script], check=False)
    clean = {"0"} | {
        value for _, key, value in settings_of_unit("voicekeeper-run.service") if key == "SuccessExitStatus"
    }
    assert (str(done.returncode) not in clean) is skipped


def test_the_timer_starts_the_run():
    """The timer would start something else, or forget what the machine slept through."""
    settings = {key: value for _, key, value in settings_of_unit("voicekeeper-run.timer")}
    assert "Unit" not in settings  # so systemd takes the service of the same name
    assert settings["Persistent"] == "true"


def crontab(text: str) -> list[str]:
    """The lines of a crontab that start something."""
    return [line for line in text.splitlines() if line[:1] in {"*", "@"} or line[:1].isdigit()]


def test_the_crontab_starts_a_sweep_every_ten_minutes():
    """Cron would refuse the line, or start it too seldom for the retries of the last hour."""
    (line,) = crontab(read("deploy/cron/voicekeeper"))
    *fields, user, command = line.split(maxsplit=6)
    assert user == "voicekeeper"
    assert command.startswith(f"{INSTALLED} --config /etc/voicekeeper/config.toml run --quiet")
    assert "%" not in line  # cron takes it for the end of the line
    trigger, now = CronTrigger.from_crontab(" ".join(fields), timezone=UTC), datetime.now(UTC)
    first = trigger.get_next_fire_time(None, now)
    second = trigger.get_next_fire_time(first, first + timedelta(seconds=1))
    assert second - first == timedelta(minutes=10)


def test_the_readme_shows_the_same_line():
    """The README's line would do something else than the file beside it."""
    (line,) = crontab(read("deploy/cron/voicekeeper"))
    (shown,) = crontab(blocks(section("README.md", "cron"), "")[0])
    assert shown == line.replace(" voicekeeper ", " ", 1)


def test_cron_reads_the_file():
    """cron.d ignores files with a dot in their name, and a last line that does not end."""
    path = HOUSE / "deploy/cron/voicekeeper"
    assert "." not in path.name
    assert path.read_text().endswith("\n")


def test_the_guide_installs_every_file(tmp_path: Path):
    """A unit would be missing after the guide's own commands."""
    words = section(GUIDE, "Start it")
    for kind in ("service", "timer"):
        assert f"deploy/systemd/voicekeeper*.{kind}" in words
    shutil.copytree(HOUSE / "deploy/systemd", tmp_path / "units")
    taken = {path.name for kind in ("service", "timer") for path in (tmp_path / "units").glob(f"voicekeeper*.{kind}")}
    assert taken == set(UNITS)
    assert {path.name for path in (tmp_path / "units").iterdir()} - taken == {"config.toml", *DROP_INS}
    assert all(f"deploy/systemd/{name}" in read(GUIDE) for name in ("config.toml", *DROP_INS))


def test_the_guide_hands_over_what_the_units_ask_for():
    """A unit would not start, because a file that it names is not there."""
    for unit in (*SERVICES, *DROP_INS):
        wanted = [value.partition(":")[2] for _, key, value in settings_of_unit(unit) if key == "LoadCredential"]
        assert wanted
        assert all(f"/dev/stdin {path}" in read(GUIDE) for path in wanted)


def test_the_guide_tells_how_exposed_the_services_are(installed: Path):
    """The guide would promise a tighter lock than there is."""
    told = re.search(r"gives them ([\d.]+) of 10", " ".join(read(GUIDE).split()))
    assert told
    command = [require("systemd-analyze"), "security", "--offline=true", f"--threshold={float(told[1]) * 10:g}"]
    for service in SERVICES:
        assert subprocess.run([*command, str(installed / service)], capture_output=True, check=False).returncode == 0


def test_the_guide_tells_the_same_exit_codes():
    """Somebody would look for the mend of another trouble than they have."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", section("README.md", "Exit codes"), re.MULTILINE)
    told = re.findall(r"^\| (\d+) \| ([^|]+) \|", section(GUIDE, "When something is wrong"), re.MULTILINE)
    assert told[: len(rows)] == rows
    assert all(meaning.startswith("systemd: ") for _, meaning in told[len(rows) :])


def test_the_guide_tells_the_units_times():
    """Somebody would wait for a restart or a skip that comes at another time."""
    daemon = {key: value for _, key, value in settings_of_unit("voicekeeper.service")}
    told = " ".join(section(GUIDE, "Start it").split())
    assert (daemon["RestartSec"], "30 seconds after a failure" in told) == ("30s", True)
    assert (daemon["WatchdogSec"], "no sweep for 15 minutes" in told) == ("15min", True)
    assert (daemon["TimeoutStopSec"], "`timeout` is above 3 minutes" in told) == ("3min", True)
