"""The group of an older key goes along in the address of every call of MiniMax's family, and nowhere else."""

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.audio import Format, Sound
from voicekeeper.core.outcome import Outcome
from voicekeeper.emulator import Emulator
from voicekeeper.providers.cloning import CloneRequest, DesignRequest, Recording, open_cloner
from voicekeeper.providers.gateways import GATEWAYS, Access

DONE = saying(answer(b'{"file":{"file_id":5},"base_resp":{"status_code":0},"task_id":7,"status":"Success"}'))
RECORDING = Recording(sound=Sound(Format.MP3, 12.0, b"ID3"))


def paths(requests: list[bytes]) -> list[str]:
    """Return what was asked for."""
    return [request.split(b" ", 2)[1].decode() for request in requests]


async def test_every_call_carries_the_group(account: Account) -> None:
    """A key that needs its group would be refused by the one call that lacks it."""
    async with raw_server(DONE) as server:
        one = account(server.url, group_id="1789")
        await one.speak(VOICE, TEXT, no_task)
        await one.listed()
        await account(server.url, group_id="1789", asynchronous=True).resume("7")
        access = Access(
            api_key=KEY, base_url=server.url, prefix="", model="m", timeout=5, connections=1, group_id="1789"
        )
        cloner = open_cloner(GATEWAYS["minimax-cn"], access)
        await cloner.prepare(CloneRequest(audio=RECORDING, voice_id=VOICE))
        await cloner.clone({"voice_id": VOICE})
        await cloner.design(DesignRequest(prompt="calm", preview_text="Hello."))
        await cloner.close()
    assert paths(server.requests) == [
        "/v1/t2a_v2?GroupId=1789",
        "/v1/get_voice?GroupId=1789",
        "/v1/query/t2a_async_query_v2?GroupId=1789&task_id=7",
        "/v1/files/upload?GroupId=1789",
        "/v1/voice_clone?GroupId=1789",
        "/v1/voice_design?GroupId=1789",
    ]


async def test_without_a_group_the_addresses_stay_bare(account: Account) -> None:
    """An empty group would be refused where none is needed."""
    async with raw_server(DONE) as server:
        await account(server.url).speak(VOICE, TEXT, no_task)
    assert paths(server.requests) == ["/v1/t2a_v2"]


async def test_the_emulator_takes_it(emulator: Emulator, account: Account) -> None:
    """Somebody with such a key could try nothing out."""
    said = await account(emulator.url, group_id="1789").speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.KEPT
