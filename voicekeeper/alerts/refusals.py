"""Refusals that come under HTTP 200: Feishu, Lark, DingTalk and WeCom answer so, and Apprise takes it for success.

A wrong token, a missing keyword, a signature that is off or too many messages are then an error code in JSON. Source:
the services' pages on custom bots; Apprise 2.2 looks at the HTTP status alone.
"""

import json
import sys
from typing import Any

#: The senders that need it, by the name of their class in Apprise, with the fields that hold the code: 0 is success.
_CODES = {
    "NotifyFeishu": ("code", "StatusCode"),
    "NotifyLark": ("code", "StatusCode"),
    "NotifyDingTalk": ("errcode",),
    "NotifyWeComBot": ("errcode",),
}
_REFUSED = 400


class _Heedful:
    """The library `requests` as a sender sees it, but that a refusal has the status of one."""

    def __init__(self, library: Any, fields: tuple[str, ...]) -> None:  # noqa: ANN401 - a module
        self._library, self._fields = library, fields

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library has
        return getattr(self._library, name)

    def post(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the library
        """Post, and read the answer."""
        answer = self._library.post(*args, **options)
        if answer.ok and _refused(answer.content, self._fields):
            answer.status_code = _REFUSED
        return answer


def heed(service: object) -> None:
    """Let one of Apprise's senders notice that it was refused; others are left as they are."""
    fields, module = _CODES.get(type(service).__name__), sys.modules[type(service).__module__]
    library = getattr(module, "requests", None)
    if fields and library is not None and not isinstance(library, _Heedful):
        module.requests = _Heedful(library, fields)  # type: ignore[attr-defined] # Apprise has no types


def _refused(body: bytes, fields: tuple[str, ...]) -> bool:
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and any(told.get(field) not in (0, "0", None) for field in fields)
