"""Who is warned of, when, and how often."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.core_cases import HOUR, LIFETIME, MINUTE, START, a_voice, an_answer, spans
from voicekeeper.core.lifecycle import settle, warn
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy, rung_reached
from voicekeeper.core.voice import Intent, Status, Voice

DEADLINE = START + LIFETIME
POLICY = Policy()
RUNGS = [DEADLINE - rung for rung in POLICY.warn_before]
FAILING = a_voice(attempts=3, last_outcome="transient", last_error="no", due_at=DEADLINE + HOUR)
HELD = a_voice(intent=Intent.HOLD, due_at=DEADLINE)
OVERDUE = a_voice(due_at=START)


def looks(voice: Voice, sweeps: list[datetime], policy: Policy = POLICY) -> list[datetime]:
    """Return the sweeps that warned, when each looks only at what has reached its `warn_at`, as the registry does."""
    told = []
    for now in sweeps:
        if voice.warn_at is not None and voice.warn_at <= now:
            voice, alert = (change := warn(voice, now, policy)).voice, change.alert
            assert voice.warn_at is None or voice.warn_at > now
            told += [now] if alert else []
    return told


@pytest.mark.parametrize("voice", [FAILING, HELD, OVERDUE], ids=["failing", "held", "overdue"])
def test_what_is_in_danger_is_told_at_each_rung_once(voice: Voice) -> None:
    """If a rung were missing the alarm would come too late; if one came twice, nobody would read it."""
    hourly = [START + i * HOUR / 2 for i in range(2 * 200)]
    assert looks(voice, hourly) == RUNGS


@given(st.lists(spans(0 * HOUR, 200 * HOUR), max_size=30))
def test_sweeps_at_any_time_tell_the_most_urgent_rung_once(passed: list[timedelta]) -> None:
    """If rungs hung on when sweeps come, a cron run that was missed would swallow or double an alarm."""
    sweeps = [START + span for span in sorted(passed)]
    expected, last = [], None
    for now in sweeps:
        reached = rung_reached(DEADLINE, now, POLICY.warn_before)
        if reached != last:
            expected.append(now)
        last = reached
    assert looks(FAILING, sweeps) == expected


def test_a_voice_that_waits_by_plan_is_not_told() -> None:
    """If it were, an owner who chose keep_after would be alarmed about what goes as planned."""
    planned = a_voice(due_at=DEADLINE - 10 * HOUR)
    assert warn(planned, DEADLINE - 24 * HOUR, POLICY).alert is None
    assert looks(planned, RUNGS[:2]) == []


def test_a_planned_voice_is_looked_at_when_it_comes_due() -> None:
    """If only rungs were looked at, one that comes due between two and fails would wait for the next."""
    planned = a_voice(due_at=DEADLINE - 10 * HOUR)
    assert warn(planned, DEADLINE - 24 * HOUR, POLICY).voice.warn_at == DEADLINE - 12 * HOUR
    at_due = warn(planned, DEADLINE - 12 * HOUR, POLICY).voice
    assert at_due.warn_at == DEADLINE - 10 * HOUR
    assert warn(at_due, DEADLINE - 10 * HOUR, POLICY).alert is not None


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.BLOCKED, Outcome.TRANSIENT, Outcome.AMBIGUOUS])
def test_a_voice_that_is_always_put_off_is_told(outcome: Outcome) -> None:
    """If only used-up attempts counted, a voice throttled in every sweep would reach its deadline in silence."""
    now = DEADLINE - 24 * HOUR
    put_off = settle(a_voice(), an_answer(outcome), now, account_paused=False).voice
    assert put_off.due_at is not None
    assert put_off.due_at > now
    assert warn(put_off, now, POLICY).alert is not None


@pytest.mark.parametrize("now", [RUNGS[0], RUNGS[-1], DEADLINE + HOUR])
def test_what_its_owner_lets_go_is_not_told(now: datetime) -> None:
    """If it were, letting go would not end the alarm."""
    assert warn(replace(FAILING, intent=Intent.RELEASE), now, POLICY).alert is None


@pytest.mark.parametrize("status", [Status.KEPT, Status.LOST, Status.RELEASED])
def test_what_is_settled_is_not_told(status: Status) -> None:
    """If it were, a voice that is safe would be reported in danger."""
    assert warn(replace(FAILING, status=status, kept_at=START), RUNGS[-1], POLICY).alert is None


def test_before_the_first_rung_nothing_is_told() -> None:
    """If it were, every first failure would be an alarm."""
    early = warn(FAILING, START + MINUTE, POLICY)
    assert (early.alert, early.voice.warn_at) == (None, RUNGS[0])


def test_after_the_last_rung_there_is_no_further_look() -> None:
    """If there were, each sweep would look at the same voices for ever."""
    last = warn(FAILING, RUNGS[-1], POLICY)
    assert last.alert is not None
    assert last.voice.warn_at is None


def test_an_unplanned_voice_is_left_alone() -> None:
    """If it were not, a look at a voice without a deadline would stop the sweep."""
    voice = a_voice(deadline=None, due_at=None, warn_at=None)
    assert warn(voice, START, POLICY).voice == voice


def test_without_rungs_there_is_no_warning() -> None:
    """If there were, an owner who switched warnings off would get them all the same."""
    look = warn(FAILING, DEADLINE - MINUTE, Policy(warn_before=()))
    assert (look.alert, look.voice.warn_at) == (None, None)


def test_a_voice_in_line_is_not_told_until_its_deadline_is_near() -> None:
    """If it were, a large import would alarm for every voice that its account's slots reach in time."""
    early = warn(OVERDUE, RUNGS[0], POLICY, queued=True)
    assert (early.alert, early.voice.warn_at) == (None, RUNGS[0] + HOUR / 2)
    assert warn(OVERDUE, DEADLINE - 12 * HOUR, POLICY, queued=True).alert is not None


@pytest.mark.parametrize("voice", [FAILING, HELD, a_voice(last_outcome="throttled", due_at=START)])
def test_only_an_untried_wanted_voice_counts_as_in_line(voice: Voice) -> None:
    """If others did, a line at the account would hide a voice that fails, or one that nobody has decided on."""
    assert warn(voice, RUNGS[0], POLICY, queued=True).alert is not None


@given(
    spans(-10 * HOUR, LIFETIME),
    st.sampled_from(Intent),
    st.integers(0, 3),
    spans(0 * HOUR, LIFETIME),
    st.none() | st.sampled_from(Outcome),
    st.booleans(),
)
def test_a_look_changes_nothing_but_the_next_look(
    left: timedelta,
    intent: Intent,
    attempts: int,
    due: timedelta,
    last: Outcome | None,
    queued: bool,  # noqa: FBT001 - drawn by hypothesis, which passes by place
) -> None:
    """If it did, warning of a voice could delay or lose it; if the next look lay behind, it would repeat at once."""
    now = DEADLINE - left
    voice = a_voice(intent=intent, attempts=attempts, due_at=START + due, last_outcome=last)
    looked = warn(voice, now, POLICY, queued=queued).voice
    assert replace(looked, warn_at=voice.warn_at) == voice
    assert looked.warn_at is None or now < looked.warn_at
