"""The tree of errors and the exit codes it promises."""

import pytest

from voicekeeper.core import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.ConfigError, 2),
        (errors.InputError, 2),
        (errors.SourceError, 2),
        (errors.RegistryError, 75),
        (errors.RegistryUnavailable, 75),
        (errors.SchemaMismatch, 75),
    ],
)
def test_exit_codes_are_the_contracts(kind: type[errors.VoicekeeperError], code: int) -> None:
    """If a code moved, scripts and systemd units that depend on it would do the wrong thing."""
    assert kind.exit_code == code
    assert issubclass(kind, errors.VoicekeeperError)


def test_every_error_has_a_place_in_the_table() -> None:
    """If a new error had no code of the contract, the command line would end with one that means something else."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    tree = [kind for kind in kinds if issubclass(kind, errors.VoicekeeperError)]
    assert [kind for kind in kinds if issubclass(kind, Exception)] == tree
    assert {kind.exit_code for kind in tree[1:]} == {2, 75}


@pytest.mark.parametrize("kind", [errors.UsageError, errors.ConfigError, errors.InputError])
def test_every_mistake_is_told_at_once(kind: type[errors.UsageError]) -> None:
    """If only the first were told, a file with ten mistakes would take ten runs to mend."""
    assert kind(["line 3: no account", "line 9: no voice_id"]).problems == ["line 3: no account", "line 9: no voice_id"]
    assert str(kind(("one", "two"))) == "one\ntwo"
    assert kind("only this").problems == ["only this"]
