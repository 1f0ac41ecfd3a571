"""Hours of the day and time zones, as people write them."""

import re
from datetime import time
from zoneinfo import ZoneInfo

_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read_hour(value: object) -> object:
    """Read "09:00"; raise ValueError for anything else."""
    if isinstance(value, time):
        return value
    found = _HOUR.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('write an hour of the day like "09:00"')
    return time(int(found[1]), int(found[2]))


def read_hours(value: object) -> object:
    """Read "22:00-07:00", which may reach over midnight; raise ValueError for anything else."""
    if isinstance(value, tuple):
        return value
    parts = [part.strip() for part in value.split("-")] if isinstance(value, str) else []
    if len(parts) != len(("begin", "end")) or not all(map(_HOUR.fullmatch, parts)) or parts[0] == parts[1]:
        raise ValueError('write hours of the day like "22:00-07:00"')
    return tuple(map(read_hour, parts))


def read_zone(value: object) -> object:
    """Read "Asia/Shanghai"; raise ValueError for what is no time zone, or none that this machine knows."""
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (OSError, ValueError, LookupError):
        words = 'no time zone that this machine knows: write it like "Asia/Shanghai" (is the package tzdata there?)'
        raise ValueError(words) from None
