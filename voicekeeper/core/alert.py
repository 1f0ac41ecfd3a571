"""What people are told: one function for each thing that can need them.

A key names the condition, so that it is raised once while it lasts: `voice/ID/…` belongs to a voice,
`account/NAME/…` to an account, `source/NAME/…` to a source, `channel/ID/…` to one of the ways to reach people.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from voicekeeper.core.outcome import Answer
from voicekeeper.core.shown import printable
from voicekeeper.core.voice import Intent, Origin, Voice
from voicekeeper.core.wording import Fact, Facts, fact, render

_CRITICAL_BELOW = timedelta(hours=12)


class Severity(StrEnum):
    """How much an alert hurries."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to tell; an `event` has happened and is over, anything else lasts until it is resolved.

    One that `renews` is told again when it is raised again while it lasts. `title` and `body` are English; `kind` and
    `facts` say the same in any language of the catalogue.
    """

    key: str
    severity: Severity
    title: str
    body: str
    event: bool = False
    renews: bool = False
    account: str | None = None
    kind: str = ""
    facts: Facts = field(default_factory=dict)


def voice_key(voice: Voice) -> str:
    """Return what every alert key of this voice begins with."""
    return f"voice/{voice.id}/"


def voice_of(key: str) -> int | None:
    """Return the id of the voice that an alert key is about, None where it is about something else."""
    kind, _, rest = key.partition("/")
    return int(rest.partition("/")[0]) if kind == "voice" else None


def rung_key(voice: Voice) -> str:
    """Return the alert key of a voice that is not kept although its deadline nears."""
    return f"{voice_key(voice)}rung"


def voice_keys(voice: Voice) -> list[str]:
    """Return all alert keys of this voice."""
    return [f"{voice_key(voice)}{kind}" for kind in ("rung", "lost", "refused", "missing", "unworkable")]


def account_key(name: str) -> str:
    """Return what every alert key of this account begins with."""
    return f"account/{name}/"


def source_key(name: str) -> str:
    """Return what every alert key of this source begins with."""
    return f"source/{name}/"


def channel_key(channel: str) -> str:
    """Return the alert key of a channel that fails."""
    return f"channel/{channel}/failing"


def behind_keys(name: str) -> list[str]:
    """Return the alert keys of this account that hold the alerts of its voices back."""
    return [f"{account_key(name)}paused", unknown_key(name)]


def unknown_key(name: str) -> str:
    """Return the alert key of an account that has voices and is not configured."""
    return f"{account_key(name)}unknown"


def overdue_key(name: str) -> str:
    """Return the alert key of an account whose voices should have been worked by now."""
    return f"{account_key(name)}overdue"


def failing_key(name: str) -> str:
    """Return the alert key of an account none of whose calls succeeds."""
    return f"{account_key(name)}failing"


def lost(voice: Voice, reason: str) -> Alert:
    """Say that a voice is gone, with the command that makes it anew."""
    held = "hold" if voice.intent is Intent.HOLD else None
    facts = _of_voice(voice) | {"reason": reason, "held": held, "command": _made_again(voice)}
    return _alert("lost", f"{voice_key(voice)}lost", Severity.CRITICAL, facts, event=True)


def rung(voice: Voice, reached: timedelta, now: datetime, stopped: str | None = None) -> Alert:
    """Say that a voice is not kept although its deadline nears; one rung of warning at a time.

    The words stay true until the next rung, because they are told again while it lasts. `stopped` says what keeps its
    account from it.
    """
    ahead = voice.deadline is not None and voice.deadline > now
    facts = _of_voice(voice) | {
        "reached": reached.total_seconds() if ahead else None,
        "held": voice.name if voice.intent is Intent.HOLD else None,
        "stopped": stopped,
        "last": voice.last_error or voice.last_outcome,
        "tries": voice.attempts or None,
    }
    severity = Severity.CRITICAL if reached <= _CRITICAL_BELOW else Severity.WARNING
    return _alert("rung", rung_key(voice), severity, facts, renews=True)


def refused(voice: Voice, answer: Answer) -> Alert:
    """Say that the provider refuses the keep call itself."""
    facts = _of_voice(voice) | {"reason": answer.message}
    return _alert("refused", f"{voice_key(voice)}refused", Severity.WARNING, facts)


def missing(voice: Voice, answer: Answer) -> Alert:
    """Say that the provider does not know a voice whose deadline is still ahead."""
    facts = _of_voice(voice) | {"reason": answer.message}
    return _alert("missing", f"{voice_key(voice)}missing", Severity.WARNING, facts)


def unworkable(voice: Voice, problem: str) -> Alert:
    """Say that a voice cannot be called at all."""
    facts = _of_voice(voice) | {"reason": problem}
    return _alert("unworkable", f"{voice_key(voice)}unworkable", Severity.CRITICAL, facts)


def paused(name: str, reason: str, left: timedelta | None) -> Alert:
    """Say that an account cannot work; `left` is the time to the next deadline of its voices, if there is one."""
    facts: Facts = {"account": name, "reason": reason, "left": fact(left)}
    return _alert("paused", f"{account_key(name)}paused", Severity.CRITICAL, facts)


def unknown_account(name: str) -> Alert:
    """Say that voices stand in the registry whose account is not configured."""
    return _alert("unknown", unknown_key(name), Severity.CRITICAL, {"account": name})


def unreachable(problem: str, since: datetime) -> Alert:
    """Say that the registry does not work: it is told directly, because alerts are kept in it."""
    return _alert("unreachable", "registry/unreachable", Severity.CRITICAL, {"problem": problem, "since": fact(since)})


def overdue(name: str, count: int, first: datetime, grace: timedelta, now: datetime) -> Alert:
    """Say that voices should have been worked by now, and sweeps do not take them."""
    facts: Facts = {"account": name, "count": count, "deadline": fact(first), "grace": fact(grace)}
    return _alert("overdue", overdue_key(name), _severity(first, now), facts)


def failing(name: str, since: datetime, reason: str | None, deadlines: Sequence[datetime], now: datetime) -> Alert:
    """Say that none of an account's calls succeeds; `deadlines` are those of the voices that wait for one."""
    first = min(deadlines)
    facts: dict[str, Fact] = {"account": name, "reason": reason, "since": fact(since)}
    waiting = {"count": len(deadlines), "deadline": fact(first)}
    return _alert("failing", failing_key(name), _severity(first, now), facts | waiting)


