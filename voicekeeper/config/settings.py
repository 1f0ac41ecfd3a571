"""Every setting, its type, its default and what it may be."""

import math
import re
from datetime import time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from voicekeeper.config.certificates import read_certificates
from voicekeeper.config.hours import read_hour, read_hours, read_zone
from voicekeeper.config.secrets import NeededSecret, Secret, SecretField
from voicekeeper.core.duration import LONGEST, format_duration, parse_duration
from voicekeeper.core.schedule import KeepAfter, Policy
from voicekeeper.providers.gateways import GATEWAYS, Gateway

_PAUSE = re.compile(r"<#[\d.]*#>")
_LAST_PORT = 65535
_SECOND = timedelta(seconds=1)
#: The kind of mistake that two settings make together.
BETWEEN = "between_settings"
_DATABASE = re.compile(r"(sqlite|postgresql|postgres|mysql|mariadb)(\+\w+)?://")
#: SQLite without a file: a host where the path belongs, or a registry that is gone with its process.
_NO_FILE = re.compile(r"sqlite(\+\w+)?:(//[^/]|//$|///$|///\?|///:memory:)")
#: What a query begins with, after comments and brackets: nothing else could be read.
_SELECT = re.compile(r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with)\b", re.IGNORECASE | re.DOTALL)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError('write a duration in quotes, like "168h", "90s" or "2d"')  # noqa: TRY004 - pydantic wants this one
    return parse_duration(value)


def _wait(value: object) -> timedelta | KeepAfter:
    if isinstance(value, str) and value in set(KeepAfter):
        return KeepAfter(value)
    try:
        return _duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or one of {', '.join(KeepAfter)}") from None


def _decimal(value: object) -> Decimal:
    """Take an amount as it was written: TOML's 9.9 is 9.9, not the number next to it that a float can hold."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("write a number without quotes, like 9.9")
    return Decimal(str(value))


def _within(least: timedelta, most: timedelta) -> AfterValidator:
    """Return a rule for a duration, which says its bounds as durations are written."""

    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"write a duration from {format_duration(least)} to {format_duration(most)}")
        return value

    return AfterValidator(check)


def _spoken(text: str) -> str:
    if not any(char.isalnum() for char in _PAUSE.sub("", text)):
        raise ValueError("there is nothing to speak in it")
    return text


def _listed(value: str) -> str:
    if value not in GATEWAYS:
        raise ValueError(f"unknown provider; known are {', '.join(sorted(GATEWAYS))}")
    return value


def _shaped(pattern: str, words: str) -> AfterValidator:
    """Return a rule for a text, with the words that say how to write it."""
    shape = re.compile(pattern)

    def check(value: str) -> str:
        port = re.search(r":(\d+)(/|$)", value)
        if not shape.fullmatch(value) or (port and int(port[1]) > _LAST_PORT):
            raise ValueError(words)
        return value.rstrip("/")

    return AfterValidator(check)


def _key(secret: Secret) -> Secret:
    """Refuse what no HTTP header can carry, here where it can be said without showing it."""
    if secret.value is not None and not re.fullmatch(r"[!-~]+", secret.value):
        raise ValueError("the key holds blanks or characters that no key has: was something else copied with it?")
    return secret


def _address(secret: Secret) -> Secret:
    if secret.value is not None and not re.match(r"https?://[^/\s]", secret.value):
        raise ValueError("an address begins with https:// or http://")
    return secret


def _foreign(secret: Secret) -> Secret:
    if secret.value is not None and not re.match(_DATABASE.pattern + r".*[^/:@]", secret.value):
        raise ValueError('write it like "sqlite:///app.db", "postgresql://user@host/name" or "mysql://user@host/name"')
    return secret


def _selects(query: str) -> str:
    if not _SELECT.match(query):
        raise ValueError("a source is only read: begin with SELECT or WITH")
    return query.rstrip().rstrip(";")


def _too_late(policy: Policy) -> str | None:
    if isinstance(policy.keep_after, KeepAfter) or policy.keep_after < policy.lifetime:
        return None
    after, lifetime = format_duration(policy.keep_after), format_duration(policy.lifetime)
    return f"{after} must be shorter than the lifetime, {lifetime}: no voice would be due before it is deleted"


def _mistake(places: tuple[str, ...], words: str) -> InitErrorDetails:
    kind = PydanticCustomError(BETWEEN, "{words}", {"words": words})
    return InitErrorDetails(type=kind, loc=places, input=None)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Lifetime = Annotated[Duration, _within(_SECOND, timedelta(days=3650))]
#: How long to wait, or how that is chosen.
Wait = Annotated[timedelta | KeepAfter, BeforeValidator(_wait)]
Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_spoken)]
#: No user, no query: the first would replace the key, and neither belongs to an address that errors may show.
BaseUrl = Annotated[
    str,
    _shaped(
        r"https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[^\s?#@]*)?",
        'write it like "https://host.example"',
    ),
]
Prefix = Annotated[str, _shaped(r"(/[^/\s?#]+)*/?", 'write it like "/minimax"')]
GroupId = Annotated[str, _shaped(r"[A-Za-z0-9_-]{1,64}", "write the number that the console shows, in quotes")]
Currency = Annotated[str, _shaped(r"[A-Z]{3}", 'write three capital letters, like "CNY"')]
Listen = Annotated[str, _shaped(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}", 'write it like "127.0.0.1:8710"')]
Zone = Annotated[ZoneInfo, BeforeValidator(read_zone), PlainSerializer(str)]
Name = Annotated[str, _shaped(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a name has letters, digits, _ . and -")]
Money = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1_000_000_000, decimal_places=6)]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # the whole is built once it is read, and each part in it: not each by itself before
    )


class RegistrySettings(_Section):
    """Where the registry of voices is; a relative SQLite path starts at the configuration file's folder."""

    url: NeededSecret

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if not _DATABASE.match(self.url.reveal()):
            raise ValueError(
                'url must begin with sqlite:///, postgresql:// or mysql://, like "sqlite:///voicekeeper.db"'
            )
        if _NO_FILE.match(self.url.reveal()):
            raise ValueError(
                'url names no file: write it like "sqlite:///voicekeeper.db", with four slashes for an absolute path'
            )
        return self


