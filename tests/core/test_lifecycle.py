"""The life of a voice: what each answer, and the clock, make of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest

from tests.core.core_cases import HOUR, LIFETIME, MINUTE, SECOND, START, a_voice, an_answer
from voicekeeper.core import lifecycle
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Status, Voice

DEADLINE = START + LIFETIME
MOMENTS = {"early": START + HOUR, "at the deadline": DEADLINE, "late": DEADLINE + HOUR}
FINAL = [Status.KEPT, Status.LOST, Status.RELEASED]
FAILURES = [one for one in Outcome if one is not Outcome.KEPT]


def settled(voice: Voice, outcome: Outcome, now: datetime, *, paused: bool = False) -> Voice:
    return lifecycle.settle(voice, an_answer(outcome), now, account_paused=paused).voice


def answers(voice: Voice, outcome: Outcome, *times: timedelta) -> list[lifecycle.Settled]:
    """Give a voice the same answer at these times after START, and return what each made of it."""
    history = []
    for passed in times:
        history.append(lifecycle.settle(voice, an_answer(outcome), START + passed, account_paused=False))
        voice = history[-1].voice
    return history


@pytest.mark.parametrize(("status", "outcome", "when", "intent"), [*product(Status, Outcome, MOMENTS, Intent)])
def test_every_status_and_outcome_has_one_next_state(
    status: Status, outcome: Outcome, when: str, intent: Intent
) -> None:
    """If one had none, an answer nobody thought of would stop the sweep; if it were another, a voice be miscounted."""
    voice = a_voice(status=status, intent=intent, kept_at=START if status is Status.KEPT else None)
    if outcome is Outcome.KEPT:
        expected = Status.KEPT
    elif status is Status.WAITING and outcome is Outcome.NOT_FOUND and when != "early":
        expected = Status.LOST
    else:
        expected = status
    for paused in (True, False):
        result = settled(voice, outcome, MOMENTS[when], paused=paused)
        assert result.status is expected
        assert result.intent is intent


@pytest.mark.parametrize(("status", "outcome"), [*product(FINAL, FAILURES)])
def test_a_late_answer_does_not_touch_what_is_settled(status: Status, outcome: Outcome) -> None:
    """If it did, a slow instance's failure would undo another's success."""
    voice = a_voice(status=status, kept_at=START)
    result = lifecycle.settle(voice, an_answer(outcome), START + HOUR, account_paused=False)
    assert (result.voice, result.alert) == (voice, None)


@pytest.mark.parametrize("status", [Status.WAITING, Status.LOST, Status.RELEASED])
def test_a_success_keeps_whatever_was_believed(status: Status) -> None:
    """If a success could be ignored, the registry would call a permanent voice lost."""
    result = lifecycle.settle(
        a_voice(status=status, attempts=2, last_error="before"),
        an_answer(Outcome.KEPT),
        START + HOUR,
        account_paused=False,
    )
    kept = result.voice
    assert (kept.status, kept.kept_at, kept.attempts, kept.last_error) == (Status.KEPT, START + HOUR, 3, None)
    assert result.alert is None


def test_the_first_success_is_when_it_was_kept() -> None:
    """If a second success moved it, the spending of a day would change after the fact."""
    kept = settled(a_voice(), Outcome.KEPT, START + HOUR)
    assert settled(kept, Outcome.KEPT, START + 2 * HOUR).kept_at == START + HOUR


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.BLOCKED])
def test_an_accounts_trouble_uses_up_no_attempt(outcome: Outcome) -> None:
    """If it did, an hour of throttling would push a voice to the end of the retry table."""
    result = settled(a_voice(attempts=3), outcome, START + HOUR)
    assert (result.attempts, result.last_outcome, result.due_at) == (3, outcome, START + HOUR + MINUTE)


@pytest.mark.parametrize(
    "outcome", [Outcome.TRANSIENT, Outcome.REFUSED, Outcome.AMBIGUOUS, Outcome.NOT_FOUND, Outcome.KEPT]
)
def test_every_other_answer_counts_as_one_attempt(outcome: Outcome) -> None:
    """If it did not, the retry table would never be walked."""
    assert settled(a_voice(attempts=3), outcome, START + HOUR).attempts == 4


def test_retries_walk_the_table_whatever_restarts() -> None:
    """If the waits hung on more than what is stored, a restart would begin the table again."""
    stored, waits, now = a_voice(), [], START
    for _ in range(7):
        stored = settled(replace(stored), Outcome.TRANSIENT, now)
        assert stored.due_at is not None
        waits.append((stored.due_at - now) / MINUTE)
        now = stored.due_at
    assert waits == [pytest.approx(base, rel=0.1) for base in (1, 2, 2, 5, 10, 10, 10)]


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.BLOCKED, Outcome.REFUSED])
def test_retry_after_delays_but_never_past_an_eighth_of_the_time_left(outcome: Outcome) -> None:
    """If it were not heard the provider would be pestered; if it were obeyed blindly a header could lose a voice."""
    for left, wait in ((LIFETIME, 40 * MINUTE), (80 * MINUTE, 10 * MINUTE), (2 * MINUTE, MINUTE)):
        now = DEADLINE - left
        due = lifecycle.settle(a_voice(), an_answer(outcome, 2400), now, account_paused=False).voice.due_at
        assert due == now + wait


@pytest.mark.parametrize(("outcome", "seconds"), [*product(Outcome, [1e30, float("inf"), float("nan"), -1e30])])
def test_an_absurd_retry_after_breaks_nothing(outcome: Outcome, seconds: float) -> None:
    """If it raised, or put a voice past its deadline off for years, a broken gateway would lose it."""
    voice = a_voice(deadline=START - HOUR)
    result = lifecycle.settle(voice, an_answer(outcome, seconds), START, account_paused=False).voice
    assert result.due_at is not None
    assert result.due_at <= START + HOUR


def test_an_unplanned_voice_can_be_settled() -> None:
    """If it could not, a voice whose plan was just withdrawn would stop the sweep."""
    for outcome in Outcome:
        voice = a_voice(deadline=None, due_at=None)
        assert settled(voice, outcome, START).status in (Status.WAITING, Status.KEPT)


def test_blocked_again_after_another_voice_was_not_is_this_voices_own_trouble() -> None:
    """If it paused the account each time, one poisoned voice would stop all others for ever."""
    assert not lifecycle.singled_out(a_voice(), account_paused=False)
    once = settled(a_voice(), Outcome.BLOCKED, START)
    assert lifecycle.singled_out(once, account_paused=False)
    again = settled(once, Outcome.BLOCKED, START + HOUR)
    assert (once.attempts, again.attempts) == (0, 1)
    assert settled(again, Outcome.BLOCKED, START + 2 * HOUR).attempts == 2


def test_blocked_after_its_owners_retry_is_the_accounts_trouble_again() -> None:
    """Who retries before the balance is paid would use up the voice's tries, and not hear of the account."""
    retried = replace(settled(a_voice(), Outcome.BLOCKED, START), streak=0)  # as for `voicekeeper retry`
    assert not lifecycle.singled_out(retried, account_paused=False)
    assert settled(retried, Outcome.BLOCKED, START + HOUR).attempts == 0


