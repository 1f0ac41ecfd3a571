"""An account opens, pauses, is probed and slows down."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.core_cases import HOUR, MINUTE, SECOND, START, an_answer, outcomes, retry_afters
from voicekeeper.core.account import Account, AccountState, after, probing, space
from voicekeeper.core.outcome import Outcome

OPEN = Account(name="main", fingerprint="f00d")
PAUSED = after(OPEN, an_answer(Outcome.BLOCKED, message="no balance"), START)
PROVING = {Outcome.KEPT, Outcome.REFUSED, Outcome.NOT_FOUND}


def throttled(account: Account, now: datetime, retry_after: float | None = None) -> Account:
    return after(account, an_answer(Outcome.THROTTLED, retry_after), now)


def test_blocked_pauses() -> None:
    """If it did not, every voice would run into the same wall, and nobody would hear why."""
    assert (PAUSED.paused, PAUSED.reason, PAUSED.paused_at) == (True, "no balance", START)
    assert (PAUSED.probes, PAUSED.probe_at) == (0, START + MINUTE)
    assert (PAUSED.name, PAUSED.fingerprint) == (OPEN.name, OPEN.fingerprint)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.BLOCKED])
def test_nothing_else_pauses(outcome: Outcome) -> None:
    """If it did, one bad voice would stop all others of its account."""
    assert after(OPEN, an_answer(outcome), START).state is AccountState.OPEN


def test_probes_come_at_1_2_5_then_every_10_minutes() -> None:
    """If they came otherwise, an account would stay paused long after its owner mended it, or be hammered."""
    account, times = PAUSED, [START]
    for _ in range(7):
        assert account.probe_at is not None
        times.append(account.probe_at)
        account = after(probing(account, account.probe_at), an_answer(Outcome.BLOCKED), account.probe_at)
    assert [(later - earlier) / MINUTE for earlier, later in pairwise(times)] == [1, 2, 5, 10, 10, 10, 10]


def test_a_late_probe_moves_the_next_one() -> None:
    """If the next were counted from the plan, a machine that slept would probe in a burst."""
    assert probing(PAUSED, START + HOUR).probe_at == START + HOUR + 2 * MINUTE


def test_blocked_again_keeps_the_pause_and_its_newest_reason() -> None:
    """If it began a new pause, its age and its probes would start over at every probe."""
    again = after(probing(PAUSED, START + MINUTE), an_answer(Outcome.BLOCKED, message="no key"), START + MINUTE)
    assert again == replace(PAUSED, reason="no key", probes=1, probe_at=START + 3 * MINUTE)


@pytest.mark.parametrize("outcome", list(PROVING))
def test_an_answer_that_needs_an_accepted_key_resumes(outcome: Outcome) -> None:
    """If it did not, the account would not resume by itself."""
    resumed = after(probing(PAUSED, START + MINUTE), an_answer(outcome), START + 2 * MINUTE)
    assert (resumed.state, resumed.probes) == (AccountState.OPEN, 0)
    assert (resumed.reason, resumed.paused_at, resumed.probe_at) == (None, None, None)


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.BLOCKED])
def test_an_answer_that_proves_nothing_does_not_resume(outcome: Outcome) -> None:
    """If it did, a gateway's hiccup would report a mended account that is not."""
    probed = probing(PAUSED, START + MINUTE)
    still = after(probed, an_answer(outcome, message="no balance"), START + 2 * MINUTE)
    assert replace(still, failures=0, failing_since=None) == probed


def test_too_many_requests_do_not_resume() -> None:
    """If they did, a limit that is checked before the key would report a mended account that is not."""
    assert after(probing(PAUSED, START + MINUTE), an_answer(Outcome.THROTTLED), START + 2 * MINUTE).paused


def test_a_pause_after_a_resumption_starts_over() -> None:
    """If the probes went on at ten minutes, a second short trouble would last longer than the first."""
    open_again = after(probing(PAUSED, START + MINUTE), an_answer(Outcome.KEPT), START + HOUR)
    again = after(open_again, an_answer(Outcome.BLOCKED), START + 2 * HOUR)
    assert (again.probes, again.paused_at, again.probe_at) == (0, START + 2 * HOUR, START + 2 * HOUR + MINUTE)


def test_throttles_back_off_doubling_to_a_minute() -> None:
    """If the waits did not grow the account would be punished on; if they grew for ever it would starve."""
    account, waits = OPEN, []
    for i in range(12):
        account = throttled(account, now := START + i * HOUR)
        assert account.slot_at is not None
        waits.append((account.slot_at - now) / SECOND)
    assert waits == [1, 2, 4, 8, 16, 32, *[60] * 6]


def test_a_throttle_may_come_any_number_of_times() -> None:
    """If the doubling overflowed, an account throttled for a week would crash its sweep."""
    assert throttled(replace(OPEN, throttles=100_000), START).slot_at == START + MINUTE


def test_retry_after_is_honoured() -> None:
    """If it were not, the provider would be asked while it still says no."""
    assert throttled(OPEN, START, retry_after=300).slot_at == START + 300 * SECOND
    assert throttled(replace(OPEN, throttles=9), START, retry_after=5).slot_at == START + MINUTE


@pytest.mark.parametrize("seconds", [1e6, 1e30, float("inf")])
def test_retry_after_cannot_stop_an_account_for_long(seconds: float) -> None:
    """If a gateway's nonsense were believed, one header could cost every voice, or crash the sweep."""
    assert throttled(OPEN, START, retry_after=seconds).slot_at == START + HOUR


@pytest.mark.parametrize("seconds", [-5, 0, float("-inf"), float("nan")])
def test_an_impossible_retry_after_is_ignored(seconds: float) -> None:
    """If it counted, the slots would move backward or the sweep would crash."""
    assert throttled(OPEN, START, retry_after=seconds).slot_at == START + SECOND


