"""One request for a page: who asks, in which language, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from voicekeeper.config import Settings
from voicekeeper.config.secrets import Secret
from voicekeeper.core.wording import Fact, Language, answered
from voicekeeper.web.dashboard import session
from voicekeeper.web.dashboard.session import Session
from voicekeeper.web.dashboard.speech import preferred, say
from voicekeeper.web.dashboard.templates import written
from voicekeeper.web.face import Face
from voicekeeper.web.gate import Gate
from voicekeeper.web.problems import unavailable
from voicekeeper.wiring import App

#: The parameter and the cookie that choose a language, and seconds for which it is remembered.
LANGUAGE = "lang"
_TITLED = frozenset({403, 404, 405, 503})
_A_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Visit:
    """One request whose parts are checked; `query` is of the page's model, `form` holds every field that was sent."""

    request: Request
    face: Face
    gate: Gate
    query: Any = None
    form: Mapping[str, list[str]] | None = None

    @property
    def app(self) -> App:
        """What is served now; raise the Problem of a daemon that has nothing to serve."""
        if self.face.app is None:
            raise unavailable(self.face.absence)
        return self.face.app

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.app.settings

    @cached_property
    def now(self) -> datetime:
        """When the request came."""
        return self.face.clock.now()

    @property
    def token(self) -> Secret | None:
        """What people sign in with."""
        return self.face.app.settings.serve.api_token if self.face.app else None

    @cached_property
    def session(self) -> Session | None:
        """The session of whoever is signed in."""
        cookie = self.request.cookies.get(self._session_cookie, "")
        return session.resume(self.token, cookie, self.now) if self.token and cookie else None

    @cached_property
    def language(self) -> Language:
        """The language that was chosen, or else the one that the browser would rather have."""
        for chosen in (self.request.query_params.get(LANGUAGE), self.request.cookies.get(LANGUAGE)):
            if chosen in set(Language):
                return Language(chosen)
        return preferred(self.request.headers.get("accept-language", ""))

    @property
    def root(self) -> str:
        """The way from this page to the first one: a proxy may serve all of them below a path of its own."""
        path: bytes = self.request.scope.get("raw_path") or b"/"
        return "../" * (path.count(b"/") - 1) or "./"

    def field(self, name: str) -> str:
        """Return a form's field, the first of several, "" for none."""
        return (self.form or {}).get(name, [""])[0]

    def say(self, name: str, /, **facts: Fact) -> str:
        """Return a sentence in the visitor's language."""
        return say(self.language, name, **facts)

    def answered(self, text: str) -> str:
        """Return what is known of a provider's answer in the visitor's language."""
        return answered(text, self.language)

    def trouble(self, status: int) -> str:
        """Return the title of a page that says what is wrong."""
        return self.say(f"problem_{status}" if status in _TITLED else "problem_title")

    def page(self, template: str, status: int = 200, **facts: Any) -> Response:  # noqa: ANN401 - what the template shows
        """Answer with a page."""
        answer = Response(written(template, visit=self, say=self.say, **facts), status, media_type="text/html")
        if self.request.query_params.get(LANGUAGE) == self.language.value:
            self._set_cookie(answer, LANGUAGE, self.language.value, _A_YEAR)
        return answer

    def go(self, path: str) -> Response:
        """Send the visitor to another page, after something was done."""
        return RedirectResponse(self.root + path, 303)

    def here_in(self, language: Language) -> str:
        """Return the address of this page in a language; relative, as all are."""
        kept = [(name, value) for name, value in self.request.query_params.multi_items() if name != LANGUAGE]
        return "?" + urlencode([*kept, (LANGUAGE, language.value)])

    def enter(self, answer: Response, found: Session) -> None:
        """Give the visitor a session."""
        self._set_cookie(answer, self._session_cookie, found.cookie, int(session.LENGTH.total_seconds()))

    def leave(self, answer: Response) -> None:
        """Take the visitor's session away."""
        self._set_cookie(answer, self._session_cookie, "", 0)

    @property
    def _secure(self) -> bool:
        return (self.face.public_url or "").startswith("https://")

    @property
    def _session_cookie(self) -> str:
        """The name whose beginning makes browsers hold it to this host, where it may be sent encrypted only."""
        return "__Host-voicekeeper" if self._secure else "voicekeeper"

    def _set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(name, value, seconds, path="/", secure=self._secure, httponly=True, samesite="strict")