class KeepSettings(_Section):
    """How voices are kept, for every account that does not say otherwise."""

    lifetime: Lifetime = timedelta(hours=168)
    keep_after: Wait = timedelta()
    text: Text = "Hi."
    alternate_text: Text = "Hello there."
    warn_before: list[Duration] = list(Policy().warn_before)
    spool: Annotated[str, Field(min_length=1, max_length=1000)] = "voicekeeper.spool"


class AccountSettings(_Section):
    """One provider key with its limits and prices."""

    provider: Annotated[str, AfterValidator(_listed)]
    api_key: Annotated[SecretField, AfterValidator(_key)]
    base_url: BaseUrl | None = None
    path_prefix: Prefix | None = None
    group_id: GroupId | None = None
    ca_file: Annotated[str, BeforeValidator(read_certificates)] | None = None
    model: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    requests_per_minute: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    asynchronous: bool = False
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] | None = None
    timeout: Annotated[Duration, _within(_SECOND, timedelta(minutes=10))] = timedelta(seconds=30)
    price_per_voice: Money | None = None
    price_per_10k_characters: Money | None = None
    currency: Currency | None = None
    budget_per_day: Money | None = None
    budget_per_month: Money | None = None
    time_zone: Zone = ZoneInfo("UTC")
    lifetime: Lifetime | None = None
    keep_after: Wait | None = None

    @property
    def gateway(self) -> Gateway:
        """The table's row of this account's provider."""
        return GATEWAYS[self.provider]

    def mistakes(self) -> dict[str, str]:
        """Say which settings are wrong together, each by name with what would mend it."""
        wrong = {}
        if self.base_url is None and self.gateway.base_url is None:
            wrong["base_url"] = f'provider "{self.provider}" has no address of its own: set base_url'
        if self.group_id is not None and self.gateway.family != "minimax":
            wrong["group_id"] = f'provider "{self.provider}" knows no groups: leave it out'
        budgeted = self.budget_per_day is not None or self.budget_per_month is not None
        if budgeted and not (self.price_per_voice or self.price_per_10k_characters):
            wrong["price_per_voice"] = "a budget needs price_per_voice, or nothing can be counted against it"
        return wrong


