"""A cloning that was begun, and what people are told when its end was never recorded."""

import shlex
from dataclasses import dataclass, replace
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


def registering(begun: Begun) -> str:
    """Return the command that registers it as it was meant to be, as a shell takes it."""
    words = ["voicekeeper", "add", begun.voice_id or "VOICE_ID", "--account", begun.account]
    words += ["--cloned-at", f"{begun.cloned_at:%Y-%m-%dT%H:%M:%SZ}"]
    words += ["--origin", begun.origin.value] if begun.origin is not Origin.CLONE else []
    words += ["--label", begun.label] if begun.label else []
    words += ["--hold"] if begun.intent is Intent.HOLD else []
    return shlex.join(words)


def doubted(trace: int, begun: Begun, reason: str) -> Alert:
    """Say that a voice may have been made without anybody having been told; `trace` is its row's id."""
    facts = {
        "account": begun.account,
        "voice_id": begun.voice_id,
        "label": begun.label,
        "origin": begun.origin.value,
        "begun": fact(begun.cloned_at),
        "reason": reason,
        "command": registering(replace(begun, voice_id=None)),
    }
    severity = Severity.INFO if begun.voice_id is not None else Severity.CRITICAL
    return in_doubt(f"{account_key(begun.account)}cloning/{trace}", severity, facts)
