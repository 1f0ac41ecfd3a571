"""Takes each call in: reads it, lets it in or not, does it, spoils the answer where a fault says so, writes it down."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from voicekeeper.emulator import codes, spoil
from voicekeeper.emulator.families import Families
from voicekeeper.emulator.faults import Faults
from voicekeeper.emulator.operation import Arrival, Asked, Done, Family, Operation, named_voice
from voicekeeper.emulator.records import Call, Reason, Refused
from voicekeeper.emulator.world import World


@dataclass(frozen=True)
class Incoming:
    """One request as it was read; `problem` says why it could not be."""

    family: Family
    operation: Operation
    bearer: str
    arrival: Arrival
    fields: dict[str, Any] = field(default_factory=dict)
    problem: Refused | None = None


class Desk:
    """Serves one world's calls; `on_call` hears of each line of the ledger."""

    def __init__(
        self, world: World, families: Families, faults: Faults, on_call: Callable[[Call], None] | None = None
    ) -> None:
        self.world = world
        self.families = families
        self.faults = faults
        self.on_call = on_call

    async def take(self, request: Request, family: Family, operation: Operation) -> Response:
        """Answer one call to a path that exists."""
        if not family.serves(operation):
            return await self.lost(request)
        call = self._opened(request)
        try:
            incoming = await _incoming(request, family, operation, call)
        except ClientDisconnect:
            return Response()
        call.voice_id = named_voice(incoming.fields)
        return self._closed(call, self._answer(incoming, call))

    async def lost(self, request: Request) -> Response:
        """Answer a call to a path or method that does not exist."""
        call = self._opened(request)
        response = self.families.at(call.path).nowhere(_arrival(request, call))
        call.http_status = response.status_code
        return self._closed(call, response)

    def _opened(self, request: Request) -> Call:
        return Call(self.world.now(), _bearer(request)[-4:], request.url.path, trace_id=uuid.uuid4().hex)

    def _closed(self, call: Call, response: Response) -> Response:
        self.world.ledger.append(call)
        if self.on_call is not None:
            self.on_call(call)
        headers = spoil.innermost(response).headers
        headers["date"] = format_datetime(call.at, usegmt=True)  # the emulator's time, not the machine's
        headers["trace-id"] = call.trace_id
        return response

    def _answer(self, incoming: Incoming, call: Call) -> Response:
        try:
            key = self.world.admit(incoming.bearer, incoming.operation.limit)
        except Refused as refused:
            return _refusal(incoming, refused, call)
        incoming = replace(incoming, arrival=replace(incoming.arrival, key=key))
        fault = self.faults.choose(key, incoming.operation.path, call.voice_id)
        if fault is None:
            return self._work(incoming, call)[0]
        call.fault = str(fault.kind)
        if fault.works:
            return spoil.after_work(fault, *self._work(incoming, call))
        struck = spoil.Spoiled(fault, incoming.family, incoming.operation, incoming.arrival)
        response = spoil.instead_of_work(struck)
        call.http_status = response.status_code if fault.answers else None
        call.code = fault.code if fault.names_code else None
        return response

    def _work(self, incoming: Incoming, call: Call) -> tuple[Response, bytes]:
        """Do the work and return its answer, and the sound where there is one."""
        try:
            done = _do(self.world, incoming)
        except Refused as refused:
            return _refusal(incoming, refused, call), b""
        response = incoming.family.success(done, incoming.arrival)
        call.code, call.http_status = 0, response.status_code
        call.characters, call.fee = done.characters, done.fee
        call.voice_id = done.voice_id or call.voice_id
        return response, done.sound


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _arrival(request: Request, call: Call) -> Arrival:
    return Arrival(request.method, call.path, str(request.base_url), call.trace_id, call.at)


def _refusal(incoming: Incoming, refused: Refused, call: Call) -> Response:
    failure = codes.failure(refused)
    response = incoming.family.failure(failure, incoming.arrival)
    call.code, call.http_status = failure.code, response.status_code
    return response


def _do(world: World, incoming: Incoming) -> Done:
    if incoming.problem is not None:
        raise incoming.problem
    fields = dict(incoming.fields)
    file = fields.pop("file", None) if incoming.operation.form else None
    filename, content = file if isinstance(file, tuple) else ("", None)
    try:
        shape = incoming.operation.shape.model_validate(fields)
    except ValidationError as error:
        raise Refused(Reason.INVALID, told(error)) from None
    arrival = incoming.arrival
    return incoming.operation.work(Asked(world, arrival.key, arrival.base_url, filename, content), shape)


def told(error: ValidationError) -> str:
    """Say every mistake with its field."""
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, m['loc'])) or 'body'}: {m['msg']}" for m in mistakes)


async def _incoming(request: Request, family: Family, operation: Operation, call: Call) -> Incoming:
    read = partial(Incoming, family, operation, _bearer(request), _arrival(request, call))
    try:
        return read(await _read(request, family, operation))
    except Refused as refused:
        return read(problem=refused)


async def _read(request: Request, family: Family, operation: Operation) -> dict[str, Any]:
    """Return the request's fields; a file becomes (name, bytes)."""
    asked = {name: value for name, value in request.query_params.items() if name not in family.query}
    if operation.method == "GET":
        return asked | request.path_params
    if asked:
        raise Refused(Reason.INVALID, f"{', '.join(asked)}: unknown in the query")
    if operation.form:
        return await _form(request)
    return _json(request.headers.get("content-type", ""), await request.body())


def _json(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(Reason.INVALID, f"Content-Type: found {content_type!r}, needs application/json")
    try:
        fields = json.loads(body)
    except ValueError:
        raise Refused(Reason.INVALID, "body: not JSON") from None
    if not isinstance(fields, dict):
        raise Refused(Reason.INVALID, "body: not a JSON object")
    return fields


async def _form(request: Request) -> dict[str, Any]:
    try:
        async with request.form() as form:
            return {
                name: (value.filename or "", await value.read()) if isinstance(value, UploadFile) else value
                for name, value in form.multi_items()
            }
    except HTTPException as error:
        raise Refused(Reason.INVALID, f"body: {error.detail}") from None
