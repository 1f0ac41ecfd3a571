"""Durations as people write and read them: "168h", "90s", "2d", "1h30m"."""

import re
from datetime import timedelta

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
#: A century: a moment moved by so much is still a moment.
LONGEST = timedelta(days=36500)
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")


def parse_duration(text: str) -> timedelta:
    """Read "168h", "90s", "2d" or "1h30m"; raise ValueError on anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        raise ValueError(f'"{text}" is not a duration: write it like "168h", "90s", "2d" or "1h30m"')
    try:
        span = timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        span = timedelta.max
    if span > LONGEST:
        raise ValueError(f'"{text}" is longer than any voice will live')
    return span


def format_duration(span: timedelta) -> str:
    """Write a duration with its two largest units, like "2d 4h", "35m 10s" or "8s"."""
    seconds = round(abs(span.total_seconds()))
    parts = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        parts.append((count, unit))
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count}{unit}" for count, unit in parts[first : first + 2] if count) or "0s"
