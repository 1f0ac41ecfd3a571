"""What docs/api.md shows works as it stands there, and what it tells is so."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import blocks, read, require, section
from tests.scenarios.commands import Home
from tests.scenarios.serving import Serving, serving
from voicekeeper.registration import SKEW
from voicekeeper.registry import pages
from voicekeeper.web import requests, voices
from voicekeeper.web.gate import FLOOD_BURST, FLOOD_RATE, GUESS_SECONDS, GUESSES
from voicekeeper.web.operations import LARGEST_BODY

DOCUMENT = "docs/api.md"
SHOWN = "http://127.0.0.1:8710"
TOKEN = "a-token-of-the-documents"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Serving]:
    """A daemon whose account is on loopback, where nobody answers."""
    home = Home(tmp_path, "http://127.0.0.1:9")
    home.variables["VOICEKEEPER_API_TOKEN"] = TOKEN
    home.set("serve", api_token="env:VOICEKEEPER_API_TOKEN")
    assert home.run("migrate").returncode == 0
    with serving(home) as running:
        running.wait_for("sweep.finished")
        yield running


def run(*command: str) -> str:
    environment = os.environ | {"VOICEKEEPER_API_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def here(daemon: Serving, text: str) -> str:
    """Return the text with the daemon's address in place of the shown one."""
    return text.replace(SHOWN, daemon.wait_for("serve.listening")["url"])


def test_the_shell_examples(daemon: Serving) -> None:
    """A reader's first request would be refused."""
    require("curl")
    examples = [text for text in blocks(read(DOCUMENT), "sh") if "curl" in text]
    examples += [text for text in blocks(section("README.md", "Over HTTP"), "sh") if "curl" in text]
    assert len(examples) == 4
    told = [run("bash", "-euc", here(daemon, text.replace("curl", "curl -sS --fail-with-body"))) for text in examples]
    assert '"voice-of-anna-1"' in told[0]
    assert '"attempts":[' in told[1]
    assert '"hold"' in told[2]


def test_the_python_example(daemon: Serving) -> None:
    """A program copied from the page would not run."""
    (program,) = blocks(read(DOCUMENT), "python")
    printed = run(sys.executable, "-c", here(daemon, program))
    assert printed.splitlines()[0] == "waiting"
    assert "voice-of-bob-1" in printed.splitlines()[1]


def test_the_numbers_are_those_of_the_program() -> None:
    """Somebody would build on a limit that is another one."""
    text = " ".join(read(DOCUMENT).split())
    told = (
        f"may ask {FLOOD_BURST} times at once and {FLOOD_RATE:g} times a second",
        f"may try {GUESSES} wrong tokens at once and one in {GUESS_SECONDS:g} seconds",
        f"by more than {SKEW.total_seconds() / 60:g} minutes",
        f"at most {requests.LARGEST_PAGE}.",
        f"looks at {pages.WINDOW:,} rows at most",
        f"its latest {voices.EVIDENCE} attempts",
        f"larger than {LARGEST_BODY // 1024} KiB",
    )
    assert [words for words in told if words not in text] == []


def test_every_path_and_metric_is_told_of() -> None:
    """A metric or a path would exist that nobody finds."""
    from tests.web.test_metrics import CONTRACT  # noqa: PLC0415 - the one list of them

    told = set(re.findall(r"`(voicekeeper_\w+?)(?:_total)?(?:\{([\w,]*)\})?`", read(DOCUMENT)))
    assert {name: set(filter(None, labels.split(","))) for name, labels in told} == {
        name: labels - {"le"} for name, labels in CONTRACT.items()
    }


def test_the_scrape_configuration_is_one(tmp_path: Path) -> None:
    """Prometheus would not start with what the page shows."""
    (shown,) = blocks(read(DOCUMENT), "yaml")
    (tmp_path / "voicekeeper.rules.yml").write_text(read("deploy/prometheus/voicekeeper.rules.yml"))
    (tmp_path / "prometheus.yml").write_text(shown.replace("/etc/prometheus", str(tmp_path)))
    command = [require("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
