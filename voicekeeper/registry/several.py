"""Several voices at once, by their ids: look at them, change what is wanted with them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from voicekeeper.core.schedule import Policy
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import voices as table
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import voices


class Wish(StrEnum):
    """What people can do with a voice."""

    KEEP = "keep"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"

    def concerns(self, voice: Voice) -> bool:
        """Tell whether there is something left to do: only what waits can be decided, and what is kept stays so."""
        if self is Wish.RETRY:
            return voice.status is not Status.KEPT
        return voice.status is Status.WAITING and voice.intent != self.value


def look(connection: Connection, ids: Sequence[int]) -> list[Voice]:
    """Return those of these voices that there are, in the order of their ids."""
    query = select_voices().where(voices.c.id.in_(ids)).order_by(voices.c.id)
    return [to_voice(row) for row in connection.execute(query)]


def carry_out(
    connection: Connection, ids: Sequence[int], wish: Wish, policy_of: Callable[[str], Policy], now: datetime
) -> int:
    """Do it with those voices that it still concerns; return with how many it was done."""
    mine = (voice for voice in look(connection, ids) if wish.concerns(voice))
    return sum(_carry_out(connection, voice, wish, policy_of(voice.account), now) for voice in mine)


def _carry_out(connection: Connection, voice: Voice, wish: Wish, policy: Policy, now: datetime) -> bool:
    if wish is Wish.RETRY:
        return table.retry(connection, voice, policy, now)
    return table.decide(connection, voice, Intent(wish.value), now)
