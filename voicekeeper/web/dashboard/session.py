"""Who is signed in: a cookie that only the holder of the API token can have got, and that ends by itself.

Nothing is stored. The cookie is signed with a key made from the token, so another token ends all sessions, and all
instances with the same token know the same ones.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from voicekeeper.config.secrets import Secret

#: A working day.
LENGTH = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """One signing in: the cookie that shows it, and what every form carries so that no other site can send it."""

    cookie: str
    csrf: str


def begin(token: Secret, now: datetime) -> Session:
    """Return a new session."""
    told = f"{int((now + LENGTH).timestamp())}.{secrets.token_urlsafe(18)}"
    return _session(token, f"{told}.{_signed(token, 'session', told)}")


def resume(token: Secret, cookie: str, now: datetime) -> Session | None:
    """Return the session that a cookie shows, None where it is not ours or over."""
    told, _, signature = cookie.rpartition(".")
    if not cookie.isascii() or not hmac.compare_digest(signature, _signed(token, "session", told)):
        return None
    ends = datetime.fromtimestamp(int(told.partition(".")[0]), UTC)
    return _session(token, cookie) if now < ends else None


def same(session: Session, csrf: str) -> bool:
    """Tell whether a form was made for this session."""
    return hmac.compare_digest(csrf.encode(errors="replace"), session.csrf.encode())


def _session(token: Secret, cookie: str) -> Session:
    return Session(cookie, _signed(token, "form", cookie))


def _signed(token: Secret, purpose: str, told: str) -> str:
    return hmac.new(token.reveal().encode(), f"voicekeeper {purpose} {told}".encode(), hashlib.sha256).hexdigest()
