"""Audio that voices are cloned from, as people hand it in: a file or an address, looked at before anything is sent."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from voicekeeper import audio
from voicekeeper.audio import Sound
from voicekeeper.core.errors import InputError
from voicekeeper.providers.cloning import Recording, Rules
from voicekeeper.providers.fetch import FetchError, TooLarge

#: What every provider takes (MiniMax's documentation, "Upload File").
LARGEST = 20 * 1024 * 1024
_URL = re.compile(r"https?://", re.IGNORECASE)

#: Returns what lies behind an address, LARGEST bytes at most; raises FetchError.
Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an audio may play, in seconds: from `shortest`, to `longest` or only nearly so where it is `open`."""

    what: str
    shortest: float
    longest: float
    words: str
    open: bool = False

    def allow(self, seconds: float) -> bool:
        """Tell whether so long an audio is taken."""
        return self.shortest <= seconds <= self.longest and not (self.open and seconds == self.longest)


VOICE = Limits("audio", 10, 300, "10 s at least, 5 min at most")
PROMPT = Limits("prompt audio", 0, 8, "less than 8 s", open=True)


@dataclass(slots=True)
class Findings:
    """What was found before anything is sent: problems stop it, warnings do not."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def require_none(self) -> None:
        """Raise InputError with every problem."""
        if self.problems:
            raise InputError([*self.problems, "nothing was sent"])


async def read(given: str, limits: Limits, gateway: str, rules: Rules, fetch: Fetch, findings: Findings) -> Recording:
    """Look at an audio, as its gateway wants it."""
    shown, by_url = f"{limits.what} {_shown(given)}", _URL.match(given) is not None
    if by_url and not rules.by_url:
        findings.problems.append(f"{shown}: {gateway} wants a file: download it first")
    elif not by_url and not rules.by_file:
        mend = "put it where the gateway can fetch it, and give its https:// address"
        findings.problems.append(f"{shown}: {gateway} wants an address, not a file: {mend}")
    elif by_url:
        return Recording(url=given, sound=await _behind(given, shown, limits, fetch, findings))
    else:
        return Recording(sound=_in_file(Path(given), shown, limits, findings))
    return Recording()


async def _behind(url: str, shown: str, limits: Limits, fetch: Fetch, findings: Findings) -> Sound | None:
    """Look at what lies behind an address; one that cannot be fetched from here is the provider's to judge."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        findings.problems.append(f"{shown} is no address")
        return None
    try:
        content = await fetch(url)
    except TooLarge as error:
        findings.problems.append(_too_large(shown, error.found))
        return None
    except FetchError as error:
        findings.warnings.append(f"{shown} cannot be checked from here ({error}): the provider decides")
        return None
    return _sound(content, shown, limits, findings)


def _in_file(path: Path, shown: str, limits: Limits, findings: Findings) -> Sound | None:
    """Read an audio file; whatever is wrong with it is a problem."""
    try:
        if path.is_dir():
            findings.problems.append(f"{shown} is a folder")
        elif not path.is_file():
            findings.problems.append(f"{shown} is no file" if path.exists() else f"{shown} does not exist")
        else:
            return _read(path, shown, limits, findings)
    except (OSError, ValueError) as error:  # the latter for a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else str(error)
        findings.problems.append(f"{shown} cannot be read: {reason}")
    return None


def _read(path: Path, shown: str, limits: Limits, findings: Findings) -> Sound | None:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        findings.problems.append(_too_large(shown, f"{max(path.stat().st_size, len(content)):,}"))
        return None
    return _sound(content, shown, limits, findings)


def _too_large(shown: str, found: str) -> str:
    return f"{shown} has {found} bytes: {LARGEST:,} ({LARGEST // 2**20} MB) at most"


def _sound(content: bytes, shown: str, limits: Limits, findings: Findings) -> Sound | None:
    """Check an audio's format and length, the latter where it can be read."""
    if not content:
        findings.problems.append(f"{shown} is empty")
        return None
    sound = audio.recognise(content)
    if sound is None:
        findings.problems.append(
            f"{shown} is {audio.described(content)}, not mp3, m4a or wav (its content counts, not its name): "
            "convert it, or choose another"
        )
    elif sound.seconds is None:
        findings.warnings.append(f"{shown}: its length cannot be read ({limits.words}): the provider decides")
    elif not limits.allow(sound.seconds):
        findings.problems.append(f"{shown} plays {sound.seconds:.1f} s: {limits.words}")
    return sound


def _shown(given: str) -> str:
    """Show a file's name or an address, without what a signed one holds behind its path."""
    return "".join(char if char.isprintable() else "?" for char in given.partition("?")[0][:200])
