"""Weeks in virtual time: the real keeper, lifecycle and SQL against random faults, judged by the oracle."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import Literal

import pytest

from tests.simulation.cases import plan_of
from tests.simulation.chaos import Outcome, Row, outcome_of, table
from tests.simulation.history import History
from tests.simulation.oracle import judge
from tests.simulation.plan import DAY, HOUR, MINUTE, AccountPlan, Fault, HostPlan, Kind, VoicePlan
from tests.simulation.planning import random_plan
from tests.simulation.promises import lost, unwarned
from tests.simulation.spans import inside, union, without
from tests.simulation.stage import play
from tests.simulation.trial import shrunk, try_plan, try_seed
from tests.simulation.virtual import SteppedClock, VirtualLoop

_FIRST_SEEDS = range(0, 40, 5)
#: Seeds with hundreds of sweeps: `make chaos` plays them.
_LONG = (24, 34)


@pytest.mark.parametrize("first", _FIRST_SEEDS)
def test_no_promise_is_broken(first: int):
    """A savable voice would be lost, a kept one called again, a loss come as a surprise, or alerts as a storm."""
    trials = [try_seed(seed) for seed in range(first, first + 5) if seed not in _LONG]
    assert not {trial.history.plan.seed: trial.broken for trial in trials if trial.broken}


@pytest.mark.parametrize("seed", [5, 13])
def test_a_seed_replays_exactly(seed: int):
    """A failure that cannot be shown a second time cannot be mended."""
    first, second = play(random_plan(seed)), play(random_plan(seed))
    assert first.events == second.events
    assert first.fingerprint == second.fingerprint


def test_another_seed_is_another_story():
    """A fingerprint that is always the same would prove nothing."""
    assert play(random_plan(1)).fingerprint != play(random_plan(2)).fingerprint


def test_a_voice_is_kept_at_the_first_sweep_after_it_is_known():
    """The simulation itself would be late, and every verdict on it wrong."""
    history = play(plan_of())
    assert history.used == pytest.approx({0: 5 * MINUTE}, abs=1)
    assert history.rows[0]["status"] == "kept"


def test_a_voice_waits_for_the_next_sweep_though_others_were_left_out():
    """Instances would sweep whenever something is registered, and a late sweep would never lose a voice."""
    plan = replace(plan_of(), voices=(VoicePlan(0, 0.0, 10 * HOUR + MINUTE),))
    assert play(plan).used == pytest.approx({0: 10 * HOUR + 5 * MINUTE}, abs=1)


def test_a_voice_is_kept_when_it_comes_due_though_sweeps_before_it_were_left_out():
    """The sweep that sets the tick for it would be left out too, and each due voice wait for the next regular sweep."""
    plan = replace(plan_of(), keep_after=10 * HOUR + MINUTE)
    assert play(plan).used == pytest.approx({0: 10 * HOUR + MINUTE}, abs=1)


def test_a_voice_that_comes_due_at_the_end_of_a_round_is_kept_then():
    """It came too late for the round and too early for the next tick, and would wait for the next regular sweep."""
    plan = replace(plan_of(Fault("slow", 0.0, DAY, 1)), keep_after=HOUR, hosts=(HostPlan("daemon", 30 * MINUTE),))
    voices = (VoicePlan(1, 100.0, 200.0), VoicePlan(0, 105.0, 200.0))
    assert play(replace(plan, accounts=plan.accounts * 2, voices=voices)).used[1] < HOUR + 3 * MINUTE


def test_a_run_from_cron_stays_for_a_voice_that_has_less_than_an_hour_left():
    """It would end while the provider asks for a moment, and the next run come after the deadline."""
    late = DAY - 30 * MINUTE
    plan = plan_of(Fault("throttled", late - MINUTE, late + MINUTE / 2))
    plan = replace(plan, hosts=(HostPlan("cron", 30 * MINUTE),), voices=(VoicePlan(0, 0.0, late - MINUTE),))
    assert play(plan).used == pytest.approx({0: late + MINUTE}, abs=5)


def test_an_outage_over_the_whole_life_is_not_savable_and_is_told():
    """The oracle would ask for what nobody can do, or a loss would come in silence."""
    trial = try_plan(plan_of(Fault("outage", 0.0, 2 * DAY)))
    assert lost(trial.history) == {0}
    assert trial.verdict.savable == set()
    assert not trial.broken
    assert any(told.time < DAY for told in trial.history.told)


def test_an_outage_that_ends_an_hour_before_the_deadline_is_savable():
    """The oracle would excuse a keeper that gives up early."""
    trial = try_plan(plan_of(Fault("outage", 0.0, DAY - HOUR)))
    assert trial.verdict.savable == {0}
    assert not trial.broken


def test_the_oracle_sees_a_crowd():
    """A rate that cannot save all would be blamed on the keeper, or excuse the loss of all."""
    plan = replace(plan_of(voices=40), voices=(VoicePlan(0, 0.0, DAY - 10 * MINUTE),) * 40)
    crowded = replace(plan, accounts=(AccountPlan(rpm=4, real_rpm=4),), hosts=(HostPlan("daemon", MINUTE),))
    trial = try_plan(crowded)
    crowd = trial.verdict.crowded[0]
    assert 10 < crowd.could < len(crowd.voices) == 40
    assert crowd.could <= len(trial.history.used) < 40
    assert not trial.broken


def test_who_is_saved_right_before_a_crowd_takes_a_place_in_it():
    """The keeper would be blamed for a voice that it saved though the oracle had given it up."""
    hurried, crowd = VoicePlan(0, 5 * MINUTE + 8 - DAY, 10.0), VoicePlan(0, 6 * MINUTE + 20 - DAY, 10.0)
    plan = replace(plan_of(), accounts=(AccountPlan(rpm=1, real_rpm=1),), voices=(hurried, crowd, crowd, crowd))
    trial = try_plan(plan)
    assert set(trial.history.used) == {0, 1}
    assert trial.verdict.crowded[0].voices == {1, 2, 3}
    assert trial.verdict.crowded[0].could == 1
    assert not trial.broken


def test_who_is_called_too_late_for_a_slow_answer_takes_a_place_in_a_crowd():
    """The keeper would be blamed for not knowing before how long an answer takes."""
    late, crowd = VoicePlan(0, 5 * MINUTE + 10 - DAY, 10.0), VoicePlan(0, 7 * MINUTE - DAY, 10.0)
    plan = plan_of(Fault("slow", 0.0, HOUR))
    plan = replace(plan, seed=2, accounts=(AccountPlan(rpm=1, real_rpm=20),), voices=(late, crowd, crowd, crowd))
    trial = try_plan(plan)
    assert set(trial.history.used) == {1}
    assert trial.verdict.crowded[0].voices == {1, 2, 3}
    assert trial.verdict.crowded[0].could == 1
    assert not trial.broken


def test_who_is_saved_against_the_odds_takes_a_place_of_others():
    """The keeper would be blamed for the last of five voices where the oracle had given up the other four."""
    hurried, last = VoicePlan(0, 5 * MINUTE + 8 - DAY, 10.0), VoicePlan(0, 5 * MINUTE + 50 - DAY, 10.0)
    plan = replace(plan_of(), accounts=(AccountPlan(rpm=1, real_rpm=1),), voices=(hurried, last))
    trial = try_plan(plan)
    assert set(trial.history.used) == {0}
    assert trial.verdict.savable == set()
    assert not trial.broken


def test_where_answers_are_lost_a_voice_takes_all_of_its_tries():
    """The keeper would be blamed for not knowing what has worked."""
    lost, voices = Fault("answer lost", 0.0, HOUR), tuple(VoicePlan(0, HOUR - DAY, 10.0) for _ in range(20))
    one_by_one = AccountPlan(rpm=20, real_rpm=20, concurrency=1)
    plan = replace(plan_of(lost), accounts=(one_by_one,), voices=voices)
    assert len(try_plan(plan).verdict.savable) == 20
    unlisted = try_plan(replace(plan, accounts=(replace(one_by_one, has_list=False),)))
    assert unlisted.verdict.crowded[0].could == 5
    assert not unlisted.broken


def test_a_paused_account_without_answers_stays_paused():
    """The keeper would be blamed for not knowing that an account works again."""
    blocked, lost = Fault("blocked", 0.0, HOUR), Fault("answer lost", HOUR, 3 * HOUR)
    plan = replace(plan_of(blocked, lost, has_list=False, lifetime=3 * HOUR), voices=(VoicePlan(0, 0.0, 10.0),) * 40)
    trial = try_plan(plan)
    assert len(trial.history.used) < 40
    assert trial.verdict.savable == set()
    assert not trial.broken


@pytest.mark.parametrize(("hosts", "tasks"), [(1, False), (2, False), (1, True)])
def test_a_crash_at_every_await_of_a_keep_loses_nothing(hosts: int, tasks: bool):  # noqa: FBT001 - a parameter
    """An instance that dies at just that moment would lose the voice, or pay for it twice."""
    for step in range(70):
        trial = try_plan(plan_of(Fault("crash", 0.0, HOUR, 0, step), hosts=hosts, tasks=tasks))
        assert 0 in trial.history.used, step
        assert not trial.broken, step
        if not trial.history.crashes:
            assert step > 10
            return


@pytest.mark.parametrize(("hosts", "seconds"), [(1, 80), (2, 3600)])
def test_a_machine_that_falls_asleep_at_every_await_of_a_keep_spoils_nothing(hosts: int, seconds: int):
    """One that wakes up would call what others have kept meanwhile, or faster than the rate allows."""
    slow = (AccountPlan(rpm=1, real_rpm=1),)
    for step in range(22):
        asleep = Fault("asleep", 5 * MINUTE, 5 * MINUTE + seconds, 0, step)
        trial = try_plan(replace(plan_of(asleep, hosts=hosts, voices=2, lifetime=2 * HOUR), accounts=slow))
        assert len(trial.history.used) == 2, step
        assert trial.history.standstills or step > 10, step
        assert not trial.broken, step


def test_a_lost_answer_is_found_in_the_list_and_not_called_again():
    """The clone fee's own call would be repeated although the provider can say that it worked."""
    history = play(plan_of(Fault("answer lost", 0.0, HOUR)))
    assert [call.done for call in history.calls] == [True]
    assert history.rows[0]["status"] == "kept"


