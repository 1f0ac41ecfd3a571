"""The gateways below `/minimax`: an aggregator and kkiai. MiniMax's shapes, wrapped errors, no list of voices."""

from dataclasses import replace
from typing import ClassVar

from starlette.responses import HTMLResponse, JSONResponse, Response

from voicekeeper.emulator import codes, minimax, requests
from voicekeeper.emulator.minimax import MiniMax
from voicekeeper.emulator.operation import Arrival, Asked, Done, Failure, Operation

PAGE = "<!doctype html><html><head><title>Gateway</title></head><body><h1>Welcome to the gateway</h1></body></html>"
UPLOADS = ("/v1/files/upload", "/v1/files")
BALANCE_STATUS = 402


def wrapped(message: str, kind: str, code: str, http_status: int) -> Response:
    """Return an error as gateways wrap it."""
    return JSONResponse({"error": {"message": message, "type": kind, "code": code}}, http_status)


class Aggregator(MiniMax):
    """Who of the two speaks, and where uploads go, is a habit (PROVIDERS.md § 3)."""

    name: ClassVar[str] = "aggregator or kkiai"
    root: ClassVar[str] = "/minimax"

    def _unprefixed(self) -> tuple[Operation, ...]:
        absent = {"/v1/get_voice", "/v1/voice_clone", *UPLOADS}
        return (
            *(operation for operation in super()._unprefixed() if operation.path not in absent),
            Operation("POST", "/v1/voice_clone", requests.Clone, self._clone, "clone"),
            *(Operation("POST", path, requests.Uploading, minimax.upload, form=True) for path in UPLOADS),
        )

    def serves(self, operation: Operation) -> bool:
        """Tell whether that path exists: of the two for uploads only one does."""
        if operation.shape is not requests.Uploading:
            return True
        kkiai = self.habits.minimax_prefix == "kkiai"
        return operation.path == self.root + (self.habits.kkiai_upload if kkiai else "/v1/files")

    def _clone(self, asked: Asked, body: requests.Clone) -> Done:
        done = minimax.clone(asked, body)
        if self.habits.minimax_prefix == "kkiai":
            return replace(done, fields={}, bare=True)
        return replace(done, fields={**(done.fields or {}), "input_sensitive": False, "input_sensitive_type": 0})

    def success(self, done: Done, arrival: Arrival) -> Response:
        """Say it in MiniMax's words, or say nothing where nothing is the answer."""
        return JSONResponse(done.fields) if done.bare else super().success(done, arrival)

    def failure(self, failure: Failure, arrival: Arrival) -> Response:
        """Wrap it: an HTTP status, and MiniMax's number in the text."""
        status = failure.http_status or codes.http_status(failure.code, balance=BALANCE_STATUS)
        message = f"{failure.message} (request id: {arrival.trace_id}) code={failure.code}"
        return wrapped(message, "upstream_error", str(failure.code), status)

    def nowhere(self, arrival: Arrival) -> Response:
        """Answer a path that does not exist: a list of voices may find a web page there."""
        if arrival.path.endswith("/get_voice") and self.habits.no_get_voice == "html":
            return HTMLResponse(PAGE)
        return wrapped(f"Invalid URL ({arrival.method} {arrival.path})", "invalid_request_error", "", 404)