def unsavable_key(name: str) -> str:
    """Return the alert key of an account whose voices cannot all be saved."""
    return f"{account_key(name)}unsavable"


def unsavable(name: str, count: int, first: datetime, now: datetime, settings: Sequence[str]) -> Alert:
    """Say that not all voices can be saved; `settings` are changes each of which would save all."""
    facts: Facts = {"account": name, "count": count, "deadline": fact(first), "settings": "; ".join(settings)}
    return _alert("unsavable", unsavable_key(name), _severity(first, now), facts)


def clock_key(name: str) -> str:
    """Return the key of an account's alert about this machine's clock."""
    return f"{account_key(name)}clock"


def wrong_clock(name: str, skew: timedelta, severity: Severity) -> Alert:
    """Say that this machine's clock and a provider's disagree; `skew` is the former less the latter."""
    facts: Facts = {
        "account": name,
        "ahead": fact(max(skew, timedelta())) or None,
        "behind": fact(max(-skew, timedelta())) or None,
    }
    return _alert("clock", clock_key(name), severity, facts)


def broken_source(name: str, problem: str) -> Alert:
    """Say that a source cannot be read."""
    return _alert("broken", f"{source_key(name)}broken", Severity.WARNING, {"source": name, "reason": problem})


def refused_rows(name: str, count: int, first: Sequence[str]) -> Alert:
    """Say that some rows of a source are no voices that could be registered, and name the first of them."""
    more = count - len(first) if count > len(first) else None
    facts: Facts = {"source": name, "count": count, "first": "; ".join(first), "more": more}
    return _alert("rows", f"{source_key(name)}rows", Severity.WARNING, facts)


def channel_fails(channel: str, name: str, since: datetime) -> Alert:
    """Say that nobody is reached over one channel; `name` shows it without its secrets."""
    return _alert("channel", channel_key(channel), Severity.WARNING, {"channel": name, "since": fact(since)})


def in_doubt(key: str, severity: Severity, facts: Facts) -> Alert:
    """Say that a voice may have been made without anybody having been told."""
    return _alert("cloning", key, severity, facts, event=True)


def _severity(first: datetime, now: datetime) -> Severity:
    """Return how much it hurries that voices are not kept, of which this is the first deadline."""
    return Severity.CRITICAL if first - now <= _CRITICAL_BELOW else Severity.WARNING


def _alert(
    kind: str, key: str, severity: Severity, facts: Facts, *, event: bool = False, renews: bool = False
) -> Alert:
    """Put an alert into words; facts that there are not are left out."""
    shown = {name: printable(value) if isinstance(value, str) else value for name, value in facts.items()}
    known = {name: value for name, value in shown.items() if value not in {None, ""}}
    title, body = render(kind, known)
    account = facts.get("account")
    return Alert(
        key=key,
        severity=severity,
        title=title,
        body=body,
        event=event,
        renews=renews,
        account=account if isinstance(account, str) else None,
        kind=kind,
        facts=known,
    )


def _of_voice(voice: Voice) -> dict[str, Fact]:
    return {
        "account": voice.account,
        "voice_id": voice.voice_id,
        "name": voice.name,
        "label": voice.label,
        "deadline": fact(voice.deadline),
    }


#: What makes a voice of each origin; words in capitals are for its owner to fill in.
_MAKING: Mapping[Origin, str] = {
    Origin.CLONE: "voicekeeper clone AUDIO",
    Origin.DESIGN: "voicekeeper design --prompt PROMPT --preview-text TEXT",
}


def _made_again(voice: Voice) -> str:
    """Return the command that makes a voice anew, as a shell takes it."""
    label = f" --label {shlex.quote(voice.label)}" if voice.label else ""
    account, voice_id = shlex.quote(voice.account), shlex.quote(voice.voice_id)
    return f"{_MAKING[voice.origin]} --account {account} --voice-id {voice_id}{label}"
