"""What the server can do, as a table: each row says who may, what is read of the request and what is answered.

The requests are checked by it, in this order: token, query, body; and `/openapi.json` is made from it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from voicekeeper.core.errors import RegistryError
from voicekeeper.web.face import Face
from voicekeeper.web.gate import Access, Gate
from voicekeeper.web.problems import Problem, invalid, unavailable
from voicekeeper.wiring import App

#: Bytes and seconds.
LARGEST_BODY = 64 * 1024
_LONGEST = 10.0
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Strict(BaseModel):
    """What a request may hold: nothing else, and nothing of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoQuery(Strict):
    """A request without parameters."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose parts are checked; `query` and `body` are of the operation's models."""

    request: Request
    face: Face
    query: Any = None
    body: Any = None

    @property
    def app(self) -> App:
        """What is served now; raise the Problem of a daemon that has nothing to serve."""
        if self.face.app is None:
            raise unavailable(self.face.absence)
        return self.face.app

    @property
    def names(self) -> tuple[str, str]:
        """The account and the voice_id in the path."""
        named: Mapping[str, str] = self.request.path_params
        return named["account"], named["voice_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path; `answers` are its good answers, by status: a type, or a media type of text."""

    method: str
    path: str
    summary: str
    work: Callable[[Call], Awaitable[Response]]
    access: Access = Access.READ
    query: type[Strict] = NoQuery
    body: type[Strict] | None = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    problems: tuple[int, ...] = ()

    async def answer(self, request: Request, face: Face, gate: Gate) -> Response:
        """Check a request and do what it asks for."""
        settings = face.app.settings if face.app else None
        if self.access is not Access.HEALTH:
            if settings is None:
                raise unavailable(face.absence)
            gate.check_token(request, self.access, settings.serve.api_token)
        query = None if self.access is Access.HEALTH else read_query(self.query, request.query_params)
        body = await _body(self.body, request) if self.body else None
        answer = await bounded(self.work(Call(request, face, query, body)))
        for name, value in NO_STORE.items():
            answer.headers.setdefault(name, value)
        return answer

    def refuse(self, problem: Problem, _request: Request, _face: Face, _gate: Gate) -> Response:
        """Answer a request that is not done."""
        return problem.answer()


def shown(value: Any, kind: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - of any type that pydantic can write
    """Return the JSON answer of a value of this type; times as ISO 8601 with Z."""
    return Response(TypeAdapter(kind).dump_json(value), status, headers, "application/json")


async def bounded(work: Awaitable[Response]) -> Response:
    """Await an answer, for a while: a registry that hangs must not gather requests."""
    try:
        async with asyncio.timeout(_LONGEST):
            return await work
    except RegistryError as error:
        raise unavailable(str(error)) from error
    except TimeoutError as error:
        raise unavailable("the registry does not answer in time") from error


def read_query(model: type[Strict], sent: QueryParams) -> Strict:
    """Read the parameters of an address; each may be given once."""
    pairs = sent.multi_items()
    if twice := sorted({name for name, _ in pairs if len(sent.getlist(name)) > 1}):
        raise invalid([f"{name}: is given more than once" for name in twice])
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise invalid(_mistakes(error)) from error


async def _body(model: type[Strict], request: Request) -> Strict:
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.headers.getlist("content-type")]
    if kinds != ["application/json"]:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON, and the header Content-Type: application/json")
    text = await read_body(request)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        broken = any(one["type"] == "json_invalid" for one in error.errors())
        raise invalid(_mistakes(error), 400 if broken else 422) from error


async def read_body(request: Request) -> bytes:
    """Read a body that is neither too large nor too slow."""
    text = bytearray()
    try:
        async with asyncio.timeout(_LONGEST):
            async for part in request.stream():
                text += part
                if len(text) > LARGEST_BODY:
                    why = f"a body has {LARGEST_BODY} bytes at most"
                    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why, headers={"Connection": "close"})
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come", headers={"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body ended too early") from error
    return bytes(text)


def _mistakes(error: ValidationError) -> list[str]:
    """Say what is wrong and where; not what was sent, which may be a secret in the wrong place.

    What may be left out is a union with None to pydantic, which names both branches: only the other one is the mend.
    """
    told = error.errors(include_url=False, include_input=False, include_context=False)
    told = [one for one in told if one["type"] != "none_required"]
    places = [str(one["loc"][0]) if one["loc"] else "" for one in told]
    words = [one["msg"].removeprefix("Value error, ") for one in told]
    return [f"{place}: {word}" if place else word for place, word in zip(places, words, strict=True)]
