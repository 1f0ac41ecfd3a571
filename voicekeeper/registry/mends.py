"""What a driver complains of, in plain words: whether waiting may help, and what would mend it."""

from sqlalchemy.exc import DBAPIError

from voicekeeper.core.errors import RegistryClosed, RegistryHeld, RegistryReplaced, RegistryUnavailable

#: What a driver says where somebody has to act, and how.
_CLOSED = {
    "readonly database": "the file or its folder cannot be written by this user",
    "unable to open database": "the folder does not exist or cannot be written by this user, or the file is not for it",
    "file is not a database": "the file is something else: correct registry.url",
    "already exists": "tables of these names are another program's: give voicekeeper a database of its own",
    "no such table": "run `voicekeeper migrate`",
    'relation "': "run `voicekeeper migrate`",
    "doesn't exist": "run `voicekeeper migrate`",
    "invalid connection option": "correct the options in registry.url",
    "connection is bad: invalid": "correct port and options in registry.url",
    "ssl was required": "correct the TLS options in registry.url, or turn TLS on at the server",
    "ssl is required": "correct the TLS options in registry.url, or turn TLS on at the server",
    "certificate": "correct the TLS options in registry.url, or the server's certificate",
    "password authentication failed": "correct user and password in registry.url",
    "no password supplied": "correct user and password in registry.url",
    "access denied": "correct user and password in registry.url",
    'role "': "correct user and password in registry.url",
    "no pg_hba.conf entry": "let the server take this user from this host",
    "is not allowed to connect": "let the server take this user from this host",
    "does not exist": "create the database, then run `voicekeeper migrate`",
    "unknown database": "create the database, then run `voicekeeper migrate`",
}
_REPLACED = "was replaced"
#: What it says where the reason may go away by itself.
_AWAY = {
    "lock timeout": "somebody else holds what is needed, a backup perhaps; try again when it is done",
    "lock wait timeout": "somebody else holds what is needed, a backup perhaps; try again when it is done",
    "database is locked": "another program holds the file; try again when it is done",
    "disk is full": "the disk is full",
    "database or disk is full": "the disk is full",
    "no space left": "the server's disk is full",
    "' is full": "the server's disk is full",
    "disk i/o error": "the disk failed or is full",
    "connection refused": "is the server running, and are host and port right?",
    "not known": "is the host in registry.url right?",
    "resolve host": "is the host in registry.url right?",
    "read-only": "the server is read-only: a standby, perhaps",
    "timeout": "the server does not answer in time",
    "timed out": "the server does not answer in time",
    _REPLACED: "it is opened anew with the next try",
}


#: PostgreSQL's and MySQL's numbers for what somebody holds for too long, and for two that wait for each other.
_HELD = frozenset({"55P03", "40P01", 1205, 1213})


def explained(name: str, error: DBAPIError) -> RegistryUnavailable:
    """Say what the driver said, and what would mend it."""
    words = said(error)
    closed, away = (_mend(mends, words) for mends in (_CLOSED, _AWAY))
    kind = _kind(error, words, closed=closed is not None)
    return kind(f"registry {name}: {words} ({closed or away or 'try again later'})")


def _kind(error: DBAPIError, words: str, *, closed: bool) -> type[RegistryUnavailable]:
    if _held(error):
        return RegistryHeld
    if closed:
        return RegistryClosed
    return RegistryReplaced if _REPLACED in words else RegistryUnavailable


def _held(error: DBAPIError) -> bool:
    numbers = [getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())[:1]]
    return not _HELD.isdisjoint(numbers)


def _mend(mends: dict[str, str], words: str) -> str | None:
    return next((mend for sign, mend in mends.items() if sign in words.lower()), None)


def said(error: DBAPIError) -> str:
    """Return what the driver said in one line, without the statement and its values."""
    # PostgreSQL adds the statement and the row below its message.
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    return " ".join((primary or str(error.orig)).split())[:300]
