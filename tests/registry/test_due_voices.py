"""Who is next: an instance takes its voices off a page that all instances read, and leaves none of it behind."""

from collections.abc import Collection

import pytest

from tests.databases import HandClock
from tests.registry.registry_steps import ACCOUNT, MINUTE, START, add, due, open_account, terms
from voicekeeper.due import DueVoices
from voicekeeper.registry import claims
from voicekeeper.registry.claims import Claim
from voicekeeper.registry.database import Database

PLACES = 4


@pytest.fixture
def ids(clocked: Database) -> list[int]:
    """Twenty due voices in working order."""
    open_account(clocked)
    for number in range(20):
        add(clocked, f"voice-{number}", cloned_at=START + number * MINUTE)
    return due(clocked, START + 30 * MINUTE)


def of_an_instance(database: Database, without: Collection[int] = ()) -> DueVoices:
    return DueVoices(database, HandClock(START + 30 * MINUTE), ACCOUNT, lambda: without)


def claim(database: Database, offered: list[int], instance: str) -> Claim:
    return database.call(claims.claim, terms(), offered, PLACES, START + 30 * MINUTE, instance)


def claimed(claim: Claim) -> list[int]:
    return [one.voice.id for one in claim.work]


async def test_instances_that_read_the_same_page_each_fill_their_places(clocked: Database, ids: list[int]) -> None:
    """The second would be offered what the first has just taken, find nothing free, and four work as slowly as one."""
    offered = [await of_an_instance(clocked).take(PLACES) for _ in range(3)]
    works = [claimed(claim(clocked, mine, name)) for mine, name in zip(offered, "abc", strict=True)]
    assert works == [ids[:4], ids[4:8], ids[8:12]]


async def test_what_was_offered_and_not_touched_comes_next(clocked: Database, ids: list[int]) -> None:
    """A page would be worked with holes, and the voices in them wait for the next sweep."""
    mine, worked = of_an_instance(clocked), list[int]()
    while offered := await mine.take(PLACES):
        taken = claim(clocked, offered, "one")
        mine.came_to(worked=bool(taken.work), untouched=taken.untouched)
        worked += claimed(taken)
    assert worked == ids
    assert not await mine.held_elsewhere()


async def test_a_page_that_came_to_nothing_is_the_last(clocked: Database, ids: list[int]) -> None:
    """An instance would read the same page for ever while the others hold all of it."""
    mine = of_an_instance(clocked)
    assert await mine.take(len(ids)) == ids
    mine.came_to(worked=False, untouched=[])
    assert await mine.take(PLACES) == []
    assert await mine.held_elsewhere()


async def test_what_must_not_be_called_is_not_offered(clocked: Database, ids: list[int]) -> None:
    """A voice whose answer waits to be written down would be called a second time."""
    assert await of_an_instance(clocked, without=ids[:3]).take(len(ids)) == ids[3:]
