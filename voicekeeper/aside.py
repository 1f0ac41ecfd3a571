"""Work on a thread that nobody has to wait for, not even the program's end: what hangs there holds up nothing else."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def aside(name: str, work: Callable[[], T]) -> asyncio.Future[T]:
    """Begin work on a thread of this name and return what will come of it; whoever ceases to wait ends it not."""
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()

    def whole() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            answer.set_exception(error)

    threading.Thread(target=whole, name=name, daemon=True).start()
    return asyncio.wrap_future(answer)
