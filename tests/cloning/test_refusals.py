"""What each family says when it makes no voice: its code, its meaning and its mend; and no key goes astray."""

import pytest

from tests.cloning.systems import Cloned
from tests.recorder import Recorder
from tests.scenarios.commands import Emulated, Home
from voicekeeper.cloning import NotCloned

CLONES = {
    "minimax-cn": "/v1/voice_clone",
    "hingnet": "/minimaxi/v1/voice_clone",
    "the aggregator": "/minimax/v1/voice_clone",
    "kkiai": "/minimax/v1/voice_clone",
    "ppinfra": "/v3/minimax-voice-cloning",
    "wavespeed": "/api/v3/minimax/voice-clone",
}
REFUSALS = {
    1002: (1, "too many requests", ""),
    1008: (3, "the balance is too low", "top up the account"),
    1026: (2, "the text counts as sensitive", "change the text"),
    1043: (2, "the audio does not say what text_validation says", "correct text_validation, or lower accuracy"),
    1044: (2, "the prompt does not sound like the audio", "use a prompt of the same speaker"),
    2013: (2, "a parameter is invalid", "check audio, voice_id and the other parameters"),
    2037: (2, "the audio is too short or too long", "use 10 seconds to 5 minutes"),
    2038: (3, "the account may not clone", "verify its identity at the provider"),
    2048: (2, "the prompt audio is too long", "use less than 8 seconds"),
    7777: (1, "a code that is not documented", ""),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_is_shown_with_code_meaning_and_mend(
    home: Home, emulator: Emulated, cloned: Cloned, code: int
) -> None:
    """Whoever cloned would have to look a number up, and a program would not know whether to try again."""
    exit_code, meaning, mend = REFUSALS[code]
    emulator.fault("code", path="/v1/voice_clone", code=code)
    with pytest.raises(NotCloned) as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == exit_code
    assert f"{meaning}" in str(refused.value)
    assert f"(code {code}" in str(refused.value)
    assert mend in str(refused.value)
    assert home.sql("SELECT * FROM voices") == []
    assert [row["outcome"] is not None for row in home.sql("SELECT outcome FROM clonings")] == [True]


@pytest.mark.parametrize("code", [1008, 1043, 2037, 2038])
@pytest.mark.parametrize("system", ["hingnet", "the aggregator", "kkiai", "ppinfra", "wavespeed"])
async def test_refusals_are_read_in_each_familys_own_form(
    home: Home, emulator: Emulated, cloned: Cloned, system: str, code: int
) -> None:
    """A refusal in another shape would be taken for an answer that was lost, and the voice for made."""
    emulator.fault("code", path=CLONES[system], code=code, message=SAID[code])
    with pytest.raises(NotCloned) as refused:
        await cloned(system)
    assert (refused.value.exit_code, REFUSALS[code][1] in str(refused.value)) == (REFUSALS[code][0], True), (
        refused.value
    )
    assert home.sql("SELECT * FROM voices") == []


#: What stands in a failed prediction, where no number does.
SAID = {
    1008: "insufficient balance",
    1043: "ASR similarity check failed",
    2037: "voice duration too short",
    2038: "no cloning permission",
}


@pytest.mark.parametrize("system", CLONES)
async def test_a_wrong_key_is_said_in_every_family(home: Home, cloned: Cloned, system: str) -> None:
    """A key that is refused would look like a failure that passes by itself; and no key may be shown."""
    with pytest.raises(NotCloned) as refused:
        await cloned(system, key="sk-of-nobody")
    assert refused.value.exit_code == 3
    assert "sk-of-nobody" not in str(refused.value)
    assert home.sql("SELECT * FROM voices") == []


@pytest.mark.parametrize("system", CLONES)
@pytest.mark.parametrize("kind", ["http", "html"])
async def test_a_gateway_that_fails_on_the_way(
    home: Home, emulator: Emulated, cloned: Cloned, system: str, kind: str
) -> None:
    """After a gateway's own 503 the voice may be there; after a web page nothing has reached the API."""
    emulator.fault(kind, path=CLONES[system])
    with pytest.raises(NotCloned) as failed:
        await cloned(system)
    assert failed.value.exit_code == 1
    registered = kind == "http" and system != "ppinfra"
    assert len(home.sql("SELECT * FROM voices")) == registered


async def test_a_name_that_is_taken_says_what_may_have_happened(emulator: Emulated, cloned: Cloned) -> None:
    """After a lost answer the voice is there and its name is taken: nobody would think of registering it."""
    emulator.make("voice-one-1")
    with pytest.raises(NotCloned) as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == 2
    assert "the voice_id is taken (code 2039" in str(refused.value)
    assert "`voicekeeper add`" in str(refused.value)


async def test_a_redirect_does_not_get_the_key(emulator: Emulated, cloned: Cloned, recorder: Recorder) -> None:
    """A gateway that was taken over could send the key anywhere."""
    emulator.fault("redirect", path="/v1/files/upload", location=f"{recorder.url}/elsewhere")
    with pytest.raises(NotCloned, match="redirects elsewhere") as refused:
        await cloned("minimax-cn")
    assert refused.value.exit_code == 3
    assert recorder.of("/elsewhere") == []
