"""The life of a voice: a voice and what happened to it give its next state and what people are told.

Every (status, outcome) has one next state. Only an answer of the provider, or its owner's choice to hold it
past its deadline, makes a voice lost: the clock alone never does.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from voicekeeper.core import alert as alerts
from voicekeeper.core.alert import Alert
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy, cap_wait, next_rung, retry_wait, rung_reached
from voicekeeper.core.voice import Intent, Status, Voice

#: A voice that the provider does not know before its deadline is lost after this many answers over this time.
CONFIRMATIONS = 3
CONFIRM_OVER = timedelta(hours=1)
_CONFIRM_EVERY = timedelta(minutes=30)
#: A voice that was throttled or blocked lets the others go first for this long.
_STEP_BACK = timedelta(minutes=1)
#: A voice that waits in the queue for its account's slots raises no alarm until its deadline is this near.
_NEAR = timedelta(hours=12)
_LOOK_AGAIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Settled:
    """A voice's next state, and the alert that belongs to the change, if any."""

    voice: Voice
    alert: Alert | None = None


def settle(voice: Voice, answer: Answer, now: datetime, *, account_paused: bool) -> Settled:
    """Return the voice after an answer to its keep call.

    `account_paused` tells whether the account stood paused when the call was made.
    """
    if voice.status is not Status.WAITING and answer.outcome is not Outcome.KEPT:
        return Settled(voice)
    if answer.outcome is Outcome.BLOCKED and singled_out(voice, account_paused=account_paused):
        return _tried_again(_noted(voice, answer, now), answer, now)
    return _NEXT[answer.outcome](_noted(voice, answer, now), answer, now)


def singled_out(voice: Voice, *, account_paused: bool) -> bool:
    """Tell whether another "blocked" concerns this voice and not its account.

    Its account was paused because of it, and another call has opened it again. Where it does concern the account after
    all, the next call pauses that. Its owner's retry begins anew.
    """
    return voice.last_outcome == Outcome.BLOCKED and voice.streak > 0 and not account_paused


def listed(voice: Voice, now: datetime) -> Settled:
    """Return the voice after the provider's own list has shown it, which proves that it is permanent."""
    kept_at = voice.kept_at or now
    return Settled(replace(voice, status=Status.KEPT, kept_at=kept_at, verified_at=now, last_error=None))


def expire(voice: Voice, now: datetime) -> Settled:
    """Return a held or released voice after its deadline; any other stays as it is."""
    if voice.status is not Status.WAITING or voice.deadline is None or now < voice.deadline:
        return Settled(voice)
    if voice.intent is Intent.RELEASE:
        return Settled(replace(voice, status=Status.RELEASED))
    if voice.intent is Intent.HOLD:
        gone = replace(voice, status=Status.LOST, last_error="held past its deadline")
        return Settled(gone, alerts.lost(gone, "It was on hold when its deadline passed."))
    return Settled(voice)


def warn(voice: Voice, now: datetime, policy: Policy, *, queued: bool = False, stopped: str | None = None) -> Settled:
    """Return a waiting voice after a look at its rungs of warning.

    A voice that waits by plan for its due time, or that its owner lets go, raises no alarm; nor does one that only
    waits in the queue of its account's rate limit (`queued`), until its deadline is near. `stopped` says what keeps
    its account from it, as a spent budget does: a voice that was not tried yet says so from then on.
    """
    if voice.status is not Status.WAITING or voice.deadline is None:
        return Settled(voice)
    reached = rung_reached(voice.deadline, now, policy.warn_before)
    if queued and not _tried(voice) and voice.intent is Intent.KEEP and voice.deadline - now > _NEAR:
        return Settled(replace(voice, warn_at=min(now + _LOOK_AGAIN, voice.deadline - _NEAR)))
    moved = replace(voice, warn_at=_next_look(voice, voice.deadline, now, policy))
    if reached is None or not _endangered(voice, now):
        return Settled(moved)
    if stopped and voice.intent is Intent.KEEP and not _tried(voice):
        return Settled(replace(moved, last_error=stopped), alerts.rung(voice, reached, now, stopped))
    return Settled(moved, alerts.rung(voice, reached, now))


