"""docs/policies.md: its table is what `python -m bench.policies` computes, as far as that is quick."""

from datetime import timedelta

import pytest

from bench.policies import OUTAGES, POLICIES, lost, quiet
from tests.docs.documents import section

_ROWS = [
    [cell.strip(" `") for cell in line.strip("|").split("|")]
    for line in section("docs/policies.md", "What that risks and saves").splitlines()
    if line.startswith("|") and not line.startswith("|--")
]
TABLE = {row[0]: dict(zip(_ROWS[0], row, strict=True)) for row in _ROWS[1:]}


def _hours(outage: timedelta) -> str:
    return f"lost, {outage // timedelta(hours=1)} h outage"


def test_each_policy_has_its_row_and_each_outage_its_column() -> None:
    """People would choose a policy by figures of another one, or find none."""
    assert list(TABLE) == list(POLICIES)
    assert _ROWS[0] == ["keep_after", *map(_hours, OUTAGES), "least time left", "saved"]


@pytest.mark.parametrize("name", POLICIES)
def test_the_time_and_the_money_are_what_is_computed(name: str) -> None:
    """People would wait for money that is not saved, or with less time left than they think."""
    assert (TABLE[name]["least time left"], TABLE[name]["saved"]) == quiet(POLICIES[name])


@pytest.mark.parametrize(("name", "number"), [("24h", 4), ("half-life", 4), ("spread", 2), ("latest-safe", 1)])
def test_the_risk_is_what_is_computed(name: str, number: int) -> None:
    """People would take a risk that nobody has told them of."""
    assert TABLE[name][_hours(OUTAGES[number])] == lost(POLICIES[name], OUTAGES[number])
