"""MiniMax's own API: T2A v2 as the keep call, get_voice as the proof.

Source: MiniMax's API documentation, "T2A v2" and "Get Voice". Nearly all errors come with HTTP 200, success too: a
keep is proven only by status code 0 together with audio.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Origin
from voicekeeper.providers import Listed, Listing, Note, tasks
from voicekeeper.providers.answers import (
    answer,
    as_object,
    is_audio,
    judged,
    no_answer,
    number,
    spoken,
    status_code,
    unreadable,
)
from voicekeeper.providers.gateways import Access, Gateway
from voicekeeper.providers.minimax_codes import CODES, Meaning
from voicekeeper.providers.wire import Reply, Wire, WireError

AUDIO = {"sample_rate": 16000, "bitrate": 32000, "format": "mp3", "channel": 1}
_TASK_STATES = {
    "success": (Outcome.KEPT, "the task succeeded"),
    "failed": (Outcome.TRANSIENT, "the task failed"),
    "expired": (Outcome.TRANSIENT, "the task expired"),
    "processing": (Outcome.AMBIGUOUS, "the task is under way"),
}
_LISTS = {"voice_cloning": Origin.CLONE, "voice_generation": Origin.DESIGN}
#: MiniMax is no older: an earlier day is a mistake.
_FIRST_DAY = datetime(2021, 1, 1, tzinfo=UTC)
_KEY_REFUSED = frozenset({401, 402, 403})
_NO_SUCH_CALL = frozenset({404, 405, 501})


def connect(gateway: Gateway, access: Access) -> "MiniMax":
    """Return one account of this family."""
    wire = Wire(access, query=group(access))
    return MiniMax(wire, access.prefix, access.model, gateway.can_list, access.timeout if access.asynchronous else None)


def group(access: Access) -> dict[str, str] | None:
    """Return what names the key's group in an address, which older keys need."""
    return {"GroupId": access.group_id} if access.group_id else None


@dataclass(frozen=True, slots=True)
class MiniMax:
    """One account that speaks MiniMax's API below `prefix`.

    With `patience`, in seconds, it uses the task API and follows a task for so long.
    """

    wire: Wire
    prefix: str
    model: str
    can_list: bool = True
    patience: float | None = None

    async def speak(self, voice_id: str, text: str, note: Note) -> Answer:
        """Make one T2A call, or begin a T2A task and follow it."""
        body: dict[str, Any] = {"model": self.model, "text": text, "voice_setting": {"voice_id": voice_id}}
        if self.patience is not None:
            begun = self._begin(body)
            return await tasks.followed(begun, note, self._asked, self.patience)
        whole = body | {"stream": False, "output_format": "hex", "audio_setting": AUDIO}
        try:
            return read_speech(await self.wire.post(f"{self.prefix}/v1/t2a_v2", whole))
        except WireError as error:
            return no_answer(error)

    async def resume(self, task_id: str) -> Answer:
        """Ask once what came of a task."""
        return await self._asked(task_id)

    async def _begin(self, body: dict[str, Any]) -> Answer:
        """Begin a task; its id comes with an ambiguous answer, any other says why there is none."""
        try:
            reply = await self.wire.post(f"{self.prefix}/v1/t2a_async_v2", body)
        except WireError as error:
            return no_answer(error)
        return read_begun(reply, as_object(reply) or {})

    async def _asked(self, task_id: str) -> Answer:
        try:
            reply = await self.wire.get(f"{self.prefix}/v1/query/t2a_async_query_v2", {"task_id": task_id})
        except WireError as error:
            return tasks.still_open(task_id, str(error))
        return read_task(reply, as_object(reply) or {}, task_id)

    async def listed(self) -> Listing:
        """Ask get_voice for the account's cloned and designed voices."""
        if not self.can_list:
            return Listing(None, "this gateway has no list", absent=True)
        try:
            return read_list(await self.wire.post(f"{self.prefix}/v1/get_voice", {"voice_type": "all"}))
        except WireError as error:
            return Listing(None, str(error))

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def read_speech(reply: Reply) -> Answer:
    """Read the answer to a T2A call."""
    if is_audio(reply):
        return spoken(reply, {})
    body = as_object(reply)
    return unreadable(reply) if body is None else judged(reply, body)


def read_begun(reply: Reply, body: dict[str, Any]) -> Answer:
    """Read the answer to the beginning of a task."""
    task_id = body.get("task_id")
    if status_code(body) == 0 and isinstance(task_id, int | str) and str(task_id):
        return tasks.still_open(str(task_id)[:128], "the task is under way")
    found = judged(reply, body)
    if found.outcome is not Outcome.KEPT:
        return found
    return replace(found, outcome=Outcome.AMBIGUOUS, message="A task without its id.")


def read_task(reply: Reply, body: dict[str, Any], task_id: str) -> Answer:
    """Read a task's state; its words come in upper and lower case."""
    state = str(body.get("status", "")).lower()
    if status_code(body) == 0 and state in _TASK_STATES and reply.status < 300:  # noqa: PLR2004 - HTTP's own classes
        outcome, words = _TASK_STATES[state]
        said = Meaning(outcome, words)
        return replace(answer(reply, body, said, 0), task_id=task_id)
    found = judged(reply, body)
    if found.outcome is Outcome.NOT_FOUND:
        return replace(found, task_id=task_id)
    return tasks.still_open(task_id, "its state cannot be read")  # a question that failed says nothing about it


def read_list(reply: Reply) -> Listing:
    """Read the answer to get_voice; anything but a list in MiniMax's shape means that it cannot be had."""
    try:
        body = json.loads(reply.body)
        if number(body["base_resp"]["status_code"]) == 0 and reply.status < 300:  # noqa: PLR2004 - HTTP's own classes
            return Listing(_listed(body), server_time=reply.server_time)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        body = {}
    problem = judged(reply, body if isinstance(body, dict) else {})
    told = problem.code is not None and int(problem.code) in CODES
    blocked = problem.outcome is Outcome.BLOCKED and (told or reply.status in _KEY_REFUSED)
    absent = not told and _leads_nowhere(reply)
    reason = f"it has no list of voices (HTTP {reply.status})." if absent else problem.message
    return Listing(None, reason, blocked, absent, reply.server_time)


def _leads_nowhere(reply: Reply) -> bool:
    """Tell whether there is no such call: that says nothing against the account. Some gateways show a page for it."""
    page = reply.status < 300 and reply.body.lstrip().startswith(b"<")  # noqa: PLR2004 - HTTP's own classes
    return page or reply.status in _NO_SUCH_CALL


def _listed(body: dict[str, Any]) -> dict[str, Listed]:
    return {
        _name(voice["voice_id"]): Listed(origin, _day(voice.get("created_time")))
        for name, origin in _LISTS.items()
        for voice in body.get(name) or ()
    }


def _day(value: object) -> datetime | None:
    """Read created_time: "2026-03-01", or seconds since 1970 as in one example of its page; None for anything else."""
    try:
        day = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type] # what it is shows here
        day = day.astimezone(UTC) if day.tzinfo else day.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return day if day >= _FIRST_DAY else None


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a voice_id is text, not {type(value).__name__}")
    return value
