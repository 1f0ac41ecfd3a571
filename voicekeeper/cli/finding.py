"""What `check` says of one thing that it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `code` is the exit code that it asks for."""

    subject: str
    state: str
    words: str
    code: int = 0
