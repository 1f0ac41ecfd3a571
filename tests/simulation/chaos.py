"""`python -m tests.simulation.chaos`: play many seeds, print what each fault did, exit 1 where a promise was broken."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import get_args

from tests.simulation.history import History
from tests.simulation.plan import Kind, Plan
from tests.simulation.planning import SINGLE_VOICES, random_plan
from tests.simulation.promises import called_twice, lost, lost_savable, unwarned
from tests.simulation.trial import Trial, shrunk, try_seed

_NONE, _ALL = "none", "all"
#: What is no fault, but makes everything harder.
_CONDITIONS: dict[str, Callable[[Plan], bool]] = {
    "many instances": lambda plan: len(plan.hosts) > 1,
    "bulk import": lambda plan: len(plan.voices) > SINGLE_VOICES,
    "a daily budget": lambda plan: any(account.keeps_per_day for account in plan.accounts),
    "a rate too high": lambda plan: any(account.real_rpm < account.rpm for account in plan.accounts),
}
_ROW = "{:<15} {:>6} {:>9} {:>7} {:>8} {:>6} {:>13} {:>12} {:>7}"
_HEAD = ("FAULT", "SEEDS", "INJECTED", "VOICES", "SAVABLE", "LOST", "CALLED TWICE", "IN SILENCE", "ALERTS")


@dataclass(slots=True)
class Row:
    """What came of all simulations with one fault; `lost`, `twice` and `silent` have to be zero."""

    seeds: int = 0
    injected: int = 0
    voices: int = 0
    savable: int = 0
    lost: int = 0
    twice: int = 0
    silent: int = 0
    alerts: int = 0

    def add(self, other: "Row") -> None:
        """Add another row's numbers to this one's."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Outcome:
    """What is left of a trial for the table: its row, what was injected, and what it broke."""

    seed: int
    row: Row
    injected: dict[str, int]
    broken: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play seeds until the time is over, print the table, and shrink the first plan that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.chaos", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=20_000, help="how many seeds at most")
    parser.add_argument("--seconds", type=float, default=240.0, help="begin no seed after so long")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one seed and print everything that happened")
    asked = parser.parse_args(arguments)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # as voicekeeper itself has it
    if asked.replay is not None:
        return _replay(asked.replay)
    outcomes = [_told(one) for one in _play_all(range(asked.first, asked.first + asked.seeds), asked.seconds)]
    _print_table(table(outcomes), len(outcomes))
    if failing := [outcome for outcome in outcomes if outcome.broken]:
        print(f"the smallest plan that fails like seed {failing[0].seed}:\n{shrunk(random_plan(failing[0].seed))}")
    return 1 if failing or not outcomes else 0


def table(outcomes: Sequence[Outcome]) -> dict[str, Row]:
    """Return a row for each fault and condition, for the simulations without any fault, and for all together."""
    rows: dict[str, Row] = {name: Row() for name in (*get_args(Kind), *_CONDITIONS, _NONE, _ALL)}
    for outcome in outcomes:
        for name in (*(outcome.injected or (_NONE,)), *outcome.conditions, _ALL):
            rows[name].add(outcome.row)
            rows[name].injected += outcome.injected.get(name, 0)
        rows[_ALL].injected += sum(outcome.injected.values())
    return rows


def outcome_of(trial: Trial) -> Outcome:
    """Return what the table needs of a trial."""
    history = trial.history
    row = Row(
        seeds=1,
        voices=len(history.plan.voices),
        savable=len(trial.verdict.savable) + sum(crowd.could for crowd in trial.verdict.crowded.values()),
        lost=len(lost_savable(history, trial.verdict)),
        twice=len(called_twice(history)),
        silent=len(unwarned(history)),
        alerts=len(history.messages),
    )
    conditions = [name for name, holds in _CONDITIONS.items() if holds(history.plan)]
    return Outcome(history.plan.seed, row, history.injected, trial.broken, conditions)


def _play_all(seeds: range, seconds: float) -> Iterator[Outcome]:
    """Play seeds on every core; the first of them are always played, how slow the machine may be."""
    until = time.monotonic() + seconds
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(partial(_play_one, until), seeds, chunksize=4):
            if outcome is not None:
                yield outcome


def _told(outcome: Outcome) -> Outcome:
    """Print at once what was broken: an hour is long, and may be cut off."""
    if outcome.broken:
        print(f"seed {outcome.seed}: {'; '.join(outcome.broken[:3])}", flush=True)
    return outcome


def _play_one(until: float, seed: int) -> Outcome | None:
    return outcome_of(try_seed(seed)) if time.monotonic() < until else None


def _replay(seed: int) -> int:
    trial = try_seed(seed)
    history: History = trial.history
    print(history.plan, *history.events, f"trace {history.fingerprint}", sep="\n")
    print(f"lost: {sorted(lost(history))}; savable: {sorted(trial.verdict.savable)}; {trial.verdict.crowded}")
    print(*trial.broken, sep="\n")
    return 1 if trial.broken else 0


def _print_table(rows: dict[str, Row], count: int) -> None:
    print(f"{count} seeds")
    print(_ROW.format(*_HEAD))
    for name, row in rows.items():
        if row.seeds:
            print(_ROW.format(name, *(getattr(row, column) for column in Row.__slots__)))


if __name__ == "__main__":
    sys.exit(main())