def test_a_blocked_probe_is_still_the_accounts_trouble() -> None:
    """If it were the voice's, an empty balance would walk its earliest voice to the end of the retry table."""
    voice = settled(a_voice(), Outcome.BLOCKED, START)
    for minutes in (1, 3, 8, 18, 28):
        assert not lifecycle.singled_out(voice, account_paused=True)
        voice = settled(voice, Outcome.BLOCKED, START + minutes * MINUTE, paused=True)
    assert voice.attempts == 0
    assert not lifecycle.singled_out(a_voice(last_outcome="transient"), account_paused=False)


def test_a_second_refusal_is_told() -> None:
    """If the first were told there would be noise over a word; if none, both texts could be refused for a week."""
    first, second, third = answers(a_voice(), Outcome.REFUSED, 0 * HOUR, HOUR, 2 * HOUR)
    assert first.alert is None
    assert second.alert is not None
    assert third.alert is not None
    assert second.alert.key == third.alert.key == "voice/7/refused"


def test_an_answer_between_two_refusals_starts_the_texts_over() -> None:
    """If the streak went on, the owner would be told that both texts were refused when one was."""
    voice = settled(settled(a_voice(), Outcome.REFUSED, START), Outcome.TRANSIENT, START + HOUR)
    assert lifecycle.settle(voice, an_answer(Outcome.REFUSED), START + 2 * HOUR, account_paused=False).alert is None


def test_an_unknown_voice_is_told_at_once_and_not_yet_lost() -> None:
    """If it were lost at once, a gateway's wrong channel would end voices that live."""
    (result,) = answers(a_voice(), Outcome.NOT_FOUND, 0 * HOUR)
    assert result.voice.status is Status.WAITING
    assert result.alert is not None
    assert result.alert.key == "voice/7/missing"


@pytest.mark.parametrize(
    ("times", "lost"),
    [
        ([0, 30, 60], True),
        ([0, 1, 60], True),
        ([0, 30, 59.9], False),
        ([0, 600], False),
        ([0, 1, 2, 3, 4], False),
        ([0, 1, 2, 3, 60], True),
    ],
)
def test_three_answers_over_an_hour_confirm_a_loss(times: list[float], lost: bool) -> None:  # noqa: FBT001 - a column of the table
    """If fewer or faster ones did, a passing mistake would be final; if more were needed, nobody could act in time."""
    final = answers(a_voice(), Outcome.NOT_FOUND, *(minutes * MINUTE for minutes in times))[-1]
    assert (final.voice.status is Status.LOST) == lost
    assert final.alert is not None
    assert final.alert.key == ("voice/7/lost" if lost else "voice/7/missing")


