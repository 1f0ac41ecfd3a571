"""What is logged, in which form, and what never: each in a process of its own, as logging is a process's."""

import json
import subprocess
import sys

import pytest

MARK = "SECRETMARK"


def logged(form: str, level: str, code: str) -> str:
    """Return what a process writes to standard error; its standard output must stay empty."""
    script = f"from voicekeeper import logs\nlogs.set_up({form!r}, {level!r})\nlog = logs.logger()\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    return done.stderr


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("form", ["json", "auto"])
def test_json_is_one_line_an_event(form: str) -> None:
    """If an event took two lines or was no JSON, a log collector would drop it."""
    code = 'log.info("voice.kept", voice_id="v\\n1", label="声")\nlog.warning("b")'
    first, second = lines(logged(form, "info", code))
    assert (first["event"], first["level"], first["voice_id"], first["label"]) == (
        "voice.kept",
        "info",
        "v\n1",
        "声",
    )
    assert str(first["timestamp"]).endswith("Z")
    assert second["event"] == "b"


def test_an_exception_stays_on_one_line() -> None:
    """If a traceback were lines of its own, the event that explains it would be torn from it."""
    (line,) = lines(logged("json", "info", 'try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception("bad")'))
    assert "ZeroDivisionError" in str(line["exception"])


def test_console_is_for_people() -> None:
    """If a person were given JSON, nobody would read the log while trying things out."""
    text = logged("console", "info", 'log.info("voice.kept", account="main")')
    assert "voice.kept" in text
    assert "account=main" in text
    assert not text.startswith("{")


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_variables(form: str) -> None:
    """Local variables hold keys: where rich is installed, structlog would print them all."""
    code = (
        f"def call(key):\n    raise ValueError('bad')\n"
        f"try:\n    call('{MARK[:6]}' + '{MARK[6:]}')\nexcept ValueError:\n    log.exception('voice.failed')"
    )
    text = logged(form, "info", code)
    assert "ValueError" in text
    assert MARK not in text


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", "abcd"), ("info", "bcd"), ("warning", "cd"), ("error", "d")],
)
def test_level(level: str, events: str) -> None:
    """If the level were not obeyed, a quiet log would hide errors or a full disk would follow."""
    code = 'log.debug("a")\nlog.info("b")\nlog.warning("c")\nlog.error("d")'
    assert [line["event"] for line in lines(logged("json", level, code))] == list(events)


def test_libraries_log_in_our_form() -> None:
    """If a library's warning were plain text, it would break the stream of JSON lines."""
    code = """
import logging
logging.getLogger("some.library").warning("careful %s", 1)
logging.getLogger("x").info("no")
"""
    (line,) = lines(logged("json", "info", code))
    assert (line["event"], line["library"], line["message"]) == ("library", "some.library", "careful 1")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_talkative_libraries_are_silent(level: str) -> None:
    """Httpx logs whole addresses, Apprise those that it refuses: both with the secrets in them."""
    code = f"""
import asyncio, httpx, logging
from voicekeeper.alerts.channels import Channels
from voicekeeper.alerts.heartbeat import Heartbeat
from voicekeeper.alerts.message import Message
from voicekeeper.core.errors import ConfigError
asyncio.run(Heartbeat("http://127.0.0.1:1/{MARK}").started())
asyncio.run(Channels(["json://u:{MARK}@127.0.0.1:1/{MARK}"]).send(Message("info", "t", "b")))
try:
    Channels(["slack://{MARK}", "nothing://{MARK}"]).open()
except ConfigError:
    log.info("done")
for name in ("httpx", "httpcore.http11", "apprise", "urllib3.connectionpool"):
    logging.getLogger(name).error("{MARK}")
"""
    text = logged("json", level, code)
    assert MARK not in text
    assert [line["event"] for line in lines(text)] == ["done"]