def test_a_task_is_asked_for_and_not_begun_again():
    """A task that outlives its caller would be paid for beside its own repetition."""
    slow, crash = Fault("slow", 0.0, HOUR), Fault("crash", 5 * MINUTE + 40, 0.0)
    trial = try_plan(plan_of(slow, crash, tasks=True))
    assert trial.history.crashes
    assert [task.failed for task in trial.history.tasks] == [False]
    assert trial.history.rows[0]["status"] == "kept"
    assert not trial.broken


@pytest.mark.parametrize("kind", ["stopped", "reloaded"])
@pytest.mark.parametrize("runs", ["daemon", "cron"])
def test_whoever_is_told_to_end_lets_its_calls_end(kind: Kind, runs: Literal["daemon", "cron"]):
    """Each deployment would leave a voice of which nobody knows whether it is kept."""
    told = Fault(kind, 5 * MINUTE + 5, 5 * MINUTE + 5)
    plan = plan_of(Fault("slow", 0.0, HOUR), told, has_list=False)
    trial = try_plan(replace(plan, hosts=(HostPlan(runs, 5 * MINUTE),)))
    assert [call.outcome for call in trial.history.calls] == ["kept"]
    assert trial.history.injected[kind] == 1
    assert len(trial.history.lives[0]) == 2
    assert not trial.broken


