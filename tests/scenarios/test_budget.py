"""Money: nothing is ever spent beyond a budget, and what it stops waits."""

from datetime import timedelta

from tests.scenarios.commands import Emulated, Home, moment, names, read


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
    assert home.statuses() == {"kept": 2, "waiting": 4}
    for row in home.sql("SELECT id, started_at FROM attempts"):
        yesterday = moment(read(row["started_at"]) - timedelta(days=1))
        home.sql("UPDATE attempts SET started_at = ? WHERE id = ?", yesterday, row["id"])
    home.sweep(1)
    assert sum(emulator.paid().values()) == 4, "a new day brings its own budget"
    assert {row["cost"] for row in home.sql("SELECT cost FROM attempts")} == {9.9}
