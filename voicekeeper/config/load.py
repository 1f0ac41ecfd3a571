"""Find and read the configuration file; say everything that is wrong with it at once."""

import copy
import difflib
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicekeeper.config.secrets import environment
from voicekeeper.config.settings import BETWEEN, AccountSettings, ChannelSettings, Settings, SourceSettings
from voicekeeper.core.errors import ConfigError

_PLACES = (Path("voicekeeper.toml"), Path("/etc/voicekeeper/config.toml"))
_SECRETS = frozenset({"url", "urls", "api_key", "api_token", "heartbeat_url", "channels"})
_LARGEST = 1_000_000
_DEEPEST = 10
_TOO_DEEP = "is not TOML that anybody wrote: nested too deep"
#: The sections that there may be any number of: what stands in one, and what it needs, for while others are looked at.
_NAMED: dict[str, tuple[type[BaseModel], dict[str, str]]] = {
    "accounts": (AccountSettings, {"provider": "minimax-cn", "api_key": "env:-"}),
    "sources": (SourceSettings, {"url": "env:-", "query": "SELECT"}),
}


def find(given: str | None) -> Path:
    """Return the configuration file: given, named by VOICEKEEPER_CONFIG, or in one of the usual places."""
    named = given or os.environ.get("VOICEKEEPER_CONFIG")
    if named:
        return Path(named)
    closed = []
    for place in _PLACES:
        try:
            if place.is_file():
                return place
        except PermissionError:  # it may be there: whoever reads it says what is the matter
            closed.append(place)
    if closed:
        return closed[-1]
    raise ConfigError(
        "there is no configuration: looked for --config, $VOICEKEEPER_CONFIG, "
        + ", ".join(str(place) for place in _PLACES)
        + "; begin with config.example.toml"
    )


def state_folder(folder: Path) -> Path:
    """Return where this process may leave files: systemd's StateDirectory=, else the configuration's folder."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else folder


def load(path: Path, *, secrets: bool = True) -> Settings:
    """Read a configuration file; raise ConfigError with one line for each mistake.

    With `secrets` false, keys and addresses of alerts that cannot be read here are no mistake: commands that only
    look at the registry do not need them.
    """
    raw = _read(path)
    try:
        return Settings.model_validate(raw, context=environment(path.parent, required=secrets))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
    problems = {_problem(path, raw, detail) for detail in [*details, *_hidden(raw, path.parent, details)]}
    raise ConfigError(sorted(problems))


def _hidden(raw: dict[str, Any], folder: Path, found: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Return the mistakes between settings, which come to light only once those within a setting are out of the way."""
    rest = copy.deepcopy(raw)
    for detail in found:
        _leave_out(rest, [place for place in detail["loc"] if place != "[key]"])
    for section, (_, needed) in _NAMED.items():
        rest[section] = {name: needed | settings for name, settings in rest.get(section, {}).items()}
    rest |= {"registry": {"url": "sqlite:///-"}}
    try:
        Settings.model_validate(rest, context=environment(folder, required=False))
    except ValidationError as error:
        later = error.errors(include_url=False, include_context=False)
        return [one for one in later if one["type"] == BETWEEN and not _follows(one, found)]
    return []


def _follows(later: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Tell whether a mistake between settings may only come of one that was left out."""
    known = {one["loc"] for one in found}
    lifetimes = {(*later["loc"][:-1], "lifetime"), ("keep", "lifetime")}
    # The account that a source names may be one that could not be read as a whole.
    whole = any(loc[0] == "accounts" and (len(loc) <= len(("accounts", "main")) or loc[-1] == "[key]") for loc in known)
    follows = {"keep_after": not known.isdisjoint(lifetimes), "account": whole}
    return later["loc"] in known or follows.get(str(later["loc"][-1]), False)


def _leave_out(raw: Any, places: Sequence[str | int]) -> None:  # noqa: ANN401 - whatever TOML holds
    """Take one setting out, where it is still there; a list goes whole, so that its other items keep their places."""
    names = [place for place in places if isinstance(place, str)]
    for name in names[:-1]:
        raw = raw.get(name) if isinstance(raw, dict) else None
    if isinstance(raw, dict) and names:
        raw.pop(names[-1], None)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ConfigError(f"{path}: longer than a megabyte: is this the right file?")
        raw = tomllib.loads(text.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        what = f"{error.reason} at byte {error.start}"
        raise ConfigError(f"{path}: is not UTF-8 text ({what}): save it as UTF-8") from error
    except ValueError as error:  # TOML's errors are such, and a number of thousands of digits ends in one
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: {_TOO_DEEP}") from None
    if _deeper(raw, _DEEPEST):
        raise ConfigError(f"{path}: {_TOO_DEEP}")
    return raw


def _deeper(value: object, levels: int) -> bool:
    """Tell whether there is anything so many levels down."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (levels == 0 or any(_deeper(one, levels - 1) for one in inner))


def _problem(path: Path, raw: dict[str, Any], detail: ErrorDetails) -> str:
    """Say in one line: the file, the key, what was found, what would do; never a secret."""
    places = [place for place in detail["loc"] if place != "[key]"]
    key = ".".join(str(place) for place in places) or "the whole file"
    words = _WORDS.get(detail["type"], "{message}").format(message=detail["msg"].removeprefix("Value error, "))
    if detail["type"] == "extra_forbidden":
        words += _meant(places)
    return f"{path}: {key}: {words}{_found(raw, places, detail['type'])}"


_TABLE = "is a section of its own, with settings in it"
_WORDS = {
    "missing": "is missing: write it",
    "extra_forbidden": "is not a setting",
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "dict_type": _TABLE,
}


def _found(raw: Any, places: Sequence[str | int], kind: str) -> str:  # noqa: ANN401 - whatever TOML holds
    """Show what stands there, unless it is or may hold a secret: an address, or a key where a section belongs."""
    if kind in _WORDS or not places or _SECRETS & set(places):
        return ""
    for place in places:
        try:
            raw = raw[place]
        except (LookupError, TypeError):
            return ""
    shown = repr(raw)
    return "" if isinstance(raw, dict) or "@" in shown else f" (found {shown:.80})"


def _meant(places: Sequence[str | int]) -> str:
    """Suggest the setting that a mistyped one was meant to be."""
    section: type[BaseModel] = Settings
    if len(places) > 1:
        inner = Settings.model_fields.get(str(places[0]))
        kind = _NAMED[str(places[0])][0] if places[0] in _NAMED else inner and inner.annotation
        kind = ChannelSettings if "channels" in places[:-1] else kind
        section = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else Settings
    near = difflib.get_close_matches(str(places[-1]), section.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(section.model_fields)}"
