"""Who is told what, over all instances: each channel's state, and the alerts that are owed to it.

`begin` takes what is to be told and leaves the channels' rows as if it were told, so that no other instance tells the
same or sends the next message too soon; `finish` writes down what came of it. In between nothing is locked.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, func, select, update

from voicekeeper.core import telling
from voicekeeper.core.alert import behind_keys, channel_fails, channel_key, voice_of
from voicekeeper.core.channel import REPORTED, Rule, State, after
from voicekeeper.core.telling import Plan
from voicekeeper.registry import outbox
from voicekeeper.registry.outbox import TELLING, Due
from voicekeeper.registry.rows import AnyRow
from voicekeeper.registry.tables import channels, voices
from voicekeeper.registry.types import enter

#: A digest that nobody has sent for so long belongs to a channel that is configured no more.
_STALE = timedelta(days=1)


@dataclass(slots=True)
class Round:
    """What one instance has to tell now: alerts by channel, and since when a digest reports, by channel.

    `at` is when it was taken, and until when its digests report: those that follow begin there.
    """

    at: datetime
    plan: Plan[Due]
    rules: Mapping[str, Rule]
    states: dict[str, State]
    digests: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """Whether each channel took its alerts, and its digest."""

    told: Mapping[str, bool] = field(default_factory=dict)
    digests: Mapping[str, bool] = field(default_factory=dict)

    def ok(self, channel: str) -> bool:
        """Tell whether a channel took everything."""
        return self.told.get(channel, True) and self.digests.get(channel, True)

    @property
    def tried(self) -> list[str]:
        """The channels that something was sent to."""
        return sorted({*self.told, *self.digests})


def begin(connection: Connection, rules: Sequence[Rule], now: datetime, repeat_every: timedelta) -> Round | None:
    """Take what has to be told now; None when nothing goes out."""
    digesting = any(rule.digest for rule in rules)
    if not digesting and connection.execute(outbox.waiting(now).limit(1)).first() is None:
        return None
    states = _lock(connection, rules)
    due = _still_meant(connection, outbox.take(connection, now), rules, now)
    plan = telling.plan(due, rules, states, now, repeat_every, _behind(connection, due))
    this = Round(now, plan, {rule.id: rule for rule in rules}, states)
    this.digests = _take_digests(connection, this, now)
    if not plan.messages and not this.digests:
        finish(connection, this, Results(), now, repeat_every)
        return None
    for channel, told in plan.messages.items():
        _save(connection, after(states[channel], now, ok=True, topics=telling.topics(told)), *_TOLD)
    return this


def finish(connection: Connection, this: Round, results: Results, now: datetime, repeat_every: timedelta) -> None:
    """Write down what came of it: for each channel, and for each alert who has heard of it and who is still to."""
    for channel in results.tried:
        before = this.states[channel]
        told = this.plan.messages.get(channel, ())
        state = after(before, now, ok=results.ok(channel), topics=telling.topics(told))
        if channel in this.digests:
            state = _digested(this, state, now, ok=results.digests.get(channel, False))
        _save(connection, state, *_COLUMNS)
        _report(connection, this.rules[channel], before, state, now)
        this.states[channel] = state
    _settle(connection, this, results, now, repeat_every)


def states(connection: Connection) -> dict[str, State]:
    """Return how all channels do that were ever told something, by id."""
    return {row.id: _state(row) for row in connection.execute(select(channels))}


def digest_due(now: datetime) -> Select[tuple[str]]:
    """Begin a query for the channels whose digest is due."""
    return select(channels.c.id).where(channels.c.digest_at <= now, channels.c.digest_at > now - _STALE)


def next_digest(now: datetime) -> Select[tuple[datetime]]:
    """Return the query for when the next digest is due."""
    return select(func.min(channels.c.digest_at)).where(channels.c.digest_at > now)


_COLUMNS = tuple(one.name for one in fields(State) if one.name != "id")
#: What a message changes if it is taken.
_TOLD = ("told_at", "in_row", "topics")


def _lock(connection: Connection, rules: Sequence[Rule]) -> dict[str, State]:
    """Return the channels' states, held until the transaction ends; before any alert's row, or two would deadlock."""
    ids = sorted({rule.id for rule in rules})
    query = select(channels).where(channels.c.id.in_(ids)).order_by(channels.c.id).with_for_update()
    found = {row.id: _state(row) for row in connection.execute(query)}
    for channel in ids:
        if channel not in found:
            enter(connection, channels, id=channel)
            found[channel] = State(id=channel)
    return found


def _still_meant(connection: Connection, due: Sequence[Due], rules: Sequence[Rule], now: datetime) -> list[Due]:
    """Leave out, and end, what is said of channels that are configured no more, and of voices whose row is gone."""
    meant = {channel_key(rule.id) for rule in rules}
    gone = [one for one in due if one.key.startswith("channel/") and one.key not in meant]
    gone += _without_row(connection, due)
    outbox.close(connection, gone, now)
    ended = {one.id for one in gone}
    return [one for one in due if one.id not in ended]


def _without_row(connection: Connection, due: Sequence[Due]) -> list[Due]:
    """Return what lasts of voices that their owner has deleted: nothing else would end it. What is over is told."""
    lasting = {one.id: voice_of(one.key) for one in due if not (one.event or one.resolved)}
    ids = {voice for voice in lasting.values() if voice is not None}
    there = {None, *connection.execute(select(voices.c.id).where(voices.c.id.in_(ids))).scalars()} if ids else {None}
    return [one for one in due if lasting.get(one.id) not in there]


def _behind(connection: Connection, due: Sequence[Due]) -> set[str]:
    """Return the accounts whose own alert speaks for their voices."""
    names = {one.account for one in due if one.account and one.key.startswith("voice/")}
    keys = {key: name for name in names for key in behind_keys(name)}
    return {keys[key] for key in outbox.standing(connection, keys)} if keys else set()


def _take_digests(connection: Connection, this: Round, now: datetime) -> dict[str, datetime]:
    """Take the digests that are due, for as long as sending may take; set the times of those that have none."""
    taken = {}
    for channel, rule in this.rules.items():
        state, planned = this.states[channel], rule.next_digest(now)
        if planned is None:
            wanted = replace(state, digest_at=None, digest_from=None)
        elif state.digest_at is None:
            wanted = replace(state, digest_at=planned, digest_from=now)
        elif state.digest_at <= now and (quiet := rule.quiet_until(now)):
            wanted = replace(state, digest_at=quiet)
        elif state.digest_at <= now and not (state.retry_at and state.retry_at > now):
            taken[channel] = state.digest_from or now
            wanted = replace(state, digest_at=now + TELLING)
        else:
            wanted = replace(state, digest_at=min(state.digest_at, planned))
        if wanted != state:
            _save(connection, wanted, "digest_at", "digest_from")
            this.states[channel] = wanted
    return taken


def _digested(this: Round, state: State, now: datetime, *, ok: bool) -> State:
    if ok:
        return replace(state, digest_at=this.rules[state.id].next_digest(now), digest_from=this.at)
    return replace(state, digest_at=state.retry_at)


def _report(connection: Connection, rule: Rule, before: State, state: State, now: datetime) -> None:
    """Say of a channel that fails again and again that it does, and when it works again."""
    if state.tries >= REPORTED and state.failing_since:
        outbox.raise_alert(connection, channel_fails(rule.id, rule.name, state.failing_since), now)
    elif before.tries and not state.tries:
        outbox.resolve(connection, channel_key(rule.id), now)


def _settle(connection: Connection, this: Round, results: Results, now: datetime, repeat_every: timedelta) -> None:
    """Write down each alert: what everybody was told, and what is owed until when."""
    done: list[Due] = []
    over: list[Due] = []
    owed: dict[datetime, list[Due]] = defaultdict(list)
    took = {name: {one.id for one in told} for name, told in this.plan.messages.items() if results.told.get(name)}
    for one, audience, look_at in zip(this.plan.alerts, this.plan.audience, this.plan.look_at, strict=True):
        heard = frozenset(channel for channel in audience if one.id in took.get(channel, ()))
        still, known = audience - heard, replace(one, heard=one.heard | heard)
        if still:
            failed = bool(still & results.told.keys())
            rest = replace(known, owed=still, sent_at=now if heard else one.sent_at, tries=one.tries + failed)
            owed[_next_look(this, still, look_at, rest, now, repeat_every)].append(rest)
        elif heard:
            done.append(known)
        elif one.event or one.resolved:
            over.append(known)
        else:
            owed[now + repeat_every].append(replace(known, owed=None))
    if done:
        outbox.told(connection, done, now, repeat_every)
    if over:
        outbox.close(connection, over, now)
    for at, ones in owed.items():
        outbox.owe(connection, ones, at)


def _next_look(
    this: Round,
    still: Collection[str],
    look_at: Mapping[str, datetime],
    alert: Due,
    now: datetime,
    repeat_every: timedelta,
) -> datetime:
    """Return when somebody can next be told who is still to be, or when what lasts is told again."""
    moments = [look_at.get(channel) or this.states[channel].retry_at or now for channel in still]
    if alert.sent_at and not (alert.event or alert.resolved):
        moments.append(alert.sent_at + repeat_every)
    return min(moments)


def _state(row: AnyRow) -> State:
    return State(**row._asdict() | {"topics": tuple((row.topics or "").splitlines())})


def _save(connection: Connection, state: State, *columns: str) -> None:
    values = {name: getattr(state, name) for name in columns}
    if "topics" in values:
        values["topics"] = "\n".join(state.topics)
    connection.execute(update(channels).where(channels.c.id == state.id).values(**values))
