"""Answers of the provider that wait until a test says so: what happens meanwhile needs no window of time."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.recorder import Gate, recording
from tests.scenarios.commands import SPEECH, Home


@contextmanager
def holding_answers(home: Home) -> Iterator[Gate]:
    """Let the folder's calls reach the provider, and their answers wait at a gate."""
    with recording(home.base_url) as recorder:
        home.account("main", base_url=recorder.url, timeout="60s")
        yield recorder.gate(SPEECH)
