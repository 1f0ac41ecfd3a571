"""Answers that are cut off at every byte: nothing short of a whole one proves anything, and nothing is paid twice."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from tests.loopback import talking
from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, reset_after, saying
from voicekeeper.audio import Format, Sound
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import Listing
from voicekeeper.providers.cloning import Cloned, Cloner, CloneRequest, Recording, open_cloner
from voicekeeper.providers.gateways import GATEWAYS, Access, Connection

OK = {"base_resp": {"status_code": 0, "status_msg": "ok"}}
SPOKEN = json.dumps({"data": {"audio": "ff", "status": 2}} | OK).encode()
LISTED = json.dumps({"voice_cloning": [{"voice_id": VOICE}]} | OK).encode()
BEGUN = json.dumps({"task_id": 17} | OK).encode()
UPLOADED = json.dumps({"file": {"file_id": 5}} | OK).encode()
SOUND = Sound(Format.MP3, 12.0, b"ID3")
#: Connections at once: more would only wait for each other.
AT_ONCE = 32

#: Takes a server's address, and returns what asks it.
Ask = Callable[[str], Callable[[], Awaitable[object]]]


def prefixes(body: bytes) -> list[bytes]:
    """Return every beginning of an answer, the empty one first, the whole one left out."""
    whole = answer(body)
    return [whole[:length] for length in range(len(whole))]


async def after_each(body: bytes, ask: Ask) -> list[object]:
    """Return what comes of a question for each way to cut its answer off."""
    cut = prefixes(body)
    left = deque(cut)

    async def says(writer: asyncio.StreamWriter) -> None:
        await reset_after(left.popleft())(writer)

    async with raw_server(says) as server:
        asked = ask(server.url)
        places = asyncio.Semaphore(AT_ONCE)

        async def one() -> object:
            async with places:
                return await asked()

        found = list(await asyncio.gather(*(one() for _ in cut)))
    assert not left
    return found


def outcomes(found: list[object]) -> set[Outcome]:
    return {one.outcome for one in found if isinstance(one, Answer)}


async def test_a_keep_call_that_is_cut_off_is_in_doubt_at_every_byte(account: Account) -> None:
    """A cut answer that counts as failed is paid twice; one that counts as kept costs the voice."""

    def asking(url: str) -> Callable[[], Awaitable[object]]:
        return partial(account(url, timeout=30, connections=AT_ONCE).speak, VOICE, TEXT, no_task)

    found = await after_each(SPOKEN, asking)
    assert outcomes(found) == {Outcome.AMBIGUOUS}
    assert len(found) > len(SPOKEN)


async def test_a_task_that_is_cut_off_while_it_begins_is_in_doubt(account: Account) -> None:
    """A task whose id was lost would be taken for one that never was, or half an id be asked for ever."""
    noted: list[str] = []

    async def note(task_id: str) -> None:
        noted.append(task_id)

    def asking(url: str) -> Callable[[], Awaitable[object]]:
        return partial(account(url, timeout=30, connections=AT_ONCE, asynchronous=True).speak, VOICE, TEXT, note)

    found = await after_each(BEGUN, asking)
    assert (outcomes(found), noted) == ({Outcome.AMBIGUOUS}, [])


async def test_a_question_for_a_task_that_is_cut_off_says_nothing_about_it(account: Account) -> None:
    """A task under way would be forgotten, and begun and paid a second time."""
    ended = json.dumps({"task_id": 17, "status": "Success"} | OK).encode()

    def asking(url: str) -> Callable[[], Awaitable[object]]:
        return partial(account(url, timeout=30, connections=AT_ONCE, asynchronous=True).resume, "17")

    found = await after_each(ended, asking)
    assert outcomes(found) == {Outcome.AMBIGUOUS}
    assert {one.task_id for one in found if isinstance(one, Answer)} == {"17"}


async def test_a_list_that_is_cut_off_is_no_list(account: Account) -> None:
    """Half a list would be taken for the whole one."""
    found = await after_each(LISTED, lambda url: account(url, timeout=30, connections=AT_ONCE).listed)
    assert {(one.voices is None, one.blocked) for one in found if isinstance(one, Listing)} == {(True, False)}
    assert len(found) > len(LISTED)


def cloner(url: str) -> Cloner:
    access = Access(api_key=KEY, base_url=url, prefix="", model="m", timeout=30, connections=AT_ONCE)
    return open_cloner(GATEWAYS["minimax-cn"], access)


def uploading(url: str) -> Callable[[], Awaitable[object]]:
    return partial(cloner(url).prepare, CloneRequest(audio=Recording(sound=SOUND), voice_id=VOICE))


def cloning(url: str) -> Callable[[], Awaitable[object]]:
    return partial(cloner(url).clone, {"file_id": 5, "voice_id": VOICE})


async def test_an_upload_that_is_cut_off_is_only_tried_again() -> None:
    """An upload makes no voice: doubt about it would keep people from trying again."""
    assert outcomes(await after_each(UPLOADED, uploading)) == {Outcome.TRANSIENT}


async def test_a_clone_call_that_is_cut_off_is_in_doubt_at_every_byte() -> None:
    """A voice that was made would be forgotten and deleted, with nobody told."""
    found = await after_each(json.dumps(OK).encode(), cloning)
    assert outcomes(found) == {Outcome.AMBIGUOUS}
    assert not any(isinstance(one, Cloned) for one in found)


async def test_the_whole_answers_are_read() -> None:
    """If the answers above were wrong in themselves, cutting them would prove nothing."""
    async with raw_server(saying(answer(UPLOADED))) as server:
        assert await uploading(server.url)() == {"file_id": 5, "voice_id": VOICE}
    async with raw_server(saying(answer(json.dumps(OK).encode()))) as server:
        assert isinstance(await cloning(server.url)(), Cloned)


@pytest.mark.parametrize("listing", [True, False], ids=["list", "speech"])
async def test_a_request_that_is_cut_off_while_it_is_sent(
    account: Account,
    listing: bool,  # noqa: FBT001 - one of the cases
) -> None:
    """A provider that breaks off while it is still being told would end the sweep, or count as never asked."""
    lengths = deque(range(0, await request_length(account, listing=listing), 5))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(lengths.popleft())
        writer.transport.abort()

    async with talking(talk) as port:
        one = account(f"http://127.0.0.1:{port}")
        found = {await asked(one, listing=listing) for _ in range(len(lengths))}
    assert found == ({True} if listing else {Outcome.AMBIGUOUS})


async def asked(one: Connection, *, listing: bool) -> Outcome | bool:
    """Return what came of a keep call, or whether there is no list."""
    if listing:
        return (await one.listed()).voices is None
    return (await one.speak(VOICE, TEXT, no_task)).outcome


async def request_length(account: Account, *, listing: bool) -> int:
    """Return how many bytes a whole request has."""
    async with raw_server(saying(answer(LISTED if listing else SPOKEN))) as heard:
        await asked(account(heard.url), listing=listing)
    return len(heard.requests[0])
