"""A page as a row of a table: who may see it, what is read of the request, and what makes it.

The requests are checked by it, in this order: where a form comes from, who is signed in, query, form.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from voicekeeper.web.dashboard import session
from voicekeeper.web.dashboard.visit import LANGUAGE, Visit
from voicekeeper.web.face import Face
from voicekeeper.web.gate import Access, Gate
from voicekeeper.web.operations import NO_STORE, NoQuery, Strict, bounded, read_body, read_query
from voicekeeper.web.problems import Problem

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 1000
_HEADERS = {
    **NO_STORE,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    # With "no-referrer" browsers would send the origin of forms as "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One method of one path; writing needs a session and a form that was made for it."""

    method: str
    path: str
    work: Callable[[Visit], Awaitable[Response]]
    access: Access = Access.READ
    query: type[Strict] = NoQuery

    async def answer(self, request: Request, face: Face, gate: Gate) -> Response:
        """Check a request and answer it."""
        visit = Visit(request, face, gate)
        if self.method == "POST":
            _check_origin(visit)
        _check_session(visit, self.access)
        query = read_query(self.query, _without_language(request))
        form = await _form(request) if self.method == "POST" else None
        visit = replace(visit, query=query, form=form)
        if self.access is Access.WRITE:
            _check_form(visit)
        return _sealed(await bounded(self.work(visit)))

    def refuse(self, problem: Problem, request: Request, face: Face, gate: Gate) -> Response:
        """Answer a request that is not done."""
        return refused(problem, Visit(request, face, gate))


def refused(problem: Problem, visit: Visit) -> Response:
    """Return the page that says what was wrong; who is not signed in can do so there."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        template = "arrival.html" if _arrives(visit.request) else "sign_in.html"
        return _sealed(visit.page(template, problem.status, problem=problem, then=_then(visit.request)))
    answer = visit.page("problem.html", problem.status, problem=problem)
    answer.headers.update(problem.headers or {})
    return _sealed(answer)


def _sealed(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _check_session(visit: Visit, access: Access) -> None:
    """Refuse who has to sign in and has not, and who cannot because there is nothing to sign in with."""
    open_to_all = access is Access.ANYBODY or (access is Access.READ and visit.gate.trusts(visit.request))
    if open_to_all or visit.session is not None:
        return
    if visit.app.settings.serve.api_token is None:
        raise Problem(HTTPStatus.FORBIDDEN, visit.say("no_token"))
    raise Problem(HTTPStatus.UNAUTHORIZED, visit.say("sign_in_first"))


def _check_origin(visit: Visit) -> None:
    """Refuse a form that another site sends: browsers say where it stands."""
    headers = visit.request.headers
    known = {headers.get("host", ""), urlsplit(visit.face.public_url or "").netloc}
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc not in known - {""}
    if foreign or headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Problem(HTTPStatus.FORBIDDEN, visit.say("foreign_form"))


def _check_form(visit: Visit) -> None:
    if visit.session is None or not session.same(visit.session, visit.field("csrf")):
        raise Problem(HTTPStatus.FORBIDDEN, visit.say("old_form"))


async def _form(request: Request) -> Mapping[str, list[str]]:
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.headers.getlist("content-type")]
    if kinds != [_FORM]:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send a form, and the header Content-Type: {_FORM}")
    try:
        text = (await read_body(request)).decode("ascii")
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the form cannot be read") from error


def _without_language(request: Request) -> QueryParams:
    return QueryParams([pair for pair in request.query_params.multi_items() if pair[0] != LANGUAGE])


def _arrives(request: Request) -> bool:
    """Tell whether a link on another site led here: then the browser holds a strict cookie back, once."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"


def _then(request: Request) -> str:
    """Return where to go after signing in: the page that was asked for, relative to the first one."""
    if request.method != "GET":
        return ""
    path = request.scope.get("raw_path", b"/").decode("ascii", errors="replace").lstrip("/")
    return f"{path}?{request.url.query}" if request.url.query else path
