"""A registry on a bad day: every status, alerts, a pause, and labels that are attacks."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from tests.registry.registry_steps import add, change, claim_one, settle
from tests.registry.registry_steps import answer as said
from tests.web.stage import NOW, Stage
from voicekeeper.core import alert as alerts
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.registry import outbox, single
from voicekeeper.registry.tables import voices

HOUR = timedelta(hours=1)
#: More accounts: one with a price and budgets, one that is paused, and one that is not configured.
CONFIGURATION = """
[accounts.studio]
provider = "minimax-global"
base_url = "http://127.0.0.1:9"
api_key = "sk-test"
requests_per_minute = 1
price_per_voice = 9.9
currency = "USD"
budget_per_day = 500

[accounts.empty-handed]
provider = "ppinfra"
base_url = "http://127.0.0.1:9"
api_key = "sk-test"
"""
#: Labels that would run, steer, hide or break a page that trusts them.
ATTACKS = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "' autofocus onfocus=document.title='owned' x='",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "</title></style></textarea><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "\u202egnirts desrever\u202c \u2066isolate",
    "声" * 120,
    "x" * 255,
    "👩‍👩‍👧‍👦 family, 🇩🇪 flag, e\u0301 combining",
    "\x1b[31mred\x1b[0m \x07",
)


def fill(stage: Stage) -> None:
    """Fill a registry with something of everything."""
    _settled(stage)
    _waiting(stage)
    _attacks(stage)
    _told(stage)


def _settled(stage: Stage) -> None:
    terms: dict[str, Any] = {"account": "studio", "price": 9.9, "currency": "USD"}
    for number in range(14):
        _add(stage, f"kept-voice-{number:02}", account="studio", label=f"Narrator {number}")
        _try(stage, Outcome.KEPT, **terms)
    _add(stage, "voice-of-anna-1", label="Anna, warm", account="studio")
    for hours in (3, 2, 1):
        change(stage.app.database, "voice-of-anna-1", due_at=NOW - hours * HOUR)
        _try(stage, Outcome.TRANSIENT, NOW - hours * HOUR, "the provider fails (HTTP 502)", **terms)
    change(stage.app.database, "voice-of-anna-1", due_at=NOW)
    _try(stage, Outcome.REFUSED, NOW, "the text counts as sensitive (code 1026): change keep.text", **terms)
    _add(stage, "gone-voice-1", "gone-voice-2", cloned_at=NOW - 169 * HOUR, account="studio")
    for name in ("gone-voice-1", "gone-voice-2"):
        change(stage.app.database, name, status="lost", last_error="there is no such voice (code 2054).")
    _add(stage, "let-go-1", cloned_at=NOW - 200 * HOUR, intent=Intent.RELEASE)
    change(stage.app.database, "let-go-1", status="released")


def _waiting(stage: Stage) -> None:
    """Two imports that the pace hardly reaches, what trickles in, and what is near its end."""
    for hours, count in ((0, 130), (30, 90), (70, 260), (75, 40), (110, 60), (140, 25)):
        names = [f"import-{hours}-{number:03}" for number in range(count)]
        _add(stage, *names, account="studio", cloned_at=NOW - 120 * HOUR if hours else NOW - 160 * HOUR)
        _move(stage, f"import-{hours}-", due_at=NOW + hours * HOUR, deadline=NOW + (hours + 6 + hours // 3) * HOUR)
    _add(stage, *(f"app-user-{number:02}-voice" for number in range(30)), label="from the app")
    for number in range(10):
        _move(stage, f"app-user-{number % 3}{number}", due_at=NOW + 11 * number * HOUR)
    _add(stage, "undecided-1", "undecided-2", intent=Intent.HOLD, cloned_at=NOW - 130 * HOUR, label="ask Ben first")
    _add(stage, "stranger-1", account="forgotten")
    _add(stage, "designed-voice-1", account="empty-handed", origin=Origin.DESIGN, label="an old lighthouse keeper")
    blocked = said(Outcome.BLOCKED, "the balance is too low (code 1008): top up the account.")
    database = stage.app.database
    settle(database, claim_one(database, NOW, account="empty-handed"), blocked, NOW, account="empty-handed")
    stage.add("not-planned-1")


def _attacks(stage: Stage) -> None:
    for number, label in enumerate(ATTACKS):
        _add(stage, f"attack-{number:02}-voice", label=label)
    _add(stage, "<b>bold</b>&amp;/?#%2e\"'-1", "声音-1", label="names of its own kind")
    change(stage.app.database, "attack-00-voice", last_error=ATTACKS[0], last_outcome="refused")


def _told(stage: Stage) -> None:
    with stage.app.database.transaction() as connection:
        for name in ("gone-voice-1", "gone-voice-2"):
            voice = single.look(connection, "studio", name)
            assert voice is not None
            outbox.raise_alert(connection, alerts.lost(voice, "The provider has no such voice."), NOW - HOUR)
        for name, account in (("attack-00-voice", "main"), ("attack-06-voice", "main"), ("undecided-1", "main")):
            voice = single.look(connection, account, name)
            assert voice is not None
            outbox.raise_alert(connection, alerts.rung(voice, 24 * HOUR, NOW), NOW - 2 * HOUR)


def _add(stage: Stage, *names: str, **facts: Any) -> None:
    add(stage.app.database, *names, **{"account": "main", "cloned_at": NOW - 2 * HOUR, **facts})


def _move(stage: Stage, names: str, **values: Any) -> None:
    """Write columns of all voices whose names begin so."""
    with stage.app.database.transaction() as connection:
        connection.execute(update(voices).where(voices.c.voice_id.startswith(names)).values(**values))


def _try(stage: Stage, outcome: Outcome, at: Any = NOW, message: str = "audio came back", **terms: Any) -> None:
    claimed = claim_one(stage.app.database, at, **terms)
    told = said(outcome, message, code="0", http_status=200, trace_id="01b8bf9bb7433cc7", characters=3)
    settle(stage.app.database, claimed, told, at + timedelta(seconds=1.3), **terms)
