"""The channels that reach people: Apprise addresses, of mail, chat, pagers and webhooks.

Each message is sent on a thread of its own that nobody has to wait for: some services never end their answers, and
Apprise's own threads, which are few and which Python waits for at its end, would be held by them for ever.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from voicekeeper.alerts.message import Message
from voicekeeper.alerts.refusals import heed
from voicekeeper.aside import aside
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rule
from voicekeeper.core.errors import ConfigError

if TYPE_CHECKING:  # Apprise takes a third of a second to import, which most runs do not need
    import apprise

#: Where the address does not say otherwise: seconds to connect and to be answered, and that a message longer than
#: the channel takes is split, which Apprise would else send whole and see refused.
_DEFAULTS = {"cto": "5", "rto": "10", "overflow": "split"}
#: Seconds that a message is waited for, and while an earlier one of its channel still hangs.
_WHOLE, _BRIEF = 60.0, 10.0
#: Messages that may hang on a channel, each with its thread: until one of them ends it is sent no other.
_HELD_UP = 5
_KINDS = {Severity.CRITICAL: "failure", Severity.WARNING: "warning"}
#: Some services count bytes, of which a Chinese character has three, and add marks of their own.
_SPARE = 3
#: Under this a service counts as one of short messages, which count characters.
_SHORT = 500


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured channel: its address, its rule, and where it stands in the configuration."""

    url: str
    rule: Rule
    place: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one message on one channel; `channel` hides its secrets."""

    channel: str
    ok: bool


def channel_id(url: str) -> str:
    """Return what tells a channel from the others, also after a restart, and does not tell its address."""
    return hashlib.sha256(url.encode()).hexdigest()[:12]


def plain(url: str, number: int = 0) -> Channel:
    """Return a channel that is told everything at once."""
    return Channel(url, Rule(id=channel_id(url)), f"alerts.urls[{number}]")


class Channels:
    """All configured channels; one that is configured twice counts once."""

    def __init__(self, channels: Sequence[Channel | str]) -> None:
        made = [plain(one, number) if isinstance(one, str) else one for number, one in enumerate(channels)]
        self._channels = list({one.rule.id: one for one in reversed(made)}.values())[::-1]
        self._opened: dict[str, apprise.Apprise] | None = None
        self._hanging: dict[str, set[asyncio.Future[Any]]] = {one.rule.id: set() for one in self._channels}

    def __bool__(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._channels)

    @property
    def rules(self) -> list[Rule]:
        """What each channel is told, and when."""
        return [one.rule for one in self._channels]

    def open(self) -> None:
        """Read all addresses; raise ConfigError for those that Apprise does not know."""
        import apprise as library  # noqa: PLC0415 - imported late, as said above

        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        # Who sends, where a service shows it; no pictures, which it would fetch from elsewhere.
        name = "voicekeeper"
        asset = library.AppriseAsset(app_id=name, app_desc=name, app_url="", image_url_mask="", image_url_logo="")
        asset.async_mode, asset._service_timeout = False, 0.0  # noqa: SLF001 - on the thread that it is called on
        self._opened, problems = {}, []
        for place, channel in enumerate(self._channels):
            one = library.Apprise(asset=asset)
            if one.add(_completed(channel.url)):
                heed(one[0])
                self._opened[channel.rule.id] = one
                self._channels[place] = replace(channel, rule=replace(channel.rule, name=_name(one)))
            else:
                problems.append(f"{channel.place}: not an address that Apprise knows ({_scheme(channel.url)})")
        if problems:
            raise ConfigError(problems)

    def room(self, channel: str) -> int:
        """Return how many characters of text a channel takes in one message; a title that goes into it counts."""
        service = self._service(channel)[0]
        title = 0 if service.title_maxlen else 250
        room = int(service.body_maxlen)
        return room if room < _SHORT else max((room - title) // _SPARE, _SHORT)

    async def deliver(self, channel: str, message: Message) -> Sent:
        """Send one message through one channel; never raises for what it does."""
        one = self._service(channel)
        name = next(rule.name for rule in self.rules if rule.id == channel)
        try:
            return Sent(name, ok=await _send(one, message, self._hanging[channel]))
        except Exception:  # noqa: BLE001 - a channel is foreign code, and whatever it raises must not stop a sweep
            return Sent(name, ok=False)

    async def send(self, message: Message) -> list[Sent]:
        """Send one message through every channel at once."""
        return list(await asyncio.gather(*(self.deliver(rule.id, message) for rule in self.rules)))

    def _service(self, channel: str) -> "apprise.Apprise":
        if self._opened is None:
            self.open()
        return (self._opened or {})[channel]


async def _send(one: "apprise.Apprise", message: Message, hanging: set[asyncio.Future[Any]]) -> bool:
    """Send one message; False when the channel refuses it, does not answer in time, or holds up too many."""
    if len(hanging) >= _HELD_UP:
        return False
    kind = _KINDS.get(message.severity, "info")
    what: dict[str, Any] = {"body": message.body, "title": message.title, "notify_type": kind, "body_format": "text"}
    sending = aside("alert", partial(one.notify, **what))
    done, _ = await asyncio.wait([sending], timeout=_BRIEF if hanging else _WHOLE)
    if not done:
        hanging.add(sending)
        sending.add_done_callback(hanging.discard)
    return bool(done) and bool(sending.result())


def _name(one: "apprise.Apprise") -> str:
    """Name a channel by its kind and host: what stands before and after may be a secret, of a webhook's path too."""
    shown = str(one[0].url(privacy=True))  # type: ignore[no-untyped-call] # Apprise has no types
    kind, _, rest = shown.partition("://")
    if type(one[0]).__name__ == "NotifyNtfy" and getattr(one[0], "mode", "") == "cloud":
        return f"{kind}://ntfy.sh"  # its address begins with the topic, which is all that protects it
    return f"{kind}://{re.split('[/?]', rest)[0].rpartition('@')[2]}"


def _scheme(url: str) -> str:
    found = re.match(r"([a-z][a-z0-9]{0,19})://", url)
    return found[1] if found else "no scheme at all"


def _completed(url: str) -> str:
    missing = [f"{name}={value}" for name, value in _DEFAULTS.items() if not re.search(rf"[?&]{name}=", url)]
    return url + ("&" if "?" in url else "?") + "&".join(missing) if missing else url
