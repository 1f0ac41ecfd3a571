"""`/voices/ACCOUNT/VOICE_ID`: one voice with its whole history. Links of alerts lead here."""

from starlette.responses import Response

from voicekeeper.core.alert import voice_keys
from voicekeeper.core.voice import Voice
from voicekeeper.registry import pages, showing, single
from voicekeeper.registry.several import Wish
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.operations import Strict
from voicekeeper.web.problems import Problem
from voicekeeper.web.requests import Cursor

#: Attempts on a page; alerts, of which a voice has a handful.
_ATTEMPTS, _ALERTS = 50, 100


class HistoryQuery(Strict):
    """Which page of the attempts; `done` and `n` tell what was just done."""

    before: Cursor | None = None
    done: Wish | None = None
    n: Cursor | None = None


async def show(visit: Visit) -> Response:
    """Show one voice."""
    asked: HistoryQuery = visit.query
    voice = await _look(visit)
    read = visit.app.database.show
    attempts = await read(pages.latest_attempts, voice, _ATTEMPTS + 1, asked.before)
    return visit.page(
        "voice.html",
        voice=voice,
        configured=voice.account in visit.settings.accounts,
        attempts=attempts[:_ATTEMPTS],
        older=attempts[_ATTEMPTS - 1].id if len(attempts) > _ATTEMPTS else None,
        alerts=await read(showing.told_under, voice_keys(voice), _ALERTS),
        wishes=[wish for wish in Wish if wish.concerns(voice)],
        asked=asked,
    )


async def _look(visit: Visit) -> Voice:
    account, voice_id = (visit.request.path_params[name] for name in ("account", "voice_id"))
    possible = "\0" not in account + voice_id  # no database takes it
    voice = await visit.app.database.show(single.look, account, voice_id) if possible else None
    if voice is None:
        raise Problem(404, visit.say("no_voice"))
    return voice


PAGES = (Page(method="GET", path="/voices/{account}/{voice_id:path}", work=show, query=HistoryQuery),)
