"""Everything that can go wrong with a request, as problem JSON (RFC 9457)."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response


class Problem(Exception):
    """A request that is not done: its status, what was found and what would mend it.

    `more` are members of the answer beside those of the RFC.
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, more: Mapping[str, object] = {}
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers, more

    def answer(self) -> Response:
        """Return it as an answer."""
        title = HTTPStatus(self.status).phrase
        told = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.more}
        return Response(
            json.dumps(told, ensure_ascii=False, default=str).encode(errors="replace"),
            self.status,
            self.headers,
            "application/problem+json",
        )


def invalid(errors: Sequence[str], status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> Problem:
    """Return the problem of a request that cannot be taken as it is, with every reason at once."""
    return Problem(status, "; ".join(errors), more={"errors": list(errors)})


def too_many(why: str, seconds: float) -> Problem:
    """Return the problem of a client that has to wait."""
    wait = max(1, round(seconds + 0.5))
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, f"{why}: try again in {wait} s", headers={"Retry-After": str(wait)})


def unavailable(why: str) -> Problem:
    """Return the problem of a registry that cannot be asked now."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, why, headers={"Retry-After": "5"})
