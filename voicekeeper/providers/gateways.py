"""The table of gateways: one row for each system of a known API family."""

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from voicekeeper.core.outcome import Answer
from voicekeeper.providers import Listing, Note, Provider

#: MiniMax's rule: 8 to 256 characters, first a letter, then letters, digits, "-", "_", the last no "-" or "_".
_MINIMAX_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{6,254}[A-Za-z0-9]")
_MINIMAX_WORDS = "8 to 256 letters, digits, - and _, beginning with a letter, not ending with - or _"


#: hingnet rewrites these names to voices of its own, so they can never be kept there.
_HINGNET_ID = re.compile(rf"(?!(?:alloy|echo|fable|onyx|nova|shimmer)$){_MINIMAX_ID.pattern}", re.IGNORECASE)
_HINGNET_WORDS = f"{_MINIMAX_WORDS}; hingnet takes alloy, echo, fable, onyx, nova and shimmer for voices of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One system: its API family, where it is, and what holds for every account there.

    A row without `base_url` needs one from the configuration. Of several `upload_paths` the first that exists is
    used. `empty_means_cloned` takes `{}` for the answer to a clone call that made its voice.
    """

    name: str
    family: str
    base_url: str | None = None
    prefix: str = ""
    model: str = "speech-2.8-turbo"
    requests_per_minute: float = 20
    max_concurrency: int = 4
    can_list: bool = True
    upload_paths: tuple[str, ...] = ("/v1/files/upload",)
    empty_means_cloned: bool = False
    id_rule: re.Pattern[str] = _MINIMAX_ID
    id_words: str = _MINIMAX_WORDS

    def id_problem(self, voice_id: str) -> str | None:
        """Say why a voice_id cannot be one of this system, or None when it can."""
        if self.id_rule.fullmatch(voice_id):
            return None
        shown = "".join(char if char.isprintable() else "?" for char in voice_id[:80])
        return f'voice_id "{shown}" is impossible: {self.id_words}'


#: Gateways that do not say which of the two they have.
_EITHER_UPLOAD = ("/v1/files/upload", "/v1/files")

#: PPInfra and its like make the voice_id themselves, so whatever they made is right; they have no list.
_PPINFRA: Any = {
    "can_list": False,
    "id_rule": re.compile(r"[^\s/]{1,256}"),
    "id_words": "1 to 256 characters without spaces",
}

GATEWAYS: dict[str, Gateway] = {
    gateway.name: gateway
    for gateway in (
        Gateway(name="minimax-cn", family="minimax", base_url="https://api.minimaxi.com"),
        Gateway(name="minimax-global", family="minimax", base_url="https://api.minimax.io", requests_per_minute=60),
        Gateway(name="minimax-gateway", family="minimax", upload_paths=_EITHER_UPLOAD),
        Gateway(name="hingnet", family="minimax", prefix="/minimaxi", id_rule=_HINGNET_ID, id_words=_HINGNET_WORDS),
        Gateway(
            name="kkiai",
            family="minimax",
            base_url="https://www.kkiai.com",
            prefix="/minimax",
            upload_paths=_EITHER_UPLOAD,
            empty_means_cloned=True,
        ),
        Gateway(name="ppinfra", family="ppinfra", base_url="https://api.ppinfra.com", **_PPINFRA),
        Gateway(name="ppio", family="ppinfra", base_url="https://api.ppio.com", **_PPINFRA),
        Gateway(name="novita", family="ppinfra", base_url="https://api.novita.ai", **_PPINFRA),
        Gateway(name="jiekou", family="ppinfra", base_url="https://api.jiekou.ai", **_PPINFRA),
        Gateway(
            name="wavespeed",
            family="wavespeed",
            base_url="https://api.wavespeed.ai",
            prefix="/api/v3",
            max_concurrency=3,  # its smallest plan (Bronze)
            can_list=False,
            id_rule=re.compile(r"[A-Za-z][A-Za-z0-9]{7,255}"),
            id_words="8 or more letters and digits, beginning with a letter",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an account's configuration says about reaching its provider; `timeout` is in seconds.

    `asynchronous` asks for the provider's task API where it has both. `ca_file` names certificates that are trusted
    beside the machine's own; `group_id` goes along where the family knows groups.
    """

    api_key: str = field(repr=False)
    base_url: str
    prefix: str
    model: str
    timeout: float
    connections: int
    asynchronous: bool = False
    ca_file: str | None = None
    group_id: str | None = None


class Connection:
    """An account's provider, made at its first call: most runs have nothing to say and need no HTTP client."""

    def __init__(self, gateway: Gateway, access: Access) -> None:
        self._gateway, self._access = gateway, access
        self._provider: Provider | None = None

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Make one keep call."""
        return await self._open().speak(voice_id, text, note)

    async def resume(self, task_id: str) -> Answer:
        """Say what came of an earlier task."""
        return await self._open().resume(task_id)

    async def listed(self) -> Listing:
        """Ask for the account's own list of voices."""
        return await self._open().listed()

    async def close(self) -> None:
        """Close what was opened."""
        if self._provider is not None:
            await self._provider.close()

    def _open(self) -> Provider:
        if self._provider is None:
            family = import_module(f"voicekeeper.providers.{self._gateway.family}")
            self._provider = cast("Provider", family.connect(self._gateway, self._access))
        return self._provider
