"""`/api/voices`: register, look, change one's mind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Voice
from voicekeeper.registration import SKEW, parse
from voicekeeper.registry import pages, single
from voicekeeper.registry.database import Database
from voicekeeper.registry.pages import Attempt, VoiceFilter
from voicekeeper.registry.voices import NewVoice
from voicekeeper.web.gate import Access
from voicekeeper.web.operations import Call, Operation, shown
from voicekeeper.web.problems import Problem, invalid
from voicekeeper.web.requests import ChangesBody, NewVoiceBody, VoicesQuery

#: Attempts shown with their voice: the latest ones.
EVIDENCE = 100


@dataclass(frozen=True, slots=True)
class VoicePage:
    """Voices in the order of their ids; `next` is the cursor of the next page, null for none."""

    voices: list[Voice]
    next: str | None


@dataclass(frozen=True, slots=True)
class Registered:
    """A voice as it stands in the registry; warnings did not stop it."""

    voice: Voice
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class WholeVoice:
    """A voice, and the latest calls made with it, the newest first."""

    voice: Voice
    attempts: list[Attempt]


async def list_voices(call: Call) -> Response:
    """Return a page of voices."""
    asked: VoicesQuery = call.query
    wanted = VoiceFilter(
        status=asked.status,
        account=asked.account,
        intent=asked.intent,
        label=asked.label,
        at_risk_before=call.face.clock.now() + asked.due_within if asked.due_within is not None else None,
    )
    page = await call.app.database.show(pages.voices_after, wanted, asked.cursor, asked.limit)
    return shown(VoicePage(page.rows, str(page.last) if page.last is not None else None), VoicePage)


async def register(call: Call) -> Response:
    """Register a voice, or show it as it stands where it is registered already."""
    sent: dict[str, Any] = call.body.model_dump(exclude_unset=True, exclude_none=True)
    parsed = parse(sent, call.app.settings, None, call.face.clock.now())
    if parsed.voice is None:
        raise invalid(parsed.problems)
    voice, is_new = await _enrol(call.app.database, parsed.voice)
    if is_new:
        call.face.changed()
    elif differs := _contradictions(voice, parsed.voice, sent):
        names = ", ".join(differs)
        why = f"{voice.name} is registered already, with another {names}: a new clone needs a new voice_id"
        raise Problem(409, why, more={"differs": differs})
    place = {"Location": f"/api/voices/{quote(voice.account, safe='')}/{quote(voice.voice_id, safe='')}"}
    return shown(Registered(voice, parsed.warnings), Registered, 201 if is_new else 200, place)


async def show_voice(call: Call) -> Response:
    """Return one voice with its attempts."""
    database = call.app.database
    voice = await database.show(single.look, *_named(call))
    if voice is None:
        raise _missing(call)
    return shown(WholeVoice(voice, await database.show(pages.latest_attempts, voice, EVIDENCE)), WholeVoice)


async def change_voice(call: Call) -> Response:
    """Change what is wanted with a voice."""
    wishes = call.body.model_dump(exclude_unset=True)
    try:
        voice = await call.app.database.run(single.change, *_named(call), wishes, call.face.clock.now())
    except InputError as error:
        raise Problem(409, str(error)) from error
    if voice is None:
        raise _missing(call)
    call.face.changed()
    return shown(voice, Voice)


async def _enrol(database: Database, new: NewVoice) -> tuple[Voice, bool]:
    try:
        return await database.run(single.enrol, new)
    except InputError as error:
        raise invalid(error.problems) from error


def _contradictions(voice: Voice, new: NewVoice, sent: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return what was sent of the clone that is not so: clocks may differ a little, and wishes are nobody's mistake."""
    told = {
        "cloned_at": (voice.cloned_at, new.cloned_at),
        "deadline": (voice.deadline, new.deadline),
        "origin": (voice.origin, new.origin),
    }
    return {
        name: {"registered": _text(known), "sent": _text(said)}
        for name, (known, said) in told.items()
        if name in sent and known is not None and not _agree(known, said)
    }


def _agree(known: object, said: object) -> bool:
    if isinstance(known, datetime) and isinstance(said, datetime):
        return abs(known - said) <= SKEW
    return known == said


def _text(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _named(call: Call) -> tuple[str, str]:
    """Return the account and the voice_id asked for; what no database takes names no voice."""
    if any("\0" in name for name in call.names):
        raise _missing(call)
    return call.names


def _missing(call: Call) -> Problem:
    return Problem(404, f"there is no voice {'/'.join(call.names)}")


_ONE = "/api/voices/{account}/{voice_id:path}"
OPERATIONS = (
    Operation(
        method="GET",
        path="/api/voices",
        summary="Voices, page by page",
        work=list_voices,
        query=VoicesQuery,
        answers={200: VoicePage},
    ),
    Operation(
        method="POST",
        path="/api/voices",
        summary="Register a voice; the same again changes nothing",
        work=register,
        access=Access.WRITE,
        body=NewVoiceBody,
        answers={200: Registered, 201: Registered},
        problems=(409,),
    ),
    Operation(
        method="GET",
        path=_ONE,
        summary="One voice, with its attempts",
        work=show_voice,
        answers={200: WholeVoice},
        problems=(404,),
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        summary="Change intent, label or priority of a voice",
        work=change_voice,
        access=Access.WRITE,
        body=ChangesBody,
        answers={200: Voice},
        problems=(404, 409),
    ),
)
