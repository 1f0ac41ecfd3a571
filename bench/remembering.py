"""Resident memory of `voicekeeper run` over many due voices against few: a sweep holds pages, not the registry."""

import subprocess
import sys

from bench.answering import answering
from bench.bulk import add_due
from bench.figures import Bound, Figure, alternate
from bench.registries import registry
from bench.starting import COMMAND

_BOUND = Bound(1.3)
#: Runs a command and prints its exit code and the largest memory it had, in KiB. A process of its own, because Linux
#: lets a process begin with its parent's largest, which here would be the benchmark's.
_WATCH = """
import os, sys
null = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def measure(*, quick: bool) -> list[Figure]:
    """Return the one figure."""
    few, many, rounds = (100, 2_000, 1) if quick else (100, 10_000, 1)
    large, small = alternate(lambda: _run(many), lambda: _run(few), rounds)
    sides = f"{large / 1024:.1f} MiB, {small / 1024:.1f} MiB; {many:,} due, {few:,} due"
    return [Figure("memory of run, many : few due", large / small, _BOUND, sides)]


def _run(count: int) -> float:
    """Keep that many voices with one run; return the KiB that it took."""
    with answering() as url, registry(provider=url) as made:
        add_due(made, count)
        command = (sys.executable, "-I", "-S", "-c", _WATCH, COMMAND, "--config", str(made.path), "run")
        watched = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    code, memory = map(int, watched.stdout.split())
    assert code == 0, f"voicekeeper run ended with {code}"
    return memory
