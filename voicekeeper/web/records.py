"""`/api/accounts` and `/api/attempts`: who is paid, and the evidence of every call."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from voicekeeper.core.account import Account, AccountState
from voicekeeper.core.voice import Status
from voicekeeper.registry import accounts, pages
from voicekeeper.registry.pages import Attempt, AttemptFilter
from voicekeeper.web.census import Figures
from voicekeeper.web.operations import Call, Operation, shown
from voicekeeper.web.requests import AttemptsQuery
from voicekeeper.wiring import App


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAccount:
    """An account as it stands, its provider in the configuration, and its voices as last counted.

    `provider` is null where the account is not configured any more, `voices` before the first count.
    """

    name: str
    provider: str | None
    state: AccountState
    reason: str | None
    paused_at: datetime | None
    probe_at: datetime | None
    probes: int
    slot_at: datetime | None
    throttles: int
    voices: dict[Status, int] | None
    next_deadline: datetime | None
    counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accounts:
    """All accounts that the registry knows, by name."""

    accounts: list[ShownAccount]


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """Attempts, the newest first; `next` is the cursor of the next page, null for none."""

    attempts: list[Attempt]
    next: str | None


async def list_accounts(call: Call) -> Response:
    """Return all accounts."""
    everyone = await call.app.database.show(accounts.everyone)
    figures = call.face.census.figures
    return shown(Accounts([_shown(account, call.app, figures) for account in everyone]), Accounts)


async def list_attempts(call: Call) -> Response:
    """Return a page of attempts."""
    asked: AttemptsQuery = call.query
    wanted = AttemptFilter(account=asked.account, outcome=asked.outcome, since=asked.since)
    page = await call.app.database.show(pages.attempts_before, wanted, asked.cursor, asked.limit)
    return shown(AttemptPage(page.rows, str(page.last) if page.last is not None else None), AttemptPage)


def _shown(account: Account, app: App, figures: Figures | None) -> ShownAccount:
    configured = app.settings.accounts.get(account.name)
    return ShownAccount(
        name=account.name,
        provider=configured.provider if configured else None,
        state=account.state,
        reason=account.reason,
        paused_at=account.paused_at,
        probe_at=account.probe_at,
        probes=account.probes,
        slot_at=account.slot_at,
        throttles=account.throttles,
        voices={one: figures.voices.get((account.name, one), 0) for one in Status} if figures else None,
        next_deadline=figures.next_deadline.get(account.name) if figures else None,
        counted_at=figures.counted_at if figures else None,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/accounts",
        summary="The accounts and how they stand",
        work=list_accounts,
        answers={200: Accounts},
    ),
    Operation(
        method="GET",
        path="/api/attempts",
        summary="Calls made with voices, page by page, the newest first",
        work=list_attempts,
        query=AttemptsQuery,
        answers={200: AttemptPage},
    ),
)
