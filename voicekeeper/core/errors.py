"""The one tree of errors; each knows the exit code that the command line ends with.

VoicekeeperError
├── UsageError            2   what was asked for or configured cannot be
│   ├── ConfigError           the configuration, every mistake at once
│   └── InputError            an argument or a file, every bad row at once
├── NotCloned           1, 3   the provider has made no voice; it lives in `voicekeeper.cloning`
├── SourceError           2   an owner's database cannot be read: people are told, and nothing else stops
└── RegistryError        75   the registry cannot be worked with now
    ├── RegistryUnavailable   locked, full, read-only, not answering
    │   ├── RegistryClosed    missing, or not for this user: waiting does not help
    │   ├── RegistryHeld      somebody else holds what is needed
    │   └── RegistryReplaced  another file by now, to be entered anew
    └── SchemaMismatch        its tables are not the newest
"""

from collections.abc import Sequence


class VoicekeeperError(Exception):
    """Anything that voicekeeper itself has to say to its user."""

    exit_code = 1


class UsageError(VoicekeeperError):
    """What was asked for cannot be; nothing was done."""

    exit_code = 2

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class ConfigError(UsageError):
    """The configuration cannot be used: one line for each mistake."""


class InputError(UsageError):
    """An argument or a file cannot be used: one line for each mistake."""


class SourceError(VoicekeeperError):
    """A source of the configuration cannot be read, or gives something else than voices; no password is in it."""

    exit_code = 2


class RegistryError(VoicekeeperError):
    """The registry cannot be worked with now; trying later may help."""

    exit_code = 75
    #: Whether it may be over without anybody doing something about the registry's address, user or tables.
    passes = False


class RegistryUnavailable(RegistryError):
    """The registry is locked, full, read-only or not answering."""

    passes = True


class RegistryClosed(RegistryUnavailable):
    """The registry is missing, or not for this user: somebody has to create it or to correct its address."""

    passes = False


class RegistryHeld(RegistryUnavailable):
    """Somebody else has held what is needed for longer than one waits for it at once."""


class RegistryReplaced(RegistryUnavailable):
    """The registry is another file than the one that was opened: whoever works has to enter it as at a start."""


class SchemaMismatch(RegistryError):
    """The registry's tables are not the ones this version works with."""
