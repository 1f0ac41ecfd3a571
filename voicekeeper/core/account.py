"""One provider account: open or paused, and how an answer moves it between the two."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from voicekeeper.core import rate
from voicekeeper.core.outcome import Answer, Outcome

_PROBE_WAITS = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10))
LONGEST_PROBE_WAIT = _PROBE_WAITS[-1]
_LONGEST_BACKOFF = timedelta(minutes=1)
#: Calls that failed in a row, after which the provider counts as down rather than a voice as unlucky.
_OUTAGE = 5
#: Trouble of so long is told: most outages are over by then.
_TOLD_AFTER = timedelta(hours=1)
_FAILS = frozenset({Outcome.TRANSIENT, Outcome.AMBIGUOUS})
#: These answers prove that the key is accepted and the account may work.
_PROVES_OPEN = frozenset({Outcome.KEPT, Outcome.REFUSED, Outcome.NOT_FOUND})


class AccountState(StrEnum):
    """Whether an account's voices may be worked."""

    OPEN = "open"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account's state in the registry, shared by every instance; times are on the registry's clock.

    `slot_at` is the rate limiter's next free slot; `throttles` counts slow-downs in a row; `probes` counts the
    tries since the account paused; `fingerprint` tells a changed key or address, and is no secret. `failures` counts
    failed calls in a row, up to an outage; `ramp_at` says since when things go well again after trouble, and
    `failing_since` since when calls do nothing but fail or come too fast.
    """

    name: str
    state: AccountState = AccountState.OPEN
    reason: str | None = None
    paused_at: datetime | None = None
    probe_at: datetime | None = None
    probes: int = 0
    slot_at: datetime | None = None
    throttles: int = 0
    fingerprint: str | None = None
    failures: int = 0
    ramp_at: datetime | None = None
    failing_since: datetime | None = None

    @property
    def paused(self) -> bool:
        """Whether the account waits for its owner."""
        return self.state is AccountState.PAUSED

    @property
    def troubled(self) -> bool:
        """Whether the provider asks to slow down, or seems to be down."""
        return self.throttles > 0 or self.failures >= _OUTAGE

    def failing(self, now: datetime) -> bool:
        """Tell whether somebody should know that no call succeeds; a pause is told by itself."""
        long = self.failing_since is not None and now - self.failing_since >= _TOLD_AFTER
        return long and self.troubled and not self.paused


def after(account: Account, answer: Answer, now: datetime) -> Account:
    """Return the account as it stands after one answer."""
    if answer.outcome is Outcome.BLOCKED:
        return _blocked(account, answer, now)
    if account.paused and answer.outcome in _PROVES_OPEN:
        opened = replace(account, state=AccountState.OPEN, reason=None, paused_at=None, probe_at=None, probes=0)
        account = replace(opened, ramp_at=now)
    if answer.outcome in {Outcome.THROTTLED, *_FAILS}:
        return replace(_troubled(account, answer, now), failing_since=account.failing_since or now)
    return _answered(account, answer, now)


def space(account: Account, usual: timedelta, now: datetime) -> timedelta:
    """Return the space between two of the account's calls: wider in trouble, and for a while afterwards."""
    if account.troubled:
        return rate.ramped(usual, timedelta())
    return usual if account.ramp_at is None else rate.ramped(usual, now - account.ramp_at)


def probing(account: Account, now: datetime) -> Account:
    """Return the paused account with this probe taken and the next one set."""
    wait = _PROBE_WAITS[min(account.probes + 1, len(_PROBE_WAITS) - 1)]
    return replace(account, probes=account.probes + 1, probe_at=now + wait)


def _answered(account: Account, answer: Answer, now: datetime) -> Account:
    """Forget failures, for the provider works; only a keep proves that it need not be spared any more."""
    throttles = 0 if answer.outcome is Outcome.KEPT else account.throttles
    better = replace(account, failures=0, throttles=throttles, failing_since=None)
    return replace(better, ramp_at=now) if account.troubled and not better.troubled else better


def _blocked(account: Account, answer: Answer, now: datetime) -> Account:
    if account.paused:
        return replace(account, reason=answer.message)
    return replace(
        account,
        state=AccountState.PAUSED,
        reason=answer.message,
        paused_at=now,
        probe_at=now + _PROBE_WAITS[0],
        probes=0,
        failing_since=None,
    )


def _troubled(account: Account, answer: Answer, now: datetime) -> Account:
    if answer.outcome is Outcome.THROTTLED:
        return _throttled(account, answer, now)
    return replace(account, failures=min(account.failures + 1, _OUTAGE))


def _throttled(account: Account, answer: Answer, now: datetime) -> Account:
    """Close the account's slots for a while: what the provider asks, or a wait that doubles from one second."""
    throttles = account.throttles + 1
    backoff = min(timedelta(seconds=2 ** min(throttles - 1, 10)), _LONGEST_BACKOFF)
    wait = max(answer.asked_wait, backoff)
    return replace(account, slot_at=max(account.slot_at or now, now + wait), throttles=throttles)
