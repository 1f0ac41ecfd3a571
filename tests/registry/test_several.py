"""Several voices at once: what is ticked is done where there is something left to do, and nothing else changes."""

import pytest

from tests.registry.registry_steps import HOUR, POLICY, START, add, change, everyone, voice
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import several
from voicekeeper.registry.database import Database
from voicekeeper.registry.several import Wish

LATER = START + HOUR


@pytest.fixture
def ids(database: Database) -> list[int]:
    """One voice of each status, and one that waits on hold."""
    add(database, "waiting", "held", "kept", "lost", "released")
    change(database, "held", intent="hold")
    change(database, "kept", status="kept", kept_at=START)
    change(database, "lost", status="lost")
    change(database, "released", status="released", intent="release")
    return [one.id for one in everyone(database)]


@pytest.mark.parametrize(
    ("wish", "concerned"),
    [
        (Wish.KEEP, {"held"}),
        (Wish.HOLD, {"waiting"}),
        (Wish.RELEASE, {"waiting", "held"}),
        (Wish.RETRY, {"waiting", "held", "lost", "released"}),
    ],
)
def test_only_what_is_left_to_decide(database: Database, ids: list[int], wish: Wish, concerned: set[str]) -> None:
    """A kept voice would be released on paper, or a lost one said to be on hold."""
    before = {one.voice_id: one for one in everyone(database)}
    assert database.call(several.carry_out, [*ids, 10**15], wish, lambda _: POLICY, LATER) == len(concerned)
    after = {one.voice_id: one for one in everyone(database)}
    assert {name for name in after if after[name] != before[name]} == concerned
    for name in concerned:
        assert after[name].status is Status.WAITING
        assert after[name].intent == (Intent.KEEP if wish is Wish.RETRY else wish.value)


def test_a_retry_is_due_at_once(database: Database, ids: list[int]) -> None:
    """Somebody would press the button and wait for days."""
    database.call(several.carry_out, ids, Wish.RETRY, lambda _: POLICY, LATER)
    assert voice(database, "lost").due_at == LATER


def test_looking_in_the_order_of_ids(database: Database, ids: list[int]) -> None:
    """The page that asks again would show other voices than those that were ticked."""
    assert [one.id for one in database.call(several.look, [ids[2], 10**15, ids[0]])] == [ids[0], ids[2]]
