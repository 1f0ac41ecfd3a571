"""One voice through any life: random answers, clocks and changes of mind, against the promises of the design."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.core_cases import (
    DAY,
    HOUR,
    LIFETIME,
    MINUTE,
    SECOND,
    START,
    a_voice,
    an_answer,
    retry_afters,
    spans,
)
from voicekeeper.core import lifecycle
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.voice import Intent, Status

OF_THE_ACCOUNT = {Outcome.THROTTLED, Outcome.BLOCKED}
#: Mostly the ones that leave a voice waiting: a life that ends at its first answer teaches little.
ANSWERS = st.sampled_from([*Outcome, *[Outcome.NOT_FOUND] * 4, Outcome.BLOCKED, Outcome.THROTTLED])


class VoiceLife(RuleBasedStateMachine):
    """Lives one voice and keeps an account of its own of what may have ended it."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.policy, self.voice = START, Policy(), a_voice()
        self.not_found: list[datetime] = []
        self.blocked = 0
        self.kept_at: datetime | None = None
        self.attempts = 0

    @initialize(lifetime=spans(HOUR, LIFETIME), keep_after=spans(0 * HOUR, LIFETIME), intent=st.sampled_from(Intent))
    def register(self, lifetime: timedelta, keep_after: timedelta, intent: Intent) -> None:
        self.policy = Policy(lifetime=lifetime, keep_after=min(keep_after, lifetime - SECOND))
        times = plan(START, None, self.policy)
        self.deadline = times.deadline
        self.voice = a_voice(intent=intent, deadline=times.deadline, due_at=times.due_at, warn_at=times.warn_at)

    @rule(passed=spans(0 * SECOND, 2 * HOUR) | spans(0 * SECOND, DAY))
    def time_passes(self, passed: timedelta) -> None:
        self.now += passed

    @rule()
    def it_comes_due(self) -> None:
        self.now = max(self.now, self.voice.due_at or self.now)

    @rule()
    def its_deadline_comes(self) -> None:
        self.now = max(self.now, self.deadline)

    @precondition(lambda self: self.voice.status is Status.WAITING)
    @rule(intent=st.sampled_from(Intent))
    def its_owner_decides(self, intent: Intent) -> None:
        self.voice = replace(self.voice, intent=intent)

    @precondition(lambda self: self.voice.status is not Status.KEPT)
    @rule()
    def its_owner_retries(self) -> None:
        """Do what the registry writes for `voicekeeper retry`."""
        self.voice = replace(self.voice, status=Status.WAITING, intent=Intent.KEEP, due_at=self.now, streak=0)
        self.blocked = 0
        self.not_found = []

    @rule(outcome=ANSWERS, retry_after=retry_afters, paused=st.booleans())
    def the_provider_answers(self, outcome: Outcome, retry_after: float | None, paused: bool) -> None:  # noqa: FBT001 - a rule's argument
        before = self.voice
        result = lifecycle.settle(before, an_answer(outcome, retry_after), self.now, account_paused=paused)
        self.voice = result.voice
        if before.status is not Status.WAITING and outcome is not Outcome.KEPT:
            assert result == lifecycle.Settled(before)
            return
        singled_out = outcome is Outcome.BLOCKED and self.blocked > 0 and not paused
        used_up = outcome not in OF_THE_ACCOUNT or singled_out
        assert self.voice.attempts == before.attempts + used_up
        self._remember(outcome)
        assert self.voice.status is self._expected(outcome)
        if self.voice.status is Status.WAITING:
            self._waits_well()
        assert (result.alert is not None and result.alert.event) == (self.voice.status is Status.LOST)

    def _remember(self, outcome: Outcome) -> None:
        self.not_found = [*self.not_found, self.now] if outcome is Outcome.NOT_FOUND else []
        self.blocked = self.blocked + 1 if outcome is Outcome.BLOCKED else 0
        if outcome is Outcome.KEPT:
            self.kept_at = self.kept_at or self.now

    def _expected(self, outcome: Outcome) -> Status:
        if outcome is Outcome.KEPT:
            return Status.KEPT
        confirmed = len(self.not_found) >= 3 and self.now - self.not_found[0] >= HOUR
        gone = outcome is Outcome.NOT_FOUND and (self.now >= self.deadline or confirmed)
        return Status.LOST if gone else Status.WAITING

    def _waits_well(self) -> None:
        assert self.voice.due_at is not None
        left = self.deadline - self.now
        wait = self.voice.due_at - self.now
        assert wait >= MINUTE
        assert wait <= 7 * HOUR
        if left > timedelta():
            assert wait <= max(left / 8, MINUTE)
        if left >= MINUTE:
            assert self.voice.due_at <= self.deadline

    @rule()
    def a_sweep_lets_go(self) -> None:
        before = self.voice
        result = lifecycle.expire(before, self.now)
        self.voice = result.voice
        ended = before.status is Status.WAITING and self.now >= self.deadline
        expected = {Intent.KEEP: Status.WAITING, Intent.HOLD: Status.LOST, Intent.RELEASE: Status.RELEASED}
        assert self.voice.status is (expected[before.intent] if ended else before.status)
        assert (result.alert is not None) == (self.voice.status is Status.LOST and before.status is Status.WAITING)

    @rule()
    def a_sweep_warns(self) -> None:
        result = lifecycle.warn(self.voice, self.now, self.policy)
        assert replace(result.voice, warn_at=self.voice.warn_at) == self.voice
        if result.alert:
            assert self.voice.status is Status.WAITING
            assert self.voice.intent is not Intent.RELEASE
        self.voice = result.voice

    @precondition(lambda self: self.voice.status is not Status.RELEASED)
    @rule()
    def the_list_shows_it(self) -> None:
        self.kept_at = self.kept_at or self.now
        self.voice = lifecycle.listed(self.voice, self.now).voice
        assert self.voice.verified_at == self.now

    @invariant()
    def kept_is_final(self) -> None:
        """A voice once kept stays so, and its first success stays its date."""
        assert (self.voice.status is Status.KEPT) == (self.kept_at is not None)
        assert self.voice.kept_at == self.kept_at

    @invariant()
    def attempts_never_decrease(self) -> None:
        assert self.voice.attempts >= self.attempts
        self.attempts = self.voice.attempts

    @invariant()
    def the_deadline_stands(self) -> None:
        assert self.voice.deadline == self.deadline


TestVoiceLife = VoiceLife.TestCase
