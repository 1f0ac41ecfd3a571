"""Keep, hold, release, retry: with one voice or with several, and asked again where money or loss follows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from voicekeeper.core.voice import Status, Voice
from voicekeeper.registry import several
from voicekeeper.registry.several import Wish
from voicekeeper.web.dashboard.listing import ROWS
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.gate import Access
from voicekeeper.web.problems import Problem

#: As many as a page shows, and those that were found by their whole name.
_MOST = 2 * ROWS
#: To hold a voice costs nothing, and it is warned of before it is lost.
_AT_ONCE = frozenset({Wish.HOLD})
#: The pages that a decision is made on, and so those to go back to.
_BACK = re.compile(r"voices((/(?!\.|%2e)[^/?#\\\s]+){2})?(\?[^#\\\s]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What may have to be paid in one currency, "" for none that is known."""

    currency: str
    amount: float


async def decide(visit: Visit) -> Response:
    """Do what was asked for, or ask whether it is meant."""
    wish, ids, back = _wish(visit), _ids(visit), _back(visit)
    found = await visit.app.database.show(several.look, ids)
    if not found:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, visit.say("nothing_ticked"))
    mine = [voice for voice in found if wish.concerns(voice)]
    if mine and wish not in _AT_ONCE and visit.field("sure") != "yes":
        return visit.page(
            "confirm.html", wish=wish, voices=mine, left=_left(found, mine), costs=_costs(visit, mine), back=back
        )
    count = await _carry_out(visit, mine, wish) if mine else 0
    if count:
        visit.face.changed()
    return visit.go(_told(back, wish, count))


async def _carry_out(visit: Visit, mine: Sequence[Voice], wish: Wish) -> int:
    ids, policy_of = [voice.id for voice in mine], visit.app.settings.policy_of
    return await visit.app.database.run(several.carry_out, ids, wish, policy_of, visit.now)


def _wish(visit: Visit) -> Wish:
    try:
        return Wish(visit.field("wish"))
    except ValueError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, visit.say("no_wish")) from error


def _ids(visit: Visit) -> list[int]:
    sent = (visit.form or {}).get("voice", [])
    if len(sent) > _MOST or not all(re.fullmatch(r"[0-9]{1,18}", one) for one in sent):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, visit.say("nothing_ticked"))
    return sorted({int(one) for one in sent})


def _back(visit: Visit) -> str:
    """Return where to go afterwards: to a page of our own, whatever was sent."""
    back = visit.field("back")
    return back if back.isascii() and _BACK.fullmatch(back) else "voices"


def _left(found: Sequence[Voice], mine: Sequence[Voice]) -> Sequence[Voice]:
    return [voice for voice in found if voice not in mine]


def _costs(visit: Visit, voices: Sequence[Voice]) -> list[Cost]:
    """Return what keeping these will cost, by the prices of the configuration; each is paid once."""
    sums: dict[str, Decimal] = {}
    for voice in voices:
        account = visit.settings.accounts.get(voice.account)
        if account and account.price_per_voice and voice.status is not Status.KEPT:
            unit = account.currency or ""
            sums[unit] = sums.get(unit, Decimal()) + account.price_per_voice
    return [Cost(unit, float(amount)) for unit, amount in sorted(sums.items())]


def _told(back: str, wish: Wish, count: int) -> str:
    """Return the page to go back to, with what was done."""
    path, _, query = back.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in {"done", "n"}]
    return f"{path}?{urlencode([*kept, ('done', wish.value), ('n', str(count))])}"


PAGES = (Page(method="POST", path="/decide", work=decide, access=Access.WRITE),)
