"""Signing in with the API token, and out again."""

import re
from http import HTTPStatus

from starlette.responses import Response

from voicekeeper.web.dashboard import session
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.gate import Access, client_of
from voicekeeper.web.problems import Problem

#: Where somebody may be sent after signing in: our own pages, from the first one on.
_OURS = re.compile(r"(voices(/[!-~]*)?)?(\?[!-~]*)?")


async def form(visit: Visit) -> Response:
    """Show the form to sign in with."""
    return visit.page("sign_in.html", problem=None, then="")


async def sign_in(visit: Visit) -> Response:
    """Let whoever knows the token in."""
    token = visit.settings.serve.api_token
    if token is None:
        raise Problem(HTTPStatus.FORBIDDEN, visit.say("no_token"))
    then = visit.field("then")
    try:
        visit.gate.compare(client_of(visit.request), visit.field("token").strip().encode(errors="replace"), token)
    except Problem as problem:
        answer = visit.page("sign_in.html", problem.status, problem=problem, then=then)
        answer.headers.update({name: value for name, value in (problem.headers or {}).items() if name == "Retry-After"})
        return answer
    answer = visit.go(then if _OURS.fullmatch(then) and "\\" not in then else "")
    visit.enter(answer, session.begin(token, visit.now))
    return answer


async def sign_out(visit: Visit) -> Response:
    """End the session on this browser."""
    answer = visit.go("")
    visit.leave(answer)
    return answer


PAGES = (
    Page(method="GET", path="/sign-in", work=form, access=Access.ANYBODY),
    Page(method="POST", path="/sign-in", work=sign_in, access=Access.ANYBODY),
    Page(method="POST", path="/sign-out", work=sign_out, access=Access.WRITE),
)