class SourceSettings(_Section):
    """The owner's own database, read at each sweep and never written; a relative SQLite path as in [registry]."""

    url: Annotated[SecretField, AfterValidator(_foreign)]
    query: Annotated[str, AfterValidator(_selects)]
    account: str | None = None


class ChannelSettings(_Section):
    """A channel with rules of its own; what is None is as in [alerts]."""

    url: SecretField
    min_severity: Literal["info", "warning", "critical", "none"] = "info"
    quiet_hours: Annotated[tuple[time, time], BeforeValidator(read_hours)] | None = None
    time_zone: Zone | None = None
    language: Literal["en", "zh"] | None = None
    digest: Literal["daily", "weekly"] | None = None
    digest_at: Annotated[time, BeforeValidator(read_hour)] = time(9)


class AlertSettings(_Section):
    """Who is told, how often, in which language and by which clock."""

    urls: list[SecretField] = []
    channels: list[ChannelSettings] = []
    language: Literal["en", "zh"] = "en"
    time_zone: Zone = ZoneInfo("UTC")
    repeat_every: Annotated[Duration, _within(_SECOND, LONGEST)] = timedelta(hours=4)
    heartbeat_url: Annotated[SecretField, AfterValidator(_address)] | None = None


class ServeSettings(_Section):
    """The daemon."""

    listen: Listen = "127.0.0.1:8710"
    api_token: SecretField | None = None
    public_url: BaseUrl | None = None
    sweep_every: Annotated[Duration, _within(_SECOND, timedelta(days=1))] = timedelta(minutes=5)


class LogSettings(_Section):
    """What is logged, and in which form: console on a terminal, JSON otherwise."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(_Section):
    """The whole configuration."""

    registry: RegistrySettings
    keep: KeepSettings = KeepSettings()
    accounts: dict[Name, AccountSettings] = {}
    sources: dict[Name, SourceSettings] = {}
    alerts: AlertSettings = AlertSettings()
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _in_agreement(self) -> Self:
        wrong: dict[tuple[str, ...], str] = {}
        if late := _too_late(self.default_policy):
            wrong["keep", "keep_after"] = late
        for name, account in self.accounts.items():
            wrong |= {("accounts", name, setting): words for setting, words in account.mistakes().items()}
            own = account.lifetime is not None or account.keep_after is not None
            if own and (late := _too_late(self.policies[name])):
                wrong["accounts", name, "keep_after"] = late
        for name, source in self.sources.items():
            if source.account is not None and source.account not in self.accounts:
                known = ", ".join(self.accounts) or "none"
                wrong["sources", name, "account"] = f'account "{source.account}" is not configured (there is: {known})'
        if wrong:
            raise ValidationError.from_exception_data("settings", [_mistake(*one) for one in wrong.items()])
        return self

    @cached_property
    def default_policy(self) -> Policy:
        """How the voices of an account are planned that is not configured."""
        rungs = tuple(sorted(set(self.keep.warn_before), reverse=True))
        return Policy(lifetime=self.keep.lifetime, keep_after=self.keep.keep_after, warn_before=rungs)

    def policy_of(self, account: str) -> Policy:
        """Return how an account's voices are planned, also where it is not configured."""
        return self.policies.get(account, self.default_policy)

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """How each configured account's voices are planned."""
        default = self.default_policy
        return {
            name: Policy(
                lifetime=account.lifetime if account.lifetime is not None else default.lifetime,
                keep_after=account.keep_after if account.keep_after is not None else default.keep_after,
                warn_before=default.warn_before,
            )
            for name, account in self.accounts.items()
        }
