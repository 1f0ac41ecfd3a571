"""Voices in bulk, written by the database itself: due ones by plain SQL, or a million of which none is due."""

from datetime import UTC, datetime

from bench.registries import Registry

#: Rows are written in statements of so many, because the registry's connections let none run for long.
_CHUNK = 10_000
#: The numbers of one chunk: every database can multiply digits, and each counts in another way of its own.
_DIGITS = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
_NUMBERS = (
    "SELECT :first + a.d + 10 * b.d + 100 * c.d + 1000 * d.d AS n FROM "  # noqa: S608 - ours
    + ", ".join(f"({_DIGITS}) {place}" for place in "abcd")
)
_LATER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', :now, ({}) || ' minutes')",
    "postgresql": "CAST(:now AS timestamptz) + ({}) * interval '1 minute'",
    "mysql": "CAST(:now AS datetime(6)) + INTERVAL ({}) MINUTE",
}
_NEVER = {"sqlite": "NULL", "postgresql": "CAST(NULL AS timestamptz)", "mysql": "NULL"}
_NAME = {"sqlite": "'bench-voice-' || n", "postgresql": "'bench-voice-' || n", "mysql": "concat('bench-voice-', n)"}
_ANALYZE = {"sqlite": "ANALYZE", "postgresql": "ANALYZE", "mysql": "ANALYZE TABLE voices"}
_PLANNED = "account, voice_id, status, intent, cloned_at, deadline, due_at, warn_at, kept_at"
_HOUR = 60
#: Cloned over the last day, and over the 90 days before the last full lifetime, in minutes from now.
_LATELY, _LONG_AGO = "(0 - n % 1440)", f"(0 - {200 * _HOUR} - n % {90 * 24 * _HOUR})"
#: Of twenty voices sixteen are kept, three wait for a due time days ahead, one is on hold: which, status, intent,
#: cloned, due that many minutes later.
_MIX = (
    ("n % 20 < 16", "kept", "keep", _LONG_AGO, 0),
    ("n % 20 BETWEEN 16 AND 18", "waiting", "keep", _LATELY, 120 * _HOUR),
    ("n % 20 = 19", "waiting", "hold", _LATELY, 0),
)


def add_due(registry: Registry, count: int, kind: str = "sqlite") -> None:
    """Register voices as another program would: each is due at once."""
    cloned = _LATER[kind].format(_LATELY)
    new = f"SELECT 'main', {_NAME[kind]}, {cloned} FROM ({_NUMBERS}) numbers WHERE n < :count"  # noqa: S608 - ours
    _add(registry, count, f"INSERT INTO voices (account, voice_id, cloned_at) {new}")


def add_idle(registry: Registry, kind: str, count: int) -> None:
    """Fill a registry with voices of which none is due for days, planned as voicekeeper itself would have."""
    _add(registry, count, *(f"INSERT INTO voices ({_PLANNED}) {_some(kind, *part)}" for part in _MIX))
    registry.run(_ANALYZE[kind])


def _add(registry: Registry, count: int, *statements: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    for first in range(0, count, _CHUNK):
        registry.run(*statements, now=now, first=first, count=count)


def _some(kind: str, which: str, status: str, intent: str, cloned: str, due: int) -> str:
    """Return the query for one part of the mix."""
    after = (0, 168 * _HOUR, due, (168 - 72) * _HOUR, 5)
    times = [_LATER[kind].format(f"{cloned} + {minutes}") for minutes in after]
    if status != "kept":
        times[-1] = _NEVER[kind]
    values = ", ".join(("'main'", _NAME[kind], f"'{status}'", f"'{intent}'", *times))
    return f"SELECT {values} FROM ({_NUMBERS}) numbers WHERE n < :count AND {which}"  # noqa: S608 - our own words
