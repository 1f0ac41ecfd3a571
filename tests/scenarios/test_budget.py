"""Money: nothing is ever spent beyond a budget, what it stops waits and says so, and what was paid is shown."""

import csv
import io
from datetime import timedelta

from tests.scenarios.commands import Emulated, Home, ago, moment, names, read


def test_the_budget_is_never_exceeded_and_the_rest_waits(home: Home, emulator: Emulated) -> None:
    """If a budget could be overrun, or stopped voices were given up, neither money nor voices would be safe."""
    home.set("accounts.main", budget_per_day=25.0)
    emulator.make(*names(6))
    home.insert(*names(6))
    for done in home.together(("run",), ("run",)):
        assert done.returncode in (1, 75)
    assert sum(emulator.paid().values()) == 2, "two at 9.90 fit into 25"
    again = home.sweep(1)
    assert "main stopped: its budget is spent" in again.stderr
    assert again.stdout == "0 kept\n", "something was due"
    assert home.statuses() == {"kept": 2, "waiting": 4}
    for row in home.sql("SELECT id, started_at FROM attempts"):
        yesterday = moment(read(row["started_at"]) - timedelta(days=1))
        home.sql("UPDATE attempts SET started_at = ? WHERE id = ?", yesterday, row["id"])
    home.sweep(1)
    assert sum(emulator.paid().values()) == 4, "a new day brings its own budget"
    assert {row["cost"] for row in home.sql("SELECT cost FROM attempts")} == {9.9}


def test_what_a_budget_stops_says_so(home: Home, emulator: Emulated) -> None:
    """If a voice waited for money in silence, its owner would look for the mistake elsewhere."""
    home.set("accounts.main", budget_per_day=9.9, price_per_10k_characters=2.0, time_zone="Asia/Shanghai")
    emulator.make(*names(2))
    home.insert(*names(2), cloned_at=ago(hours=100))
    home.sweep(1)
    assert home.statuses() == {"waiting": 2}, "9.9 buys no keep for 9.9006"
    assert "main: its budget (0.00 of 9.90 CNY a day) is less than one voice costs" in home.run("status").stdout
    home.set("accounts.main", budget_per_day=9.95)
    home.sweep(1)
    assert home.statuses() == {"kept": 1, "waiting": 1}
    spent = "its budget is spent (9.9006 of 9.95 CNY a day) until"
    assert f"main: {spent}" in home.run("status").stdout
    assert f"waits        {spent}" in home.run("show", names(2)[1]).stdout
    (main,) = home.json("status")["accounts"]
    assert (main["budgets"]["day"]["limit"], main["budgets"]["day"]["committed"]) == (9.95, 9.9006)
    assert main["budgets"]["day"]["until"].endswith("T16:00:00Z"), "midnight in Shanghai"
    assert [row["last_error"] for row in home.sql("SELECT last_error FROM voices")] == [None, "its budget is spent"]
    assert "has not been tried yet: its budget is spent" in home.sql("SELECT body FROM alerts")[0]["body"]


def test_what_was_paid_is_shown_with_its_evidence(home: Home, emulator: Emulated) -> None:
    """If the sums or the evidence were wrong, a bill could be neither planned nor disputed."""
    home.set("accounts.main", price_per_10k_characters=2.0)
    emulator.make(*names(3))
    home.insert(*names(3))
    assert home.run("spend").stdout == "nothing was paid\n"
    home.sweep(0)
    home.sql("UPDATE voices SET label = '=1+1' WHERE id = 1")
    (month,) = home.json("spend", "--by", "month")
    assert (month["account"], month["keeps"], month["characters"], month["paid"]) == ("main", 3, 9, 29.7018)
    assert "in all: 29.7018 CNY" in home.run("spend").stdout
    rows = list(csv.DictReader(io.StringIO(home.run("spend", "--by", "label", "--csv").stdout)))
    assert [(row["label"], row["paid"]) for row in rows] == [("", "19.8012"), ("'=1+1", "9.9006")]
    calls = home.json("spend", "--calls")
    assert {call["voice_id"] for call in calls} == set(names(3))
    assert all(call["account"] == "m***n" and call["trace_id"] and call["characters"] == 3 for call in calls)
    assert [call["paid"] for call in calls] == [9.9006] * 3
    assert home.run("spend", "--since", "2100-01-01").stdout == "nothing was paid\n"
    assert home.run("spend", "--since", "yesterday").returncode == 2
