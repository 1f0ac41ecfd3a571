"""The providers' other side on loopback, for tests and the demo; knows nothing of the keeper."""

from typing import TYPE_CHECKING

from voicekeeper.emulator.faults import Fault, Kind
from voicekeeper.emulator.habits import Habits
from voicekeeper.emulator.records import Call, Key, Voice
from voicekeeper.emulator.world import World

if TYPE_CHECKING:
    from voicekeeper.emulator.server import Emulator

__all__ = ["Call", "Emulator", "Fault", "Habits", "Key", "Kind", "Voice", "World"]


def __getattr__(name: str) -> object:
    """Import the server on first use: starlette and uvicorn cost more than all the rest."""
    if name != "Emulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from voicekeeper.emulator.server import Emulator  # noqa: PLC0415 - late on purpose, see above

    return Emulator
