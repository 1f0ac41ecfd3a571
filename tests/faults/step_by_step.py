"""Sweeps that are killed before and after their call, at their first commit, their second, until one comes to its end.

`python step_by_step.py FOLDER` works FOLDER/1, FOLDER/2, … in turn, each with a configuration and a registry of its
own: each sweep is killed (SIGKILL) at its step, and then a whole sweep follows, after the dead one's lease. It prints
what each kill came at. Calls and commits are counted each by themselves, as they go on side by side.
"""

import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from voicekeeper.cli import main, run
from voicekeeper.providers import minimax
from voicekeeper.providers.gateways import Connection

_IMPORTED = (run, minimax)  # once, before the forks


def work(folder: Path) -> None:
    """Kill at one step after the other."""
    for number, (kind, nth) in enumerate(steps(), 1):
        here = folder / str(number)
        reading, writing = os.pipe()
        killed = os.WIFSIGNALED(forked(lambda: die_at(kind, nth, writing), here))  # noqa: B023 - called at once
        os.close(writing)
        with os.fdopen(reading) as said:
            print(number, said.read() if killed else "the end", flush=True)
        end_leases(here / "registry.db")
        assert forked(lambda: None, here) == 0
        if not killed:
            return


def steps() -> Iterator[tuple[str, int]]:
    """Yield what to die at, and at which of them."""
    yield "before a call", 1
    yield "after a call", 1
    yield from (("a commit", number) for number in count(1))


def forked(prepare: Callable[[], None], folder: Path) -> int:
    """Sweep in a process of its own; return how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    prepare()
    sys.argv = ["voicekeeper", "--config", str(folder / "voicekeeper.toml"), "run", "--quiet"]
    try:
        main()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    finally:
        os._exit(99)


def die_at(kind: str, nth: int, told: int) -> None:
    """Have this process kill itself at the nth step of a kind, and tell that it did."""
    seen = Counter[str]()

    def step(what: str) -> None:
        seen[what] += 1
        if what == kind and seen[what] == nth:
            os.write(told, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", lambda _: step("a commit"))
    speak = Connection.speak

    async def watched(*given: Any) -> Any:
        step("before a call")
        answer = await speak(*given)
        step("after a call")
        return answer

    vars(sys.modules[Connection.__module__])[Connection.__name__].speak = watched


def end_leases(registry: Path) -> None:
    connection = sqlite3.connect(registry)
    connection.execute("UPDATE voices SET lease_until = '2000-01-01 00:00:00.000000' WHERE lease_until IS NOT NULL")
    connection.commit()
    connection.close()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
