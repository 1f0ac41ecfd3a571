"""What the tests of the providers call by name."""

from collections.abc import Callable

from voicekeeper.providers.gateways import Connection

KEY = "sk-marker-9f31c7d2"
VOICE = "voice-one-1"
TEXT = "Hi."
Account = Callable[..., Connection]


async def no_task(task_id: str) -> None:
    """Take the id of a task, which a synchronous call never has."""
    raise AssertionError(f"a synchronous call began the task {task_id}")
