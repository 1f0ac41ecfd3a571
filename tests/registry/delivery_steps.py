"""The steps that tests of deliveries are made of: alerts, and a round in which channels are told."""

from collections.abc import Sequence
from typing import Any

from tests.registry.registry_steps import ACCOUNT, HOUR, START
from voicekeeper.core.alert import Alert, Severity, voice_of
from voicekeeper.core.channel import GAPS, Rule
from voicekeeper.registry import deliveries, outbox
from voicekeeper.registry.database import Database
from voicekeeper.registry.deliveries import Results, Round
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import enter

ONE, TWO = Rule(id="one", name="json://one"), Rule(id="two", name="json://two")
BOTH = (ONE, TWO)
EVERY = 4 * HOUR
GAP = GAPS[0]


def alert(key: str = "voice/1/rung", **changes: Any) -> Alert:
    usual: dict[str, Any] = {"severity": Severity.CRITICAL, "title": key, "body": "body"}
    return Alert(key=key, **usual | changes)


def warning(key: str = "voice/1/rung", **changes: Any) -> Alert:
    return alert(key, severity=Severity.WARNING, **changes)


def rise(database: Database, *told: Alert, now: Any = START) -> None:
    """Raise alerts, also of voices that are registered nowhere else."""
    with database.transaction() as connection:
        for one in told:
            if voice := voice_of(one.key):
                enter(connection, voices, id=voice, account=ACCOUNT, voice_id=f"voice-{voice}", cloned_at=START)
            outbox.raise_alert(connection, one, now)


def begin(database: Database, now: Any = START, rules: Sequence[Rule] = BOTH) -> Round | None:
    return database.call(deliveries.begin, rules, now, EVERY)


def tell(
    database: Database, now: Any = START, rules: Sequence[Rule] = BOTH, dead: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Make one round in which the `dead` channels take nothing; return what was sent, by channel."""
    this = begin(database, now, rules)
    if this is None:
        return {}
    told = {channel: channel not in dead for channel in this.plan.messages}
    digests = {channel: channel not in dead for channel in this.digests}
    database.call(deliveries.finish, this, Results(told, digests), now, EVERY)
    mark = {False: "", True: "resolved "}
    return {
        channel: [mark[one.resolved] + one.key for one in sent]
        for channel, sent in this.plan.messages.items()
        if channel not in dead
    }
