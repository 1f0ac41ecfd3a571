"""The HTTP face as one application, made from the tables of operations."""

from collections.abc import Sequence
from functools import cached_property, partial
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from voicekeeper import logs
from voicekeeper.web import forecasts, openapi, records, voices, watching
from voicekeeper.web.dashboard.page import Page, refused
from voicekeeper.web.dashboard.site import PAGES
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.face import Face
from voicekeeper.web.gate import Access, Gate, client_of
from voicekeeper.web.operations import Call, Operation
from voicekeeper.web.problems import Problem


def application(face: Face, listen: str) -> Starlette:
    """Return the application of a daemon that listens there."""
    table = _Table((*watching.OPERATIONS, *voices.OPERATIONS, *records.OPERATIONS, *forecasts.OPERATIONS))
    gate = Gate(listen, face.clock)
    made = Starlette(
        routes=_routes((*table.operations, *PAGES), face, gate),
        middleware=[Middleware(_Front, face=face, gate=gate, spared=_spared(table.operations))],
        exception_handlers={HTTPException: partial(_not_routed, face=face, gate=gate)},
    )
    made.router.redirect_slashes = False
    return made


class _Table:
    """All operations, and the one that describes them."""

    def __init__(self, others: Sequence[Operation]) -> None:
        described = Operation(
            method="GET",
            path="/openapi.json",
            summary="This description",
            work=self._describe,
            answers={200: "application/json"},
        )
        self.operations = (*others, described)

    @cached_property
    def _document(self) -> bytes:
        return openapi.document(self.operations[:-1])

    async def _describe(self, _call: Call) -> Response:
        return Response(self._document, media_type="application/json")


class _Front:
    """Stands before everything else: whoever may not come in is answered here."""

    def __init__(self, app: ASGIApp, face: Face, gate: Gate, spared: frozenset[str]) -> None:
        self._app, self._face, self._gate, self._spared = app, face, gate, spared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        request = Request(scope)
        try:
            self._gate.check_host(request, self._face.public_url)
            if request.url.path not in self._spared:
                self._gate.check_flood(client_of(request))
        except Problem as problem:
            await problem.answer()(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _spared(operations: Sequence[Operation]) -> frozenset[str]:
    """Return the paths that no flood may block: a supervisor would restart what does not answer."""
    return frozenset(one.path for one in operations if one.access is Access.HEALTH)


def _routes(operations: Sequence[Operation | Page], face: Face, gate: Gate) -> list[Route]:
    paths: dict[str, dict[str, Operation | Page]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, methods, face, gate) for path, methods in paths.items()]


def _route(path: str, methods: dict[str, Operation | Page], face: Face, gate: Gate) -> Route:
    async def endpoint(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        with face.answering():
            try:
                return await operation.answer(request, face, gate)
            except Problem as problem:
                return operation.refuse(problem, request, face, gate)
            except Exception:  # noqa: BLE001 - one request must not end more than itself
                logs.logger().exception("http.failed", method=request.method, path=path)
                mistake = Problem(500, "voicekeeper made a mistake: its log says more")
                return operation.refuse(mistake, request, face, gate)

    return Route(path, endpoint, methods=list(methods))


async def _not_routed(request: Request, error: Exception, face: Face, gate: Gate) -> Response:
    """Answer for a path or a method that is not there; people get a page."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    words = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path}",
    }
    detail = words.get(HTTPStatus(error.status_code), error.detail)
    problem = Problem(error.status_code, detail, headers=error.headers)
    wants_page = "text/html" in request.headers.get("accept", "")
    return refused(problem, Visit(request, face, gate)) if wants_page else problem.answer()
