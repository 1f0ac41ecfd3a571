"""Tell people: what the registry holds to be told goes out, one message a channel, and is told again while it lasts."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from voicekeeper.alerts.channels import Channels
from voicekeeper.alerts.message import Form, Message, Notice, compose, titled
from voicekeeper.clock import Clock
from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.channel import Rule
from voicekeeper.core.digest import AHEAD, digest
from voicekeeper.core.errors import RegistryError
from voicekeeper.core.wording import render
from voicekeeper.registry import deliveries
from voicekeeper.registry.database import Database
from voicekeeper.registry.deliveries import Results, Round
from voicekeeper.registry.digest import figures
from voicekeeper.registry.outbox import Due

#: Where nobody is to be told, the log is.
_LOG = Rule(id="log", name="log")


class Notifier:
    """Sends the outbox through the channels; sending never raises into keeping.

    With a `public_url` every alert has a link to where more can be seen.
    """

    def __init__(
        self,
        database: Database,
        channels: Channels,
        clock: Clock,
        repeat_every: timedelta,
        log: Any,  # noqa: ANN401 - structlog's loggers take their methods from the configuration
        public_url: str | None = None,
    ) -> None:
        self._database, self._channels, self._clock, self._log = database, channels, clock, log
        self._repeat_every, self._public_url = repeat_every, public_url

    async def tell(self) -> None:
        """Send everything that has to be told now, as one message for each channel."""
        rules = self._channels.rules or [_LOG]
        this = await self._database.run(deliveries.begin, rules, self._clock.now(), self._repeat_every)
        if this is None:
            return
        alerts, digests = await asyncio.gather(self._alerts(this), self._digests(this))
        results = Results(dict(alerts), dict(digests))
        await self._database.run(deliveries.finish, this, results, self._clock.now(), self._repeat_every)

    def listeners(self, alert: Alert) -> set[str]:
        """Return the channels that want to hear of such an alert; where there is none, the log."""
        return {rule.id for rule in self._channels.rules or [_LOG] if rule.wants(alert.severity)}

    async def at_once(self, alert: Alert, listeners: Collection[str], *, resolved: bool = False) -> set[str]:
        """Tell these channels without the registry; return those that took it."""
        rules = [rule for rule in self._channels.rules or [_LOG] if rule.id in listeners]
        sent = await asyncio.gather(*(self._tell_at_once(rule, alert, resolved) for rule in rules))
        return {rule.id for rule, ok in zip(rules, sent, strict=True) if ok}

    async def _tell_at_once(self, rule: Rule, alert: Alert, resolved: bool) -> bool:  # noqa: FBT001 - passed on
        if rule is _LOG:
            self._log.warning("alert.unsent", title=alert.title, resolved=resolved)
            return True
        title, body = render(alert.kind, alert.facts, rule.language)
        notice = Notice(alert.severity, title, body, resolved, self._public_url or "")
        return await self._send(rule, compose([notice], self._form(rule)), alerts=1)

    async def _alerts(self, this: Round) -> Sequence[tuple[str, bool]]:
        return await asyncio.gather(*(self._tell(this.rules[name], due) for name, due in this.plan.messages.items()))

    async def _digests(self, this: Round) -> Sequence[tuple[str, bool]]:
        return [(channel, await self._digest(this, this.rules[channel])) for channel in this.digests]

    async def _tell(self, rule: Rule, due: Sequence[Due]) -> tuple[str, bool]:
        """Send one channel its alerts; return whether it took them."""
        if rule is _LOG:
            for alert in due:
                self._log.warning("alert.unsent", title=alert.title, resolved=alert.resolved)
            return rule.id, True
        message = compose([self._notice(alert, rule) for alert in due], self._form(rule))
        return rule.id, await self._send(rule, message, alerts=len(due))

    async def _digest(self, this: Round, rule: Rule) -> bool:
        """Send one channel its digest; return whether it took it. Alerts told beside it are noted in any case."""
        if rule.digest is None:
            return True
        try:
            counted = await self._database.run(figures, this.digests[rule.id], this.at, AHEAD[rule.digest])
        except RegistryError as error:
            self._log.error("digest.failed", channel=rule.name, error=str(error))
            return False
        title, body = digest(counted, rule.digest, rule.language)
        text = f"{body}\n\n{self._public_url}" if self._public_url else body
        return await self._send(rule, Message(Severity.INFO, titled(title), text), digest=rule.digest.value)

    async def _send(self, rule: Rule, message: Message, **what: object) -> bool:
        sent = await self._channels.deliver(rule.id, message)
        if sent.ok:
            self._log.info("alert.sent", channel=sent.channel, **what)
        else:
            self._log.error("alert.failed", channel=sent.channel, **what)
        return sent.ok

    def _form(self, rule: Rule) -> Form:
        return Form(rule.language, self._channels.room(rule.id))

    def _notice(self, alert: Due, rule: Rule) -> Notice:
        title, body = alert.words(rule.language)
        return Notice(alert.severity, title, body, alert.resolved, self._link(alert))

    def _link(self, alert: Due) -> str:
        """Return where more can be seen: the voice's page, or the account's voices."""
        account, voice_id = alert.facts.get("account"), alert.facts.get("voice_id")
        if self._public_url is None:
            return ""
        if account and voice_id:
            return f"{self._public_url}/voices/{quote(str(account), safe='')}/{quote(str(voice_id), safe='')}"
        return f"{self._public_url}/?account={quote(str(account), safe='')}" if account else self._public_url
