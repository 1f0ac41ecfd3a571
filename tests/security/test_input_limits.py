"""Every input has a bound: what is too long, too deep or too large is said, and takes no memory and no time."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.providers.raw_server import answer, raw_server, saying
from tests.scenarios.commands import Home
from voicekeeper import config
from voicekeeper.core.errors import ConfigError
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.providers import Listing
from voicekeeper.providers.cloning import open_cloner
from voicekeeper.providers.gateways import GATEWAYS, Access, Connection
from voicekeeper.providers.minimax import read_list
from voicekeeper.providers.wire import MAX_BYTES, Reply

FAMILIES = ("minimax-cn", "ppinfra", "wavespeed")
#: Bodies that have stopped other readers of JSON.
BODIES = {
    "deep arrays": b"[" * 500_000,
    "deep objects": b'{"a":' * 200_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "a huge number": b'{"base_resp":{"status_code":' + b"9" * 1_000_000 + b"}}",
    "a huge exponent": b'{"base_resp":{"status_code":1e999999}}',
    "no number": b'{"base_resp":{"status_code":NaN}}',
    "half a character": b'{"message":"\\ud800","base_resp":{"status_code":1000,"status_msg":"\\udfff"}}',
    "no UTF-8": b'{"message":"\xff\xfe\xc3\x28"}',
    "nothing but NUL": b"\x00" * 100_000,
    "a long message": json.dumps({"message": "x" * 5_000_000}).encode(),
    "many keys": json.dumps({f"k{n}": n for n in range(200_000)}).encode(),
    "a list for an object": b'{"base_resp":[],"data":[],"error":[],"task":[]}',
    "texts for objects": b'{"base_resp":"x","data":"x","error":{"message":{"a":1}},"trace_id":{"a":1}}',
}


def access(url: str) -> Access:
    return Access(api_key="sk-1", base_url=url, prefix="", model="m", timeout=20, connections=2)


@pytest.mark.parametrize("gateway", FAMILIES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_body_stops_a_call(gateway: str, body: bytes) -> None:
    """One broken gateway would end the sweeps of all accounts, or fill the registry with what it said."""

    async def note(_task_id: str) -> None:
        return

    async with raw_server(saying(answer(body))) as server:
        one, cloner = (
            Connection(GATEWAYS[gateway], access(server.url)),
            open_cloner(GATEWAYS[gateway], access(server.url)),
        )
        spoken, listed, cloned = await one.speak("v", "t", note), await one.listed(), await cloner.clone({"audio": "x"})
        await one.close()
        await cloner.close()
    assert spoken.outcome in {Outcome.AMBIGUOUS, Outcome.TRANSIENT}
    assert isinstance(listed, Listing)
    assert isinstance(cloned, Answer)
    assert all(len(words) < 600 and words.isprintable() for words in (spoken.message, listed.reason, cloned.message))


def test_the_longest_list_that_is_read() -> None:
    """An account with very many voices would take all the memory, or never be verified."""
    voices = [{"voice_id": f"voice-{n:010}", "created_time": "2026-03-01"} for n in range(260_000)]
    body = json.dumps({"voice_cloning": voices, "base_resp": {"status_code": 0}}, separators=(",", ":")).encode()
    assert MAX_BYTES * 0.75 < len(body) < MAX_BYTES
    tracemalloc.start()
    listing = read_list(Reply(200, {}, body))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(listing.voices or ()) == 260_000
    assert most < 32 * len(body)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#" * 1_000_001, "longer than a megabyte"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a." * 5_000 + b"b = 1", "nested too deep|not a setting|not TOML"),
        (b"a = " + b"9" * 100_000, "not TOML|not a setting"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[registry]\nurl = 'sqlite:///r.db'\n[keep]\ntext = '" + b"x" * 900_000 + b"'", "keep.text"),
    ],
    ids=["long", "deep", "dotted", "number", "binary", "text"],
)
def test_a_configuration_is_bounded(tmp_path: Path, content: bytes, words: str) -> None:
    """A wrong file named as configuration would hang or crash whatever reads it."""
    path = tmp_path / "voicekeeper.toml"
    path.write_bytes(content)
    start = time.monotonic()
    with pytest.raises(ConfigError, match=words) as refused:
        config.load(path)
    assert time.monotonic() - start < 30
    assert all(len(line) < 1000 for line in str(refused.value).splitlines())


@pytest.mark.parametrize("secret", ["file:/dev/zero", "file:/dev/urandom", "env:HUGE", "file:."])
def test_a_secret_is_bounded(home: Home, secret: str) -> None:
    """A slip in a path would fill the memory instead of being told."""
    home.variables["HUGE"] = "x" * 100_000
    home.account("main", api_key=secret)
    done = home.run("run")
    assert done.returncode == 2
    assert f'accounts.main.api_key: the secret "{secret}" cannot be read' in done.stderr
    assert len(done.stderr) < 2000


def test_a_configuration_that_never_ends(home: Home) -> None:
    """A device named as configuration would be read for ever."""
    done = home.run("--config", "/dev/zero", "status")
    assert (done.returncode, "longer than a megabyte" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "x" * 300, "--account", "main"), "256 at most"),
        (("add", VOICE := "voice-one-1", "--account", "main", "--label", "l" * 100_000), "label"),
        (("add", VOICE, "--account", "a" * 70_000), "account"),
        (("show", "s" * 100_000), "there is no voice"),
        (("list", "--due-within", "9" * 5000 + "h"), "due"),
        (("list", "--account", "a" * 100_000), "is not configured"),
    ],
    ids=["voice_id", "label", "account", "show", "due", "list"],
)
def test_an_argument_is_bounded(home: Home, words: tuple[str, ...], said: str) -> None:
    """A slip of a script would end in a traceback, or in a row that no database takes."""
    done = home.run(*words)
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert done.returncode == 2
    assert home.sql("SELECT * FROM voices") == []
