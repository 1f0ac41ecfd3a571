"""What providers and other programs write is shown, never interpreted: no escape reaches a terminal, a log, a chat."""

import json

import pytest

from tests.scenarios.commands import Done, Emulated, Home, ago, until
from tests.scenarios.serving import serving
from tests.scenarios.sinks import Webhook

#: Clears the screen, sets the title, turns the direction, fakes a line; C0, C1, bidirectional, separators.
NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.\u2066x\r\nerror: faked\x00\x7f\u2028"
VOICE = "voice-one-1"


@pytest.fixture
def infested(home: Home, emulator: Emulated) -> Home:
    """A folder in which everything that others can write is nasty."""
    said = NASTY.replace("\x00", "")
    home.insert(VOICE, f"v{said}", "voice-two-2", cloned_at=ago(hours=167))
    home.insert(VOICE, account=f"a{said}"[:60], cloned_at=ago(hours=167))
    home.sql("UPDATE voices SET label = ?", said)
    emulator.make(VOICE, "voice-two-2")
    emulator.fault("code", code=2013, message=said, voice_id=VOICE)
    emulator.fault("http", http_status=500, body=said, voice_id="voice-two-2")
    home.set("log", format="console", level="debug")
    return home


def everything(home: Home) -> list[Done]:
    """Run whatever shows something."""
    said = [home.run("run"), home.run("run", "--dry-run")]
    commands: list[tuple[str, ...]] = [
        ("hold", VOICE),
        ("show", f"no{NASTY[:9]}"),
        ("check",),
        ("retry", "voice-two-2"),
    ]
    for name in (("status",), ("list",), ("show", "voice-two-2"), ("show", "main/voice-one-1"), ("verify",)):
        commands += [name, (*name, "--json")]
    said += home.together(*commands)
    home.make_due()
    home.set("log", format="json")
    return [*said, home.run("run"), home.run("verify")]


def unprintable(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char != "\n"}


@pytest.mark.timeout(300)  # some twenty processes
def test_nothing_that_steers_is_passed_on(infested: Home, webhook: Webhook) -> None:
    """A provider could clear the screen, set the title, or hide an alert behind a line of its own."""
    said = everything(infested)
    shown = {f"{number}: {done.args}": unprintable(done.stdout + done.stderr) for number, done in enumerate(said)}
    assert {name: chars for name, chars in shown.items() if chars} == {}
    assert any("gnp." in done.stdout for done in said), "the label was never shown, so nothing was proved"
    assert webhook.messages
    assert unprintable("".join(message["title"] + message["message"] for message in webhook.messages)) == set()
    assert not any(line.startswith("error: faked") for done in said for line in done.stderr.splitlines())


def test_programs_still_read_the_very_text(infested: Home) -> None:
    """A program would not find the voice that the registry holds."""
    labels = {voice["label"] for voice in json.loads(infested.run("list", "--json").stdout)}
    assert labels == {NASTY.replace("\x00", "")}


@pytest.mark.parametrize("form", ["console", "json"])
def test_the_daemons_log_holds_none_either(infested: Home, form: str) -> None:
    """Whoever follows the journal would have their terminal steered."""
    infested.set("log", format=form)
    with serving(infested) as daemon:
        until(lambda: "sweep.finished" in daemon.log.read_text(encoding="utf-8"))
        daemon.process.terminate()
        daemon.process.wait(20)
        text = daemon.log.read_text(encoding="utf-8")
    assert "gnp." in text
    assert unprintable(text) == set()
