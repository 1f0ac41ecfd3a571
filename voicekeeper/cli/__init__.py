"""The command line. Each command's module is imported only when it is called."""

import errno
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import click

import voicekeeper
from voicekeeper.core.errors import VoicekeeperError
from voicekeeper.core.shown import printable

#: Where each command is, in the order of `voicekeeper --help`.
COMMANDS = {
    "run": "voicekeeper.cli.run:run",
    "serve": "voicekeeper.cli.serve:serve",
    "add": "voicekeeper.cli.register:add",
    "import": "voicekeeper.cli.register:import_file",
    "clone": "voicekeeper.cli.clone:clone",
    "design": "voicekeeper.cli.clone:design",
    "status": "voicekeeper.cli.look:status",
    "list": "voicekeeper.cli.look:list_voices",
    "show": "voicekeeper.cli.look:show",
    "keep": "voicekeeper.cli.decide:keep",
    "hold": "voicekeeper.cli.decide:hold",
    "release": "voicekeeper.cli.decide:release",
    "retry": "voicekeeper.cli.decide:retry",
    "verify": "voicekeeper.cli.verify:verify",
    "forecast": "voicekeeper.cli.forecast:show_forecast",
    "spend": "voicekeeper.cli.spend:spend",
    "check": "voicekeeper.cli.check:check",
    "needs-keeping": "voicekeeper.cli.run:needs_keeping",
    "migrate": "voicekeeper.cli.migrate:migrate",
    "alert-test": "voicekeeper.cli.channels:alert_test",
    "emulate": "voicekeeper.cli.emulate:emulate",
    "demo": "voicekeeper.cli.demo:demo",
}

#: Why standard output takes nothing more; that its reader has gone is no mistake, and click's own business.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class Commands(click.Group):
    """Finds commands by name without importing them all: a run with nothing due must be quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return all names, in reading order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with _nothing_to_collect():
            command: click.Command = getattr(import_module(module), name)
        return command


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Import without the garbage collector: it looks through all that stays for ever, again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="The configuration; otherwise it is looked for in the usual places.")
@click.version_option(voicekeeper.__version__, prog_name="voicekeeper")
@click.pass_context
def commands(context: click.Context, config: str | None) -> None:
    """Keep cloned voices alive: one minimal T2A call on each before its deadline.

    Exit codes: 0 done; 1 some voice failed and will be retried; 2 usage or configuration; 3 an account is
    paused; 4 a voice was lost; 75 another instance holds the work, or the registry cannot be reached.
    """
    context.obj = config


def main() -> None:
    """Run a command; whatever it has to complain of goes to standard error, with its exit code."""
    try:
        commands.main(standalone_mode=True)
    except VoicekeeperError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _complain(f"the output cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python tries once more when it ends
        sys.exit(1)


def _complain(words: str) -> None:
    for line in words.splitlines():
        click.echo(f"{click.style('error:', fg='red', bold=True)} {printable(line)}", err=True)
