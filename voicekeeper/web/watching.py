"""For monitors: does the process live, does it do its work, and the metrics."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from voicekeeper.web.gate import Access
from voicekeeper.web.operations import Call, Operation, shown


@dataclass(frozen=True, slots=True)
class Alive:
    """The process lives."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the daemon does its work, and why not."""

    status: Literal["ready", "not ready"]
    reason: str | None
    last_sweep: datetime | None


async def healthz(_call: Call) -> Response:
    """Say that the process lives."""
    return shown(Alive(), Alive)


async def readyz(call: Call) -> Response:
    """Say whether the registry can be reached and the last sweep is recent."""
    face = call.face
    reason = face.health.reason(face.clock.now(), face.longest())
    told = Readiness("ready" if reason is None else "not ready", reason, face.health.swept_at)
    return shown(told, Readiness, 200 if reason is None else 503)


async def metrics(call: Call) -> Response:
    """Return the page that Prometheus scrapes."""
    return Response(call.face.metrics.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})


OPERATIONS = (
    Operation(
        method="GET",
        path="/healthz",
        summary="The process lives",
        work=healthz,
        access=Access.HEALTH,
        answers={200: Alive},
    ),
    Operation(
        method="GET",
        path="/readyz",
        summary="The registry can be reached and the last sweep is recent",
        work=readyz,
        access=Access.HEALTH,
        answers={200: Readiness, 503: Readiness},
    ),
    Operation(
        method="GET",
        path="/metrics",
        summary="The metrics, in Prometheus's text format",
        work=metrics,
        answers={200: "text/plain"},
    ),
)
