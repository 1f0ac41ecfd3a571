"""Every command that the documents name can be typed as it stands there."""

from contextlib import suppress
from pathlib import Path

import click
import pytest

from tests.docs.documents import INSTALLED, MARKDOWN, UNITS, commands, read, section
from voicekeeper.cli import COMMANDS
from voicekeeper.cli import commands as voicekeeper
from voicekeeper.cli.demo import demo
from voicekeeper.cli.run import exit_code
from voicekeeper.core.errors import RegistryError, UsageError
from voicekeeper.report import Report

FILES = (*MARKDOWN, "config.example.toml", "deploy/cron/voicekeeper", *(f"deploy/systemd/{unit}" for unit in UNITS))
LINES = sorted({(name, *line) for name in FILES for line in commands(name) if line[0] != "COMMAND"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file that the documents import."""
    (tmp_path / "voices.csv").write_text("voice_id,account,cloned_at\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_every_command_line_is_one(line: tuple[str, ...]):
    """A reader would type a command or an option that does not exist."""
    _, *words = line
    with suppress(click.exceptions.Exit):  # --help
        read_command(words)


def read_command(words: list[str]) -> None:
    """Read a command line as the program would, without doing what it asks for; raise where it is none."""
    with voicekeeper.make_context("voicekeeper", list(words)) as context:
        name, command, rest = voicekeeper.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        command.make_context(name, rest, parent=context)


def test_a_wrong_command_line_is_noticed():
    """The test above would take anything for a command."""
    for wrong in ("runn", "run --dry", "add --account main", "show", "list --due-within soon"):
        with pytest.raises(click.UsageError):
            read_command(wrong.split())


def test_the_documents_name_many_commands():
    """A change of the documents' form would let the test above look at nothing."""
    named = {word for _, *words in LINES for word in words if word in COMMANDS}
    assert named >= {"migrate", "check", "add", "import", "run", "serve", "status", "show", "list", "hold", "release"}
    assert named >= {"keep", "retry", "needs-keeping", "alert-test", "emulate"}


def test_deploy_files_agree_on_where_the_command_is():
    """One of the units or the crontab would start a command that is not there."""
    for name in ("deploy/cron/voicekeeper", *(f"deploy/systemd/{unit}" for unit in UNITS[:2])):
        assert INSTALLED in read(name)
    assert INSTALLED in section("README.md", "systemd")


def test_exit_codes_are_those_of_the_program():
    """A script written by the README's table would take one ending for another."""
    rows = [line.strip("|").split("|") for line in section("README.md", "Exit codes").splitlines() if line[:1] == "|"]
    told = {int(code): words.strip() for code, words in rows[2:]}
    help_text = " ".join((voicekeeper.help or "").split()).partition("Exit codes: ")[2]
    said = {int(part.split(maxsplit=1)[0]): part.split(maxsplit=1)[1] for part in help_text.rstrip(".").split("; ")}
    assert told.keys() == said.keys()
    assert all(told[code].startswith(words) for code, words in said.items())


def test_exit_codes_come_in_the_order_told():
    """The highest of 4, 3 and 1 would not be the one that a script sees."""
    everything = Report(kept=1, failing={1}, lost=1, paused={"main"})
    assert exit_code(everything) == 4
    assert exit_code(Report(failing={1}, paused={"main"})) == 3
    assert exit_code(Report(kept=1, failing={1})) == 1
    assert exit_code(Report(unknown={"mian"})) == 1
    assert exit_code(Report(kept=1)) == exit_code(Report()) == 0
    assert exit_code(Report(busy=True)) == RegistryError.exit_code == 75
    assert UsageError.exit_code == 2


def test_the_demo_takes_as_long_as_told():
    """The README's one line on the demo would promise another length than it has."""
    seconds = next(option.default for option in demo.params if option.name == "seconds")
    assert f"about {seconds:g} seconds" in read("README.md")
    assert f"about {seconds:g} seconds" in read("CHANGELOG.md")
