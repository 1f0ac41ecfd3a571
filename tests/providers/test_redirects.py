"""Redirects: never followed, so that no key goes to another host; what to change is said."""

import pytest

from tests.providers.accounts import KEY, TEXT, VOICE, Account, no_task
from tests.providers.raw_server import answer, raw_server, saying
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers.cloning import open_cloner
from voicekeeper.providers.gateways import GATEWAYS, Access

FAMILIES = ("minimax-cn", "ppinfra", "wavespeed")
GOOD = saying(answer(b'{"data":{"audio":"ff"},"base_resp":{"status_code":0}}'))
STATUSES = ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]


@pytest.mark.parametrize("gateway", FAMILIES)
@pytest.mark.parametrize("status", STATUSES)
async def test_a_redirect_is_not_followed_and_the_mend_is_said(account: Account, status: str, gateway: str) -> None:
    """A provider that was taken over, or a captive portal, would be handed the key."""
    async with raw_server(GOOD) as elsewhere:
        moved = answer(b"", f"Location: {elsewhere.url}/v1/t2a_v2?key={KEY}", status=status)
        async with raw_server(saying(moved)) as server:
            one = account(server.url, gateway=gateway)
            said = await one.speak(VOICE, TEXT, no_task)
            await one.listed()
    assert said.outcome is Outcome.BLOCKED
    assert f"where {elsewhere.url} is your provider's, set base_url to it" in said.message
    assert elsewhere.requests == []
    assert KEY not in said.message


@pytest.mark.parametrize("gateway", FAMILIES)
async def test_a_clone_call_is_not_redirected_either(gateway: str) -> None:
    """The audio and the key would go to another host."""
    async with raw_server(GOOD) as elsewhere:
        moved = answer(b"", f"Location: {elsewhere.url}/v1/voice_clone", status="308 Permanent Redirect")
        async with raw_server(saying(moved)) as server:
            access = Access(api_key=KEY, base_url=server.url, prefix="", model="m", timeout=5, connections=1)
            cloner = open_cloner(GATEWAYS[gateway], access)
            said = await cloner.clone({"audio": "x"})
            await cloner.close()
    assert isinstance(said, Answer)
    assert said.outcome is Outcome.BLOCKED
    assert elsewhere.url in said.message
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "location",
    ["", "/elsewhere", "javascript:alert(1)", "http://[", "https://a b/", "https://user:pw@host/", "x" * 9000],
)
async def test_a_strange_target_is_not_repeated(account: Account, location: str) -> None:
    """A provider could put words of its own, or a password, where its owner is told what to change."""
    async with raw_server(saying(answer(b"", f"Location: {location}", status="302 Found"))) as server:
        said = await account(server.url).speak(VOICE, TEXT, no_task)
    assert said.outcome is Outcome.BLOCKED
    assert said.message.endswith("check base_url and path_prefix.")
    assert "pw" not in said.message
