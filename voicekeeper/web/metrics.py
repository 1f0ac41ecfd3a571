"""What Prometheus is told. A scrape reads memory: it costs as much as there are accounts, whatever is stored.

What this process did is counted here (keep calls, how long they took, how early they were). How the registry stands
comes from the census, and is the same for every instance: take `max` of it over instances, not `sum`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Status, Voice
from voicekeeper.foresight import Foresight
from voicekeeper.web.census import Census, Figures
from voicekeeper.web.health import Health

_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
_HOUR = 3600
_SLACK = tuple(hours * _HOUR for hours in (0, 1, 6, 12, 24, 48, 72, 96, 120, 144, 168))

disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client's own


class Metrics:
    """The keeper's observer, and the page that is scraped."""

    def __init__(self, census: Census, health: Health) -> None:
        self._registry = CollectorRegistry()
        self._attempts = Counter(
            "voicekeeper_keep_attempts",
            "Keep calls of this process, by what came of them.",
            ("account", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "voicekeeper_keep_seconds", "How long a keep call took.", buckets=_SECONDS, registry=self._registry
        )
        self._slack = Histogram(
            "voicekeeper_slack_at_keep_seconds",
            "How long before its deadline a voice was kept; below 0 it was past it.",
            buckets=_SLACK,
            registry=self._registry,
        )
        self._registry.register(_Stand(census, health))
        self._ahead = _Ahead()
        self._registry.register(self._ahead)

    def expect(self, accounts: Iterable[str]) -> None:
        """Show these accounts with nothing counted yet: a rate is not seen over a series that begins with its event."""
        for account in accounts:
            for outcome in Outcome:
                self._attempts.labels(account, outcome.value)

    def watch(self, foresight: Foresight) -> None:
        """Show what this looks ahead to."""
        self._ahead.foresight = foresight

    def settled(self, voice: Voice, answer: Answer, slack: timedelta | None, seconds: float) -> None:
        """Count one settled keep call."""
        self._attempts.labels(voice.account, answer.outcome.value).inc()
        self._seconds.observe(seconds)
        if answer.outcome is Outcome.KEPT and slack is not None:
            self._slack.observe(slack.total_seconds())

    def page(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)


class _Stand(Collector):
    """How the registry stands, from the last census."""

    def __init__(self, census: Census, health: Health) -> None:
        self._census, self._health = census, health

    def collect(self) -> Iterator[Metric]:
        """Yield the figures; without a census yet, only when the last sweep was."""
        swept = self._health.swept_at
        yield GaugeMetricFamily(
            "voicekeeper_last_sweep_timestamp_seconds",
            "When this process completed its last sweep; 0 before the first.",
            value=swept.timestamp() if swept else 0,
        )
        if self._census.figures is not None:
            for family in _FAMILIES:
                yield family(self._census.figures)


class _Ahead(Collector):
    """What the keeper saw coming after its last sweep."""

    def __init__(self) -> None:
        self.foresight: Foresight | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield how many voices cannot be saved; none before the first sweep."""
        text = "Voices that cannot be saved under the present rate and budget."
        family = GaugeMetricFamily("voicekeeper_unsavable_voices", text, labels=("account",))
        for account, seen in sorted(self.foresight.outlooks.items()) if self.foresight else ():
            family.add_metric((account,), seen.lost)
        yield family


def _voices(figures: Figures) -> Metric:
    family = GaugeMetricFamily("voicekeeper_voices", "Voices in the registry.", labels=("account", "status"))
    for account in sorted({name for name, _ in figures.voices} | {account.name for account in figures.accounts}):
        for status in Status:
            family.add_metric((account, status.value), figures.voices.get((account, status), 0))
    return family


def _next_deadline(figures: Figures) -> Metric:
    text = "The first deadline of a waiting voice that is not released; none without such a voice."
    family = GaugeMetricFamily("voicekeeper_next_deadline_timestamp_seconds", text, labels=("account",))
    for account, deadline in sorted(figures.next_deadline.items()):
        family.add_metric((account,), deadline.timestamp())
    return family


def _paused(figures: Figures) -> Metric:
    text = "1 while the account waits for its owner: key, balance or quota."
    family = GaugeMetricFamily("voicekeeper_account_paused", text, labels=("account",))
    for account in figures.accounts:
        family.add_metric((account.name,), int(account.paused))
    return family


def _paid(figures: Figures) -> Metric:
    text = "What keeping has cost, by the registry's evidence."
    family = CounterMetricFamily("voicekeeper_spend", text, labels=("account", "currency"))
    for (account, currency), amount in sorted(figures.paid.items()):
        family.add_metric((account, currency), float(amount))
    return family


_FAMILIES: tuple[Callable[[Figures], Metric], ...] = (_voices, _next_deadline, _paused, _paid)
