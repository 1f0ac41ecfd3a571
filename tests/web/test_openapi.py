"""The description of the API: complete, and true under whatever schemathesis thinks of."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.web.stage import NEW, NOW, TOKEN, Stage
from voicekeeper.web import gate

#: A schema cannot say that an account must be configured, or that a voice is registered already.
_CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
[parameters]
"path.account" = "main"
"path.voice_id" = "voice-one-1"
[warnings]
enabled = false
"""
_ORDER = ("--checks=all", "--max-examples=12", "--seed=5", "--phases=examples,coverage,fuzzing", "--workers=1")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one client ask as often as schemathesis does, and try wrong tokens."""
    monkeypatch.setattr(gate, "FLOOD_BURST", 1_000_000)
    monkeypatch.setattr(gate, "GUESSES", 1_000_000)


@pytest.mark.usefixtures("patient")
async def test_schemathesis_cannot_break_it(tmp_path: Path, stage: Stage) -> None:
    """A program generated from the description would meet answers that it does not tell of, or a 500."""
    (tmp_path / "schemathesis.toml").write_text(_CONFIGURATION)
    stage.face.health.swept_at = NOW
    await stage.post()
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{stage.client.base_url}/openapi.json"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *_ORDER,
        f"--header=Authorization: Bearer {TOKEN}",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert "9 passed" in told.decode(), told.decode()


async def test_every_operation_is_described(stage: Stage) -> None:
    """A program could not be generated for what is missing."""
    told = (await stage.get("/openapi.json")).json()
    named = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert named == {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/api/voices"),
        ("POST", "/api/voices"),
        ("GET", "/api/voices/{account}/{voice_id}"),
        ("PATCH", "/api/voices/{account}/{voice_id}"),
        ("GET", "/api/accounts"),
        ("GET", "/api/attempts"),
        ("GET", "/api/forecast"),
    }
    writing = {operation["operationId"]: operation["security"] for operation in told["paths"]["/api/voices"].values()}
    assert writing == {"list_voices": [{}, {"token": []}], "register": [{"token": []}]}
    assert set(NEW) == set(told["components"]["schemas"]["NewVoiceBody"]["required"])


async def test_no_model_shows_its_own_names(stage: Stage) -> None:
    """A reader would be told of defaults that are none, or of types that only Python has."""
    text = json.dumps((await stage.get("/openapi.json")).json())
    assert '"default": null' not in text
    assert '"ge"' not in text