def test_whoever_is_told_twice_to_end_leaves_what_it_cut_in_doubt():
    """A call that may have worked would be forgotten, or be cut before it had to."""
    told = Fault("stopped", 5 * MINUTE + 5, HOUR, number=3)
    trial = try_plan(plan_of(Fault("slow", 0.0, HOUR), told))
    assert [(call.outcome, call.done) for call in trial.history.calls] == [("ambiguous", False), ("kept", True)]
    assert trial.history.cuts == [(5 * MINUTE + 8, 0)]
    assert not trial.broken


@pytest.mark.parametrize("let_go", [False, True])
def test_an_owner_who_does_not_want_a_voice_and_then_does(let_go: bool):  # noqa: FBT001 - a parameter
    """A voice on hold would be called, or never again."""
    trial = try_plan(plan_of(Fault("held", MINUTE, HOUR, number=float(let_go))))
    assert trial.history.used == pytest.approx({0: HOUR}, abs=1)
    assert not trial.broken


def test_a_voice_that_its_owner_let_go_is_not_missed():
    """The keeper would be blamed for what nobody wanted, or tell of its loss."""
    trial = try_plan(plan_of(Fault("held", MINUTE, 2 * DAY, number=1.0)))
    assert trial.history.rows[0]["status"] == "released"
    assert (lost(trial.history), trial.history.messages) == (set(), [])


def test_a_lost_voice_is_tried_where_its_owner_says_so():
    """An owner who knows better could do nothing."""
    trial = try_plan(plan_of(Fault("outage", 0.0, DAY + MINUTE), Fault("retried", DAY + HOUR, DAY + HOUR)))
    assert trial.history.calls[-1].time == pytest.approx(DAY + HOUR, abs=1)
    assert trial.history.calls[-1].outcome == "not_found"
    assert not trial.broken


def test_an_answer_that_the_registry_did_not_take_outlives_a_crash():
    """A success would be forgotten with the process, and the voice paid for a second time."""
    away = Fault("registry down", 5 * MINUTE + 5, HOUR)
    trial = try_plan(plan_of(Fault("slow", 0.0, HOUR), away, Fault("crash", 20 * MINUTE, 0.0), has_list=False))
    assert [call.outcome for call in trial.history.calls] == ["kept"]
    assert trial.history.crashes
    assert trial.history.rows[0]["status"] == "kept"
    assert not trial.broken


