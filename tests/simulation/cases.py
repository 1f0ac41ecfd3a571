"""A small plan to which tests add what they are about."""

from tests.simulation.plan import DAY, MINUTE, AccountPlan, Fault, HostPlan, Plan, VoicePlan


def plan_of(
    *faults: Fault, hosts: int = 1, voices: int = 1, has_list: bool = True, tasks: bool = False, lifetime: float = DAY
) -> Plan:
    """Return a plan of a few voices, cloned at the beginning, with a short life and these faults."""
    return Plan(
        seed=1,
        lifetime=lifetime,
        keep_after=0.0,
        accounts=(AccountPlan(rpm=20, real_rpm=20, has_list=has_list and not tasks, tasks=tasks),),
        hosts=(HostPlan("daemon", 5 * MINUTE),) * hosts,
        voices=(VoicePlan(0, 0.0, 10.0),) * voices,
        faults=faults,
    )
