"""`emulate` as a process: its one line, its end by signal, what it refuses."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO

import httpx
import pytest

from tests.emulator.emulator_calls import VOICE, code, speech

COMMAND = (sys.executable, "-m", "voicekeeper.cli.emulate")


@contextmanager
def emulating(*options: str) -> Iterator[tuple[subprocess.Popen[str], IO[str], str]]:
    """Start the command, and give it with the address that it prints."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("emulating MiniMax on http://127.0.0.1:"), first + process.stdout.read()
            yield process, process.stdout, first.split()[3]
        finally:
            process.kill()


def addresses(out: IO[str]) -> dict[str, str]:
    """Read the lines that say where each family is, by its name."""
    lines = (out.readline().strip() for _ in range(5))
    return dict(line.split(": base_url ") for line in lines)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ends_well_on_a_signal(signum: signal.Signals) -> None:
    """If it died of the signal, a script's trap would take it for a failure."""
    with emulating() as (process, out, url):
        addresses(out)
        assert httpx.get(f"{url}/_emulator/state", trust_env=False).status_code == 200
        os.kill(process.pid, signum)
        assert process.wait(10) == 0
        assert out.read() == ""


def test_every_family_is_told_with_its_base_url() -> None:
    """If a base URL were missing or wrong, nobody could point an account at that family."""
    with emulating() as (_, out, url):
        assert addresses(out) == {
            "MiniMax": url,
            "hingnet": f"{url}, paths below /minimaxi",
            "aggregator or kkiai": f"{url}, paths below /minimax",
            "PPInfra, Novita, Jiekou": f"{url}, paths below /v3",
            "WaveSpeedAI": f"{url}/api/v3",
        }


def test_options_reach_the_world() -> None:
    """If options were lost on the way, the world would not be the one asked for."""
    keys = ("--key", "sk-one", "--key", "sk-two")
    limits = ("--rpm", "7", "--balance", "12", "--lifetime", "48h", "--scale", "100000")
    with emulating(*keys, *limits) as (_, _, url):
        state = httpx.get(f"{url}/_emulator/state", trust_env=False).json()
        later = httpx.get(f"{url}/_emulator/state", trust_env=False).json()
    assert state["keys"] == [{"key": k, "balance": 12.0, "rpm": 7, "disabled": False} for k in ("-one", "-two")]
    assert state["lifetime_seconds"] == 48 * 3600
    passed = datetime.fromisoformat(later["now"]) - datetime.fromisoformat(state["now"])
    assert passed > timedelta(seconds=10), "0.1 ms of real time"


def test_verbose_prints_each_call_without_its_key() -> None:
    """If calls were silent, or keys whole, watching would show nothing or too much."""
    with emulating("--verbose", "--key", "sk-a-secret-key") as (_, out, url):
        headers = {"Authorization": "Bearer sk-a-secret-key"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
            http.post("/_emulator/voices", json={"voice_id": VOICE})
            assert code(http.post("/v1/t2a_v2", json=speech()).json()) == 0
        addresses(out)
        line = out.readline()
    assert "/v1/t2a_v2 key=…-key voice_id=voice-one-1 code=0" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--host", "0.0.0.0"),  # noqa: S104 - refused, which is the point
        ("--scale", "0"),
        ("--scale", "nan"),
        ("--rpm", "0"),
        ("--balance", "-1"),
        ("--balance", "nan"),
        ("--lifetime", "0h"),
        ("--lifetime", "soon"),
        ("--misbehave", "5"),
        ("--key", ""),
    ],
)
def test_nonsense_is_refused_with_its_option(option: str, value: str) -> None:
    """If nonsense were taken, the emulator would prove something nobody asked."""
    done = subprocess.run([*COMMAND, option, value], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert option in done.stderr


def test_taken_port_is_said_plainly() -> None:
    """If a taken port gave a traceback, nobody would know what to do."""
    with emulating() as (_, _, url):
        port = url.rpartition(":")[2]
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