@pytest.mark.parametrize("between", [one for one in Outcome if one not in (Outcome.NOT_FOUND, Outcome.KEPT)])
def test_another_answer_between_begins_the_confirmation_again(between: Outcome) -> None:
    """If it did not, answers days apart would add up to a loss."""
    voice = answers(a_voice(), Outcome.NOT_FOUND, 0 * HOUR, HOUR / 2)[-1].voice
    voice = settled(voice, between, START + HOUR)
    results = answers(voice, Outcome.NOT_FOUND, 2 * HOUR, 2.5 * HOUR, 3 * HOUR)
    assert [one.voice.status for one in results] == [Status.WAITING, Status.WAITING, Status.LOST]


def test_the_owners_retry_begins_the_confirmation_again() -> None:
    """If the hour counted from before it, three quick answers would lose the voice that its owner just mended."""
    voice = answers(a_voice(), Outcome.NOT_FOUND, 0 * HOUR, HOUR / 2)[-1].voice
    voice = replace(voice, streak=0, due_at=START + 24 * HOUR)  # what the registry writes for `voicekeeper retry`
    results = answers(voice, Outcome.NOT_FOUND, 24 * HOUR, 24 * HOUR + MINUTE, 24 * HOUR + 2 * MINUTE)
    assert [one.voice.status for one in results] == [Status.WAITING] * 3


def test_confirmation_leaves_the_gateway_time() -> None:
    """If the tries came by the table's first minutes, all three would meet the same wrong channel."""
    first = settled(a_voice(), Outcome.NOT_FOUND, START)
    assert first.due_at == START + HOUR / 2
    second = settled(first, Outcome.NOT_FOUND, first.due_at)
    assert second.due_at == START + HOUR
    assert settled(second, Outcome.NOT_FOUND, second.due_at).status is Status.LOST


@pytest.mark.parametrize("passed", [0 * SECOND, SECOND, 30 * LIFETIME])
def test_after_the_deadline_one_answer_decides(passed: timedelta) -> None:
    """If more were asked, a voice that is gone would stay on the list of those to act on."""
    result = lifecycle.settle(a_voice(), an_answer(Outcome.NOT_FOUND), DEADLINE + passed, account_paused=False)
    assert (result.voice.status, result.voice.attempts) == (Status.LOST, 1)
    assert result.alert is not None
    assert result.alert.event


def test_the_list_proves_a_voice_permanent() -> None:
    """If it did not, a keep whose answer was lost would be paid or mourned again."""
    shown = lifecycle.listed(a_voice(status=Status.LOST, last_error="gone"), START + HOUR)
    assert (shown.voice.status, shown.voice.kept_at, shown.voice.verified_at) == (
        Status.KEPT,
        START + HOUR,
        START + HOUR,
    )
    assert (shown.voice.last_error, shown.alert) == (None, None)
    kept = a_voice(status=Status.KEPT, kept_at=START)
    assert lifecycle.listed(kept, START + HOUR).voice == replace(kept, verified_at=START + HOUR)


@pytest.mark.parametrize(
    ("intent", "status", "reason"),
    [(Intent.HOLD, Status.LOST, "held past its deadline"), (Intent.RELEASE, Status.RELEASED, None)],
)
def test_what_the_owner_let_go_ends_at_the_deadline(intent: Intent, status: Status, reason: str | None) -> None:
    """If it ended earlier the owner could not decide any more; if never, it would be warned of for ever."""
    voice = a_voice(intent=intent)
    assert lifecycle.expire(voice, DEADLINE - SECOND) == lifecycle.Settled(voice)
    result = lifecycle.expire(voice, DEADLINE)
    assert (result.voice.status, result.voice.last_error) == (status, reason)
    assert (result.alert is not None) == (intent is Intent.HOLD)


@pytest.mark.parametrize("passed", [0 * SECOND, 400 * LIFETIME])
def test_the_clock_alone_never_loses_a_wanted_voice(passed: timedelta) -> None:
    """If it did, a voice that a late provider still has would be given up without a try."""
    assert lifecycle.expire(a_voice(), DEADLINE + passed) == lifecycle.Settled(a_voice())


@pytest.mark.parametrize(("status", "intent"), [*product(FINAL, Intent)])
def test_nothing_expires_twice(status: Status, intent: Intent) -> None:
    """If it did, a voice kept in time would be lost by its owner's earlier hold."""
    voice = a_voice(status=status, intent=intent, kept_at=START)
    assert lifecycle.expire(voice, DEADLINE + HOUR) == lifecycle.Settled(voice)


def test_an_unplanned_voice_does_not_expire() -> None:
    """If it did, a held row would be lost before anybody knows its deadline."""
    voice = a_voice(intent=Intent.HOLD, deadline=None)
    assert lifecycle.expire(voice, DEADLINE + HOUR) == lifecycle.Settled(voice)
