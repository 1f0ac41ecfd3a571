"""A cloning that was begun, and what people are told when its end was never recorded."""

from dataclasses import dataclass
from datetime import datetime

from voicekeeper.core.alert import Alert, Severity, account_key, in_doubt
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.core.wording import fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What is known of a cloning before its call; `voice_id` is None where the provider makes it.

    `cloned_at` is the time taken before the call: the provider cannot have counted from an earlier one.
    """

    account: str
    voice_id: str | None
    cloned_at: datetime
    label: str = ""
    intent: Intent = Intent.KEEP
    origin: Origin = Origin.CLONE


def doubted(trace: int, begun: Begun, reason: str) -> Alert:
    """Say that a voice may have been made without anybody having been told; `trace` is its row's id."""
    at = f"{begun.cloned_at:%Y-%m-%dT%H:%M:%SZ}"
    facts = {
        "account": begun.account,
        "voice_id": begun.voice_id,
        "label": begun.label,
        "origin": begun.origin.value,
        "begun": fact(begun.cloned_at),
        "reason": reason,
        "command": f"voicekeeper add VOICE_ID --account {begun.account} --cloned-at {at}",
    }
    severity = Severity.INFO if begun.voice_id is not None else Severity.CRITICAL
    return in_doubt(f"{account_key(begun.account)}cloning/{trace}", severity, facts)
