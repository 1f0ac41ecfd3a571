"""One voice by its whole name, for programs: enrol it, look at it, change what is wanted with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, update

from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import voices as table
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import voices
from voicekeeper.registry.voices import NewVoice


def enrol(connection: Connection, new: NewVoice) -> tuple[Voice, bool]:
    """Register a voice unless it is registered; return it as it stands, and whether it is new.

    Two programs that enrol the same voice at once both get it, and one of them that it is new.
    """
    found = look(connection, new.account, new.voice_id)
    if found is not None:
        return found, False
    refusal = _refusal(connection, new)
    found = look(connection, new.account, new.voice_id)
    if found is None:
        raise refusal or InputError(f"the registry does not take {new.account}/{new.voice_id}")
    return found, refusal is None


def _refusal(connection: Connection, new: NewVoice) -> InputError | None:
    """Register a voice; return why it cannot be, or is already."""
    try:
        with connection.begin_nested():
            table.register(connection, [new])
    except InputError as error:
        return error
    return None


def look(connection: Connection, account: str, voice_id: str) -> Voice | None:
    """Return a voice as it stands, None where there is none."""
    row = connection.execute(_named(account, voice_id)).first()
    return to_voice(row) if row else None


def change(
    connection: Connection, account: str, voice_id: str, wishes: Mapping[str, Any], now: datetime
) -> Voice | None:
    """Change intent, label or priority, all of them or none; return the voice as it stands then, None for none.

    Raises InputError where the voice waits no longer and there is nothing left to decide.
    """
    row = connection.execute(_named(account, voice_id).with_for_update()).first()
    if row is None:
        return None
    voice = to_voice(row)
    intent = wishes.get("intent", voice.intent)
    if intent is not voice.intent and not table.decide(connection, voice, intent, now):
        _require_settled(voice, intent)
    words = {name: wishes[name] for name in ("label", "priority") if name in wishes}
    if words:
        ended = voice.status in {Status.LOST, Status.RELEASED}  # digests count these by when they last changed
        moved = {} if ended else {"updated_at": now}
        connection.execute(update(voices).where(voices.c.id == voice.id).values(**words, **moved))
    return look(connection, account, voice_id)


def _require_settled(voice: Voice, intent: Intent) -> None:
    """Take the wish to keep what is kept; refuse every other one."""
    if voice.status is not Status.KEPT:
        retry = f"`voicekeeper retry {voice.name}` tries it once more"
        raise InputError(f"{voice.name} is {voice.status.value}, there is nothing left to decide: {retry}")
    if intent is not Intent.KEEP:
        raise InputError(f"{voice.name} is kept and paid for already: there is nothing left to {intent.value}")


def _named(account: str, voice_id: str) -> Select[Any]:
    return select_voices().where(voices.c.account == account, voices.c.voice_id == voice_id)
