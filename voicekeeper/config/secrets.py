"""Secrets: named in the configuration, read from the environment, a file or a systemd credential."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

_LONGEST = 65536


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it came from; printing it shows only the latter.

    `value` is None when it could not be read and nobody insisted.
    """

    source: str
    value: str | None = field(repr=False)

    @property
    def plain(self) -> bool:
        """Whether it stands in the configuration file itself."""
        return self.source == "text"

    def reveal(self) -> str:
        """Return the secret."""
        if self.value is None:
            raise RuntimeError(f"the secret from {self.source} was never read")
        return self.value


@dataclass(frozen=True, slots=True)
class Environment:
    """Where secrets are read from; `required` says whether one that cannot be read is a mistake."""

    variables: Mapping[str, str]
    folder: Path
    required: bool = True


def read_secret(text: object, info: ValidationInfo) -> Secret:
    """Read "env:NAME", "file:PATH" or "credential:NAME"; any other text is the secret itself."""
    return _secret(text, info, needed=False)


def read_needed(text: object, info: ValidationInfo) -> Secret:
    """Read a secret that every command needs."""
    return _secret(text, info, needed=True)


def _secret(text: object, info: ValidationInfo, *, needed: bool) -> Secret:
    if not isinstance(text, str) or not text.strip():
        raise ValueError('write "env:NAME", "file:PATH" or "credential:NAME"')
    kind, _, name = text.partition(":")
    where: Environment = info.context or environment(Path(), required=True)
    if kind not in _KINDS:
        return Secret("text", text.strip())
    try:
        return Secret(text, _checked(_KINDS[kind](name, where)))
    except (OSError, ValueError, RuntimeError) as error:  # the last is what "~nobody" ends in
        if where.required or needed:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ValueError(f'the secret "{text}" cannot be read: {reason}') from error
        return Secret(text, None)


#: Written out again, a secret is only where it came from.
SecretField = Annotated[Secret, BeforeValidator(read_secret), PlainSerializer(lambda secret: secret.source)]
NeededSecret = Annotated[Secret, BeforeValidator(read_needed), PlainSerializer(lambda secret: secret.source)]


def _from_env(name: str, where: Environment) -> str:
    if name not in where.variables:
        raise ValueError(f"the environment variable {name} is not set")
    return where.variables[name]


def _from_file(name: str, where: Environment) -> str:
    with (where.folder / Path(name).expanduser()).open(encoding="utf-8") as file:
        return file.read(_LONGEST + 1)


def _from_credential(name: str, where: Environment) -> str:
    folder = where.variables.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise ValueError("there are no systemd credentials here (LoadCredential= in the unit makes them)")
    return _from_file(name, Environment(where.variables, Path(folder)))


def _checked(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty")
    if len(value) > _LONGEST:
        raise ValueError("it is longer than any secret: is this the right one?")
    return value.strip()


_KINDS = {"env": _from_env, "file": _from_file, "credential": _from_credential}


def environment(folder: Path, *, required: bool) -> Environment:
    """Return this process's environment, the only one that is ever read."""
    return Environment(os.environ, folder, required)