def test_a_throttle_never_brings_the_next_slot_forward() -> None:
    """If it did, the calls of other instances would overlap with the slots already given out."""
    assert throttled(replace(OPEN, slot_at=START + HOUR), START).slot_at == START + HOUR


def test_only_a_kept_voice_resets_the_backoff() -> None:
    """If nothing did, one throttle would slow an account for ever; if any answer did, it would not slow at all."""
    slowed = throttled(throttled(OPEN, START), START)
    assert after(slowed, an_answer(Outcome.KEPT), START) == replace(
        slowed, throttles=0, ramp_at=START, failing_since=None
    )
    for outcome in set(Outcome) - {Outcome.KEPT, Outcome.THROTTLED, Outcome.BLOCKED}:
        assert after(slowed, an_answer(outcome), START).throttles == slowed.throttles


def failed(account: Account, times: int, outcome: Outcome = Outcome.TRANSIENT) -> Account:
    for _ in range(times):
        account = after(account, an_answer(outcome), START)
    return account


def kept(account: Account, now: datetime) -> Account:
    return after(account, an_answer(Outcome.KEPT), now)


def in_usual(account: Account, now: datetime) -> float:
    """Return how many times further apart than usual calls are."""
    return space(account, 3 * SECOND, now) / (3 * SECOND)


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.THROTTLED])
def test_trouble_counts_from_its_first_failure(outcome: Outcome) -> None:
    """If each failure began it anew, an outage would never be told."""
    account = after(after(OPEN, an_answer(outcome), START), an_answer(Outcome.TRANSIENT), START + HOUR)
    assert account.failing_since == START


@pytest.mark.parametrize("outcome", set(Outcome) - {Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.THROTTLED})
def test_any_other_answer_ends_it(outcome: Outcome) -> None:
    """If it went on, a provider that works would be reported for the failures of last week."""
    assert after(failed(OPEN, 6), an_answer(outcome), START + HOUR).failing_since is None


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.AMBIGUOUS])
def test_five_failures_in_a_row_are_an_outage(outcome: Outcome) -> None:
    """If one unlucky call counted as an outage, an account with a few bad answers would crawl for ever."""
    assert in_usual(failed(OPEN, 4, outcome), START) == 1
    assert in_usual(failed(OPEN, 5, outcome), START) == 4
    assert failed(OPEN, 5, outcome) == failed(OPEN, 500, outcome)


@pytest.mark.parametrize("outcome", list(PROVING))
def test_after_an_outage_the_rate_comes_back_step_by_step(outcome: Outcome) -> None:
    """If all that waited went out at once, the provider would go down again or punish the growth."""
    down = failed(OPEN, 5)
    assert in_usual(down, START + HOUR) == 4
    up = after(down, an_answer(outcome), START + HOUR)
    assert up.failures == 0
    assert [in_usual(up, START + HOUR + i * MINUTE) for i in range(4)] == [4, 2, 1, 1]


def test_after_a_throttle_the_rate_comes_back_from_the_first_keep() -> None:
    """If it came back with time alone, an idle hour behind a throttle would end in the growth that it punished."""
    slowed = throttled(OPEN, START)
    assert in_usual(slowed, START + 2 * HOUR) == 4
    assert in_usual(after(slowed, an_answer(Outcome.NOT_FOUND), START + HOUR), START + 2 * HOUR) == 4
    up = kept(slowed, START + HOUR)
    assert [in_usual(up, START + HOUR + i * MINUTE) for i in range(3)] == [4, 2, 1]


def test_after_a_pause_the_rate_comes_back_step_by_step() -> None:
    """If it did not, everything that a pause had dammed up would go out at the full rate."""
    up = kept(probing(PAUSED, START + MINUTE), START + HOUR)
    assert [in_usual(up, START + HOUR + i * MINUTE) for i in range(3)] == [4, 2, 1]


def test_trouble_on_the_way_up_begins_the_way_anew() -> None:
    """If it did not, a provider that says no again would be asked twice as often a minute later."""
    up = kept(throttled(OPEN, START), START)
    again = throttled(up, START + 90 * SECOND)
    assert in_usual(again, START + 90 * SECOND) == 4
    assert in_usual(kept(again, START + 2 * MINUTE), START + 2 * MINUTE) == 4


def test_a_single_failure_on_the_way_up_does_not_matter() -> None:
    """If it did, an account of many voices would never be back at its rate."""
    up = failed(kept(throttled(OPEN, START), START), 1)
    assert in_usual(up, START + MINUTE) == 2
    assert in_usual(kept(up, START + MINUTE), START + 2 * MINUTE) == 1


@given(st.lists(st.tuples(outcomes, retry_afters, st.timedeltas(0 * HOUR, 2 * HOUR), st.booleans()), max_size=30))
def test_an_account_is_whole_after_any_answers(
    history: list[tuple[Outcome, float | None, timedelta, bool]],
) -> None:
    """If it could be half paused, it would never be probed; if slots moved back, the limit would not hold."""
    account, now = OPEN, START
    for outcome, retry_after, passed, probe in history:
        now += passed
        if account.paused and probe:
            account = probing(account, now)
        before, account = account, after(account, an_answer(outcome, retry_after), now)
        pause = (account.reason is None, account.paused_at is None, account.probe_at is None)
        assert pause == (not account.paused,) * 3
        assert account.paused == (outcome is Outcome.BLOCKED or (before.paused and outcome not in PROVING))
        assert before.slot_at is None or (account.slot_at or START) >= before.slot_at
        assert account.slot_at is None or account.slot_at <= max(before.slot_at or now, now + HOUR)