def _endangered(voice: Voice, now: datetime) -> bool:
    if voice.intent is Intent.HOLD:
        return True
    return voice.intent is Intent.KEEP and (_tried(voice) or voice.due_at is None or voice.due_at <= now)


def _tried(voice: Voice) -> bool:
    """Tell whether a voice was called: throttled and blocked ones use up no attempt, but are not in time either."""
    return voice.attempts > 0 or voice.last_outcome is not None


def _next_look(voice: Voice, deadline: datetime, now: datetime, policy: Policy) -> datetime | None:
    """Return the next rung, or for a voice that is not due yet, the moment it is."""
    rung = next_rung(deadline, now, policy.warn_before)
    planned = voice.due_at if voice.intent is Intent.KEEP and not _endangered(voice, now) else None
    return min((moment for moment in (rung, planned) if moment is not None), default=None)


def _noted(voice: Voice, answer: Answer, now: datetime) -> Voice:
    """Return the voice with the answer as its last one."""
    again = voice.last_outcome == answer.outcome and voice.streak > 0
    return replace(
        voice,
        last_outcome=answer.outcome.value,
        last_error=None if answer.outcome is Outcome.KEPT else answer.message,
        streak=voice.streak + 1 if again else 1,
        streak_since=voice.streak_since if again and voice.streak_since else now,
    )


def _kept(voice: Voice, answer: Answer, now: datetime) -> Settled:  # noqa: ARG001 - one shape for every outcome
    return Settled(replace(voice, status=Status.KEPT, attempts=voice.attempts + 1, kept_at=voice.kept_at or now))


def _tried_again(voice: Voice, answer: Answer, now: datetime, wait: timedelta | None = None) -> Settled:
    """Use up an attempt and wait: by the retry table, or longer where the provider or the caller asks for it."""
    tries = voice.attempts + 1
    left = (voice.deadline or now) - now
    longer = max(wait or timedelta(), answer.asked_wait)
    due = now + max(retry_wait(tries, left, voice.name), cap_wait(longer, left))
    return Settled(replace(voice, attempts=tries, due_at=due))


def _stepped_back(voice: Voice, answer: Answer, now: datetime) -> Settled:
    """Let the account's other voices go first; the account itself slows down or pauses, no attempt is used up."""
    left = (voice.deadline or now) - now
    return Settled(replace(voice, due_at=now + cap_wait(max(answer.asked_wait, _STEP_BACK), left)))


def _refused(voice: Voice, answer: Answer, now: datetime) -> Settled:
    again = _tried_again(voice, answer, now).voice
    return Settled(again, alerts.refused(again, answer) if voice.streak >= len(("text", "alternate")) else None)


def _not_found(voice: Voice, answer: Answer, now: datetime) -> Settled:
    past = voice.deadline is not None and now >= voice.deadline
    confirmed = voice.streak >= CONFIRMATIONS and now - (voice.streak_since or now) >= CONFIRM_OVER
    if past or confirmed:
        gone = replace(voice, status=Status.LOST, attempts=voice.attempts + 1)
        return Settled(gone, alerts.lost(gone, answer.message))
    again = _tried_again(voice, answer, now, _CONFIRM_EVERY).voice
    return Settled(again, alerts.missing(again, answer))


_NEXT: dict[Outcome, Callable[[Voice, Answer, datetime], Settled]] = {
    Outcome.KEPT: _kept,
    Outcome.THROTTLED: _stepped_back,
    Outcome.TRANSIENT: _tried_again,
    Outcome.BLOCKED: _stepped_back,
    Outcome.REFUSED: _refused,
    Outcome.NOT_FOUND: _not_found,
    Outcome.AMBIGUOUS: _tried_again,
}
