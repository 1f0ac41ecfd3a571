"""What the configuration asks for, in the terms of those who work by it: lines, prices, channels, connections."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from voicekeeper.alerts.channels import Channel, channel_id
from voicekeeper.config import AccountSettings, AlertSettings, ChannelSettings, Settings
from voicekeeper.core import rate
from voicekeeper.core.alert import Severity
from voicekeeper.core.channel import Rhythm, Rule
from voicekeeper.core.errors import InputError
from voicekeeper.core.money import Price, billed_characters
from voicekeeper.core.wording import Language
from voicekeeper.providers import Provider
from voicekeeper.providers.gateways import Access
from voicekeeper.registry import accounts
from voicekeeper.registry.spending import Terms
from voicekeeper.speaking import Line

#: A lease outlives the whole call twice over, and the way to it.
LEASE_MARGIN = timedelta(seconds=30)


def alert_channels(settings: Settings) -> list[Channel]:
    """Return the configured ways to reach people, each with its rule."""
    alerts = settings.alerts
    told_all = [
        (f"alerts.urls[{number}]", ChannelSettings.model_construct(url=url)) for number, url in enumerate(alerts.urls)
    ]
    own = [(f"alerts.channels[{number}]", one) for number, one in enumerate(alerts.channels)]
    return [Channel(one.url.reveal(), _rule(one, alerts), place) for place, one in (*told_all, *own)]


def _rule(one: ChannelSettings, alerts: AlertSettings) -> Rule:
    return Rule(
        id=channel_id(one.url.reveal()),
        least=None if one.min_severity == "none" else Severity(one.min_severity),
        quiet=one.quiet_hours,
        zone=one.time_zone or alerts.time_zone,
        digest=Rhythm(one.digest) if one.digest else None,
        digest_at=one.digest_at,
        language=Language(one.language or alerts.language),
    )


def line(settings: Settings, name: str, provider: Provider, scale: float) -> Line:
    """Return the line to one account; a call takes real seconds, of which its lease is made in the clock's."""
    account = settings.accounts[name]
    return Line(
        provider=provider,
        terms=terms(settings, name, scale),
        id_problem=account.gateway.id_problem,
        concurrency=account.max_concurrency or account.gateway.max_concurrency,
        text=settings.keep.text,
        alternate_text=settings.keep.alternate_text,
    )


def terms(settings: Settings, name: str, scale: float = 1.0) -> Terms:
    """Return an account's terms of claiming and paying."""
    account = settings.accounts[name]
    return Terms(
        account=name,
        model=account.model or account.gateway.model,
        space=rate.interval(account.requests_per_minute or account.gateway.requests_per_minute),
        lease=(2 * account.timeout + LEASE_MARGIN) * scale,
        price=_price(account, (settings.keep.text, settings.keep.alternate_text)),
        currency=account.currency,
        budget_per_day=account.budget_per_day,
        budget_per_month=account.budget_per_month,
        zone=account.time_zone,
    )


def _price(account: AccountSettings, texts: Sequence[str]) -> Price | None:
    """Return what a keep costs, with the longer of the texts; None where nothing is counted."""
    if account.price_per_voice is None and account.price_per_10k_characters is None:
        return None
    return Price(
        fee=account.price_per_voice or Decimal(),
        per_10k=account.price_per_10k_characters or Decimal(),
        characters=max(map(billed_characters, texts)),
    )


def account_of(settings: Settings, name: str) -> AccountSettings:
    """Return one account's settings; raise InputError where there is none of this name."""
    if name not in settings.accounts:
        known = ", ".join(settings.accounts) or "none"
        raise InputError(f'account "{name}" is not configured (there is: {known})')
    return settings.accounts[name]


def access(account: AccountSettings) -> Access:
    """Return how one account's provider is reached."""
    gateway = account.gateway
    return Access(
        api_key=account.api_key.reveal(),
        base_url=account.base_url or gateway.base_url or "",
        prefix=gateway.prefix if account.path_prefix is None else account.path_prefix,
        model=account.model or gateway.model,
        timeout=account.timeout.total_seconds(),
        connections=account.max_concurrency or gateway.max_concurrency,
        asynchronous=account.asynchronous,
        ca_file=account.ca_file,
        group_id=account.group_id,
    )


def marks(settings: Settings) -> dict[str, accounts.Mark]:
    """Return what tells each account that was changed from what it was before."""
    return {name: _mark(settings, name) for name in settings.accounts}


def _mark(settings: Settings, name: str) -> accounts.Mark:
    """Tell a changed key, address or term from the old one, without telling what it is."""
    account, policy = settings.accounts[name], settings.policies[name]
    told = account.model_dump(mode="json", exclude={"api_key"}, exclude_none=True)
    said = f"{sorted(told.items())}{policy}{account.api_key.reveal()}"
    fingerprint = hashlib.sha256(said.encode()).hexdigest()[:16]
    return accounts.Mark(fingerprint, policy.lifetime, settings.default_policy.lifetime)