def test_a_failing_plan_shrinks_to_what_makes_it_fail():
    """A plan of forty voices and six faults would have to be read by a person."""
    poison = Fault("outage", 0.0, 3 * HOUR)
    plan = plan_of(Fault("slow", 0.0, HOUR), poison, Fault("crash", HOUR, HOUR), hosts=2, voices=3, lifetime=2 * HOUR)
    small = shrunk(plan, fails=lambda smaller: bool(lost(play(smaller))))
    assert (small.faults, len(small.voices), len(small.hosts)) == ((poison,), 1, 1)
    assert "outage of 0: 0d 00:00:00.000 to 0d 03:00:00.000" in str(small)


def test_sweeps_that_are_left_out_would_have_done_nothing(monkeypatch: pytest.MonkeyPatch):
    """Skipping idle sweeps would change what happens, and weeks would be simulated that never are."""
    plan = plan_of(Fault("outage", 0.0, HOUR), Fault("crash", HOUR / 2, HOUR, 0, 7), voices=3, lifetime=8 * HOUR)
    skipping = play(plan)
    monkeypatch.setattr("tests.simulation.ledger.quiet_until", lambda _raw, shared: shared)
    whole = play(plan)
    assert whole.sweeps > 2 * skipping.sweeps
    assert [(c.voice, c.outcome) for c in whole.calls] == [(c.voice, c.outcome) for c in skipping.calls]


def test_the_table_adds_up():
    """`make chaos` would print zeros where nothing was counted."""
    outage = outcome_of(try_plan(plan_of(Fault("outage", 0.0, 3 * HOUR), voices=2, lifetime=2 * HOUR)))
    calm = outcome_of(try_plan(plan_of()))
    rows = table([outage, calm])
    assert rows["outage"].seeds == rows["none"].seeds == 1
    assert rows["outage"].injected == outage.injected["outage"] > 10
    assert (rows["all"].voices, rows["all"].savable, rows["all"].lost) == (3, 1, 0)
    assert rows["all"].alerts == rows["outage"].alerts > 1
    assert table([Outcome(7, Row(seeds=1, lost=2), {"crash": 1})])["crash"].lost == 2


def test_chaos_plays_seeds_and_prints_its_table():
    """`make chaos` would say nothing, or end well without having played anything."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.chaos", "--seeds", "4"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "4 seeds"
    assert lines[1].split()[:2] == ["FAULT", "SEEDS"]
    assert lines[-1].split()[:2] == ["all", "4"]


def test_a_loss_in_silence_is_seen():
    """The promise would hold whatever happens."""
    outage, silence = Fault("outage", 0.0, 5 * HOUR), Fault("channel down", 0.0, 5 * HOUR)
    history = play(plan_of(outage, silence, lifetime=4 * HOUR))
    assert unwarned(history) == []
    assert unwarned(replace_faults(history, outage)) == [0]


def replace_faults(history: History, *faults: Fault) -> History:
    """Return a history as if only these faults had been planned."""
    return replace(history, plan=replace(history.plan, faults=faults))


def test_weeks_pass_in_no_time_and_in_order():
    """The virtual clock would wait for real, or tell another time than its timers."""

    async def story() -> list[float]:
        clock = SteppedClock(asyncio.get_running_loop(), lambda time: 60.0 if time > DAY else 0.0)  # type: ignore[arg-type] # the runner's own
        begin, seen = clock.now(), []
        for days in (1, 6, 21):
            await clock.sleep(days * DAY)
            seen.append((clock.now() - begin).total_seconds())
        return seen

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(story()) == pytest.approx([DAY, 7 * DAY + 60, 28 * DAY + 60])


def test_a_simulation_that_waits_for_nothing_says_so():
    """A mistake in the simulation would hang the tests."""

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(RuntimeError, match="no timer"):
        runner.run(forever())


def test_spans_are_joined_cut_and_bounded():
    """The oracle would count time that is not there."""
    assert union([(3, 4), (0, 1), (1, 2), (5, 5)]) == [(0, 2), (3, 4)]
    assert without([(0, 10)], [(2, 3), (2.5, 4), (9, 12)]) == [(0, 2), (4, 9)]
    assert inside([(0, 2), (4, 9)], 1, 5) == [(1, 2), (4, 5)]


def test_the_oracle_does_not_know_the_keeper():
    """An oracle that shares the keeper's code shares its mistakes."""
    assert not [name for name in vars(__import__(judge.__module__, fromlist=["judge"])) if "voicekeeper" in name]
