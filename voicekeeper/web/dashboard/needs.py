"""What needs somebody now, from the last count and the daemon's own health: pure, and in the order of urgency."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from voicekeeper.core.account import Account
from voicekeeper.core.voice import Intent
from voicekeeper.core.week import hour_of
from voicekeeper.core.wording import Fact, fact
from voicekeeper.web.census import Figures, Kind
from voicekeeper.web.health import Health

#: Nearer than this a deadline is worth a look; on hold somebody has to decide, which takes longer.
NEAR, UNDECIDED = timedelta(hours=24), timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs somebody: how bad it is ("bad", "warn" or "info"), its sentence, the page with more."""

    level: str
    name: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    more: str | None = None


def of_daemon(health: Health, now: datetime, longest: timedelta) -> Iterator[Need]:
    """Yield what is wrong with the daemon itself."""
    if health.reason(now, longest) is None:
        return
    if health.problem:
        yield Need("bad", "need_registry", {"problem": health.problem})
    elif health.swept_at is None:
        yield Need("warn", "need_first_sweep")
    else:
        yield Need("bad", "need_sweep", {"at": fact(health.swept_at), "ago": fact(now - health.swept_at)})


def of_accounts(everyone: Sequence[Account], figures: Figures, known: Collection[str], now: datetime) -> Iterator[Need]:
    """Yield the accounts that cannot work."""
    for account in everyone:
        if account.paused and account.name in known:
            first = figures.next_deadline.get(account.name)
            left = fact(first - now) if first and first > now else None
            yield Need("bad", "need_paused", {"account": account.name, "reason": account.reason, "left": left})
    strangers = Counter[str]()
    for kind, count in figures.waiting.items():
        strangers[kind.account] += count if kind.account not in known else 0
    for name, count in sorted((+strangers).items()):
        query = {"account": name, "status": "waiting"}
        yield Need("bad", "need_unknown", {"account": name, "n": count}, f"voices?{urlencode(query)}")


def of_pace(missed: Mapping[str, int]) -> Iterator[Need]:
    """Yield the accounts that cannot reach all their voices in time, with how many they miss."""
    for account, count in sorted(missed.items()):
        if count:
            yield Need("bad", "need_missed", {"account": account, "n": count}, f"?{urlencode({'account': account})}")


def of_voices(figures: Figures, now: datetime, account: str | None) -> Iterator[Need]:
    """Yield what is lost, too late, or near its end; of one account alone, where its figures are given."""
    hour, mine = hour_of(now), {"account": account} if account else {}
    waiting = {"status": "waiting"} | mine
    yield from _counted("bad", "need_lost", sum(figures.lost.values()), {"status": "lost"} | mine)
    yield from _counted("bad", "need_past", _count(figures, lambda kind: _ends(kind, None, hour)), waiting | _within(0))
    near = _count(figures, lambda kind: kind.intent is Intent.KEEP and _ends(kind, hour, hour + NEAR))
    yield from _counted("warn", "need_near", near, waiting | _within(24))
    held = _count(figures, lambda kind: kind.intent is Intent.HOLD and _ends(kind, hour, hour + UNDECIDED))
    yield from _counted("warn", "need_hold", held, {"intent": "hold"} | mine | _within(72))
    yield from _counted("info", "need_line", _count(figures, lambda kind: _in_line(kind, hour)), waiting)
    yield from _counted("info", "need_unplanned", _count(figures, lambda kind: kind.deadline is None), waiting)


def _counted(level: str, name: str, count: int, query: Mapping[str, str]) -> Iterator[Need]:
    if count:
        yield Need(level, name, {"n": count}, f"voices?{urlencode(query)}")


def _count(figures: Figures, fits: Callable[[Kind], bool]) -> int:
    return sum(count for kind, count in figures.waiting.items() if fits(kind))


def _ends(kind: Kind, first: datetime | None, end: datetime | None) -> bool:
    at = kind.deadline
    return at is not None and (first is None or at >= first) and (end is None or at < end)


def _in_line(kind: Kind, hour: datetime) -> bool:
    """Tell whether voices came due in the hour before or earlier, and still have time."""
    late = kind.due is not None and kind.due < hour
    return late and kind.intent is Intent.KEEP and _ends(kind, hour, None)


def _within(hours: int) -> dict[str, str]:
    return {"due_within": f"{hours}h"}
