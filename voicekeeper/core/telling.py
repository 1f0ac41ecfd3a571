"""Who is told what now: alerts that wait, and channels with their rules, give one message for each channel."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from voicekeeper.core.alert import Severity, channel_key
from voicekeeper.core.channel import Rule, State, held_until

#: An alert of a voice that waits behind its account's is looked at again so much later.
_LOOK_AGAIN = timedelta(minutes=10)


class Owing(Protocol):
    """An alert that waits to be told: `heard` are the channels that know of it, `owed` those still to be told.

    `owed` is None where everybody is to be told, anew or for the first time.
    """

    @property
    def key(self) -> str: ...  # noqa: D102 - as in the table

    @property
    def account(self) -> str | None: ...  # noqa: D102 - likewise

    @property
    def topic(self) -> str: ...  # noqa: D102 - the same for whatever says the same of other voices

    @property
    def severity(self) -> Severity: ...  # noqa: D102 - as in the table

    @property
    def event(self) -> bool: ...  # noqa: D102 - likewise

    @property
    def resolved(self) -> bool: ...  # noqa: D102 - likewise

    @property
    def sent_at(self) -> datetime | None: ...  # noqa: D102 - likewise

    @property
    def heard(self) -> frozenset[str]: ...  # noqa: D102 - as above

    @property
    def owed(self) -> frozenset[str] | None: ...  # noqa: D102 - as above


A = TypeVar("A", bound=Owing)


@dataclass(slots=True)
class Plan(Generic[A]):
    """What goes out now, by channel; `audience` and `look_at` belong to the alerts in their order.

    `audience` are the channels that an alert is owed to, `look_at` when those can be told that cannot be now.
    """

    alerts: Sequence[A]
    messages: dict[str, list[A]] = field(default_factory=dict)
    audience: list[frozenset[str]] = field(default_factory=list)
    look_at: list[dict[str, datetime]] = field(default_factory=list)


def plan(
    alerts: Sequence[A],
    rules: Sequence[Rule],
    states: Mapping[str, State],
    now: datetime,
    repeat_every: timedelta,
    behind: Collection[str] = (),
) -> Plan[A]:
    """Say which channel is told which alerts now; those of voices `behind` their account's own alert wait."""
    made: Plan[A] = Plan(alerts)
    made.audience = [_audience(alert, rules, now, repeat_every) for alert in alerts]
    made.look_at = [{} for _ in alerts]
    told = [not _waits_behind(alert, behind) for alert in alerts]
    for place, waits in enumerate(told):
        if not waits:
            made.look_at[place] = dict.fromkeys(made.audience[place], now + _LOOK_AGAIN)
    for rule in rules:
        mine = [
            place
            for place, (goes, owed) in enumerate(zip(told, made.audience, strict=True))
            if goes and rule.id in owed
        ]
        _for_channel(made, rule, states.get(rule.id, State(id=rule.id)), mine, now)
    return made


def topics(told: Iterable[Owing]) -> list[str]:
    """Return what a message tells of that is urgent."""
    return [alert.topic for alert in told if _presses(alert)]


def _for_channel(made: Plan[A], rule: Rule, state: State, mine: Sequence[int], now: datetime) -> None:
    """Sort what one channel is owed: an urgent alert takes the rest along, but not through quiet hours."""
    pressing = {place for place in mine if _presses(made.alerts[place])}
    held = held_until(state, now, news=any(made.alerts[place].topic not in state.topics for place in pressing))
    quiet = rule.quiet_until(now)
    go = [] if held else [place for place in mine if place in pressing or not quiet]
    if go:
        made.messages[rule.id] = [made.alerts[place] for place in go]
    for place in set(mine) - set(go):
        ends = (held, None if place in pressing else quiet)
        made.look_at[place][rule.id] = max((end for end in ends if end), default=now)


def _presses(alert: Owing) -> bool:
    return alert.severity is Severity.CRITICAL and not alert.resolved


def _waits_behind(alert: Owing, behind: Collection[str]) -> bool:
    """Tell whether its account's own alert speaks for it; what has happened is told all the same."""
    return alert.key.startswith("voice/") and not (alert.event or alert.resolved) and alert.account in behind


def _audience(alert: Owing, rules: Sequence[Rule], now: datetime, repeat_every: timedelta) -> frozenset[str]:
    """Return the channels to tell: of an end those that heard of the beginning, of a channel's failure the others.

    Where one that was owed it is configured no more, those that have not heard of it stand in: often it is the same
    one, under the address that was corrected because nothing got through.
    """
    configured = {rule.id for rule in rules}
    if alert.resolved:
        wanted = configured & alert.heard
    else:
        wanted = {rule.id for rule in rules if rule.wants(alert.severity) and alert.key != channel_key(rule.id)}
    lasts = not (alert.event or alert.resolved)
    again = alert.owed is None or (lasts and alert.sent_at is not None and alert.sent_at + repeat_every <= now)
    if again or alert.owed is None:
        return frozenset(wanted)
    return frozenset(wanted & alert.owed if alert.owed <= configured else wanted & alert.owed | wanted - alert.heard)
