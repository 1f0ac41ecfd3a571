"""Ten thousand voices over four simulated weeks with the default mix of faults, against a minute of one core.

The one figure that is not a ratio of two things measured side by side: how quickly weeks pass is what makes thousands
of seeds possible. It counts this process's own time, so that other work on the machine does not.
"""

import time
from random import Random

from bench.figures import Bound, Figure
from tests.simulation.plan import DAY, HOUR, MINUTE, AccountPlan, HostPlan, Plan, VoicePlan
from tests.simulation.planning import faults_for
from tests.simulation.stage import play
from tests.simulation.trial import try_plan

_BOUND = Bound(1.0)
_MINUTE, _BATCH, _ACCOUNTS = 60.0, 100, 4


def measure(*, quick: bool) -> list[Figure]:
    """Return the time that four simulated weeks take, in minutes."""
    count = 1_000 if quick else 10_000
    play(_weeks(_BATCH))  # what a process pays once: the registry's template, the statements that SQLAlchemy compiles
    begun = time.process_time()
    trial = try_plan(_weeks(count))
    seconds = time.process_time() - begun
    assert not trial.broken, trial.broken[:3]
    kept, calls = len(trial.history.used), len(trial.history.calls)
    sides = f"{seconds:.1f} s, {_MINUTE:g} s; {count:,} voices, {kept:,} kept with {calls:,} calls"
    return [Figure("four simulated weeks : a minute", seconds / _MINUTE, _BOUND, sides)]


def _weeks(count: int) -> Plan:
    """Return a plan of voices imported in bulk over three weeks, of which the last live to the end of the fourth."""
    random = Random(count)  # noqa: S311 - not for secrets: a plan has to come out the same again
    batches = [random.uniform(0, 21 * DAY) for _ in range(count // _BATCH)]
    voices = tuple(
        VoicePlan(number % _ACCOUNTS, at - random.uniform(0, 12 * HOUR), at)
        for number, at in enumerate(at for at in sorted(batches) for _ in range(_BATCH))
    )
    accounts = (AccountPlan(rpm=600, real_rpm=600, concurrency=16),) * _ACCOUNTS
    hosts = (HostPlan("daemon", 5 * MINUTE), HostPlan("cron", 30 * MINUTE))
    bare = Plan(count, 7 * DAY, 0.0, accounts, hosts, voices, ())
    faults = tuple(fault for _ in range(24) for fault in faults_for(random, bare))
    return Plan(count, 7 * DAY, 0.0, accounts, hosts, voices, faults)
