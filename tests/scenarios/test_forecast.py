"""`voicekeeper forecast`: what will happen, what it costs, what cannot be saved, and what would change that."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.scenarios.commands import Emulated, Home, ago, names

SLOW = {"requests_per_minute": 0.5, "provider": "minimax-cn"}


@pytest.fixture
def ten(home: Home) -> Home:
    """Ten voices that are deleted in an hour; at a call in two minutes all of them can be kept."""
    home.set("accounts.main", **SLOW)
    home.insert(*names(10), cloned_at=ago(hours=167))
    return home


def test_all_that_can_be_saved_is_told_with_its_price(ten: Home) -> None:
    """Nobody would know what the next days cost, or how long a provider may be down."""
    told = ten.run("forecast").stdout
    assert "main: 10 waiting" in told
    assert re.search(r"10 calls until .*, 99\.00 CNY", told)
    assert "all are saved; the least time left at a call is 4" in told
    (main,) = ten.json("forecast")
    assert (main["calls"], main["cost"], main["unsavable"], main["remedies"]) == (10, 99.0, 0, [])
    assert 36 * 60 <= main["standstill_s"] <= 42 * 60
    assert sum(day["calls"] for day in main["days"]) == 10
    assert ten.statuses() == {"waiting": 10}
    assert ten.sql("SELECT count(*) AS n FROM voices WHERE due_at IS NULL") == [{"n": 10}], "looking plans nothing"


def test_what_cannot_be_saved_is_named_with_what_would_save_it(ten: Home) -> None:
    """The sum would not work out, and nobody would hear of it before the deadline."""
    ten.sql("UPDATE voices SET priority = 1 WHERE id <= 3")
    (main,) = ten.json("forecast", "--outage", "50m")
    lost = main["unsavable"]
    assert 4 <= lost <= 6
    named = set(main["unsavable_voices"])
    assert len(named) == lost
    assert not named & {f"main/{name}" for name in names(3)}, "who is worth more is saved"
    rate, release = main["remedies"]
    assert release["release"] == lost
    rpm = str(rate["requests_per_minute"])
    assert ten.json("forecast", "--outage", "50m", "--rpm", rpm)[0]["unsavable"] == 0
    assert ten.json("forecast", "--outage", "50m", "--rpm", str(int(rpm) - 0.5))[0]["unsavable"] > 0
    told = ten.run("forecast", "--outage", "50m").stdout
    assert f"{lost} cannot be saved, the first at" in told
    assert f"requests_per_minute = {rpm}" in told


def test_a_budget_that_is_too_small_is_told_with_the_one_that_is_not(home: Home) -> None:
    """The owner would raise it by guess, and again the next day."""
    home.set("accounts.main", budget_per_month=19.8)
    home.insert(*names(4), cloned_at=ago(hours=160))
    (main,) = home.json("forecast")
    if main["unsavable"]:  # in a month's last hours the next one's budget comes in time
        assert main["remedies"][0]["budget_per_month"] == 39.6
    (free,) = home.json("forecast", "--budget-per-month", "39.6")
    assert free["unsavable"] == 0
    assert home.json("forecast", "--budget", "0")[0]["unsavable"] == 4


def test_voices_that_are_not_there_yet_can_be_asked_about(home: Home) -> None:
    """Whether an import of thousands will work out would be known after it."""
    home.set("accounts.main", **SLOW)
    (main,) = home.json("forecast", "--add", "6000@1h", "--add", "2@36h", "--horizon", "1h30m")
    assert main["waiting"] == 6002
    assert 12 <= main["calls"] <= 15
    assert main["unsavable"] > 1000
    assert home.run("forecast", "--add", "5@never").returncode == 2
    past = home.run("forecast", "--add", "5@2020-01-01")
    assert (past.returncode, "is too long ago" in past.stderr) == (2, True)
    assert home.run("forecast", "--add", "many").returncode == 2
    assert home.run("forecast", "--account", "nobody").returncode == 2
    rate = home.run("forecast", "--rpm", "nan")
    assert (rate.returncode, "nan is not a number" in rate.stderr) == (2, True)


def test_it_is_drawn(ten: Home) -> None:
    """A picture would be empty, unreadable, or in no file at all."""
    assert ten.run("forecast", "--plot", "line.svg", "--add", "5@1h").returncode == 0
    words = "".join(ET.parse(ten.folder / "line.svg").getroot().itertext())  # noqa: S314 - our own file
    assert "main" in words
    assert ten.run("forecast", "--plot", "line.png").returncode == 0
    assert (ten.folder / "line.png").read_bytes().startswith(b"\x89PNG")
    wrong = ten.run("forecast", "--plot", "line.doc")
    assert (wrong.returncode, Path(ten.folder / "line.doc").exists()) == (2, False)
    assert "ends in .svg or .png" in wrong.stderr
    assert ten.run("forecast", "--plot", "no/such/folder.svg").returncode == 2


def test_what_was_told_is_what_happens(home: Home, emulator: Emulated) -> None:
    """The money that was told would not be the money that is spent."""
    home.set("accounts.main", budget_per_day=29.7)
    emulator.make(*names(5))
    home.insert(*names(5))
    today = home.json("forecast")[0]["days"][0]
    assert "days are those of" not in home.run("forecast").stdout
    home.set("accounts.main", time_zone="Asia/Shanghai")
    assert "; the days are those of Asia/Shanghai, all times UTC\n" in home.run("forecast").stdout
    home.set("accounts.main", time_zone="UTC")
    home.sweep(1)
    assert today["calls"] == 3
    assert home.json("spend")[0]["paid"] == today["cost"] == 29.7
