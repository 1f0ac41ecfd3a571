"""`/voices`: all voices page by page, with filters and a search."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from pydantic import model_validator
from starlette.responses import Response

from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import accounts, pages, showing
from voicekeeper.registry.pages import VoiceFilter
from voicekeeper.registry.several import Wish
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.operations import Strict
from voicekeeper.web.requests import Cursor, Printable, Within

#: Voices on a page, and what is looked through for one: windows of `pages`, and seconds.
ROWS, _WINDOWS, _PATIENCE = 50, 10, 2.0
_FILTERS = ("q", "account", "status", "intent", "due_within")
#: The choices for how near a deadline is.
NEARNESS = ("0h", "24h", "72h", "168h")


class ListQuery(Strict):
    """Which voices, and which page of them; a form sends its empty fields too.

    `done` and `n` tell what was just done, and with how many; `ticked` chooses all voices of the page.
    """

    q: Printable | None = None
    account: Printable | None = None
    status: Status | None = None
    intent: Intent | None = None
    due_within: Within | None = None
    cursor: Cursor = 0
    done: Wish | None = None
    n: Cursor | None = None
    ticked: Literal["all"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, sent: object) -> object:
        return {name: value for name, value in sent.items() if value != ""} if isinstance(sent, dict) else sent


@dataclass(frozen=True, slots=True)
class Found:
    """The voices of one page; `next` is the cursor behind them, None at the end."""

    voices: Sequence[Voice]
    next: int | None


async def show(visit: Visit) -> Response:
    """Show a page of voices."""
    everyone = await visit.app.database.show(accounts.everyone)
    names = {account.name for account in everyone} | visit.settings.accounts.keys()
    return visit.page(
        "voices.html",
        found=await _find(visit, await _named(visit, names)),
        asked=visit.query,
        names=sorted(names),
        kept=_query(visit, _FILTERS),
        this_page=_query(visit, (*_FILTERS, "cursor")),
        nearness=NEARNESS,
        nearer=visit.request.query_params.get("due_within", ""),
        statuses=list(Status),
        intents=list(Intent),
        wishes=list(Wish),
    )


def _query(visit: Visit, names: Sequence[str]) -> str:
    """Return some of this page's parameters as a query."""
    params = visit.request.query_params
    return urlencode([(name, params[name]) for name in names if params.get(name)])


async def _find(visit: Visit, exact: Sequence[Voice]) -> Found:
    """Gather a page from window after window, for a while; those that are called so exactly come first."""
    asked: ListQuery = visit.query
    wanted, start = _wanted(asked, visit.now), visit.face.clock.monotonic()
    known, found, windows = {voice.id for voice in exact}, list[Voice](), 0
    last: int | None = asked.cursor
    while (
        last is not None
        and len(found) < ROWS
        and windows < _WINDOWS
        and visit.face.clock.monotonic() - start < _PATIENCE
    ):
        page = await visit.app.database.show(pages.voices_after, wanted, last, ROWS - len(found))
        found, last, windows = found + page.rows, page.last, windows + 1
    return Found([*exact, *(voice for voice in found if voice.id not in known)], last)


def _wanted(asked: ListQuery, now: datetime) -> VoiceFilter:
    return VoiceFilter(
        status=asked.status,
        account=asked.account,
        intent=asked.intent,
        at_risk_before=now + asked.due_within if asked.due_within is not None else None,
        begins=asked.q,
    )


async def _named(visit: Visit, names: Collection[str]) -> list[Voice]:
    """Return the voices that are called so exactly: an index finds them among any number of others."""
    asked: ListQuery = visit.query
    if not asked.q or asked.cursor:
        return []
    wanted = _wanted(asked, visit.now)
    found = await visit.app.database.show(showing.named, names, asked.q)
    return [voice for voice in found if _fits(voice, wanted)]


def _fits(voice: Voice, wanted: VoiceFilter) -> bool:
    """Tell whether a voice passes the other filters too."""
    asked = ((wanted.status, voice.status), (wanted.account, voice.account), (wanted.intent, voice.intent))
    if any(one not in {None, known} for one, known in asked):
        return False
    if wanted.at_risk_before is None:
        return True
    at_risk = voice.deadline is None or voice.deadline <= wanted.at_risk_before
    return voice.status is Status.WAITING and at_risk


PAGES = (Page(method="GET", path="/voices", work=show, query=ListQuery),)
