"""All pages, and the files that they need."""

from starlette.responses import Response

from voicekeeper.web.dashboard import decisions, listing, overview, signing, single
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.static import FILES
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.gate import Access
from voicekeeper.web.problems import Problem

_KEEP = "public, max-age=31536000, immutable"


async def file(visit: Visit) -> Response:
    """Return the style sheet or the icon."""
    name = visit.request.path_params["name"]
    if name not in FILES:
        raise Problem(404, f"there is nothing at {visit.request.url.path}")
    content, kind = FILES[name]
    return Response(content, headers={"Content-Type": kind, "Cache-Control": _KEEP})


PAGES = (
    *overview.PAGES,
    *listing.PAGES,
    *single.PAGES,
    *decisions.PAGES,
    *signing.PAGES,
    Page(method="GET", path="/static/{mark}/{name}", work=file, access=Access.ANYBODY),
)
