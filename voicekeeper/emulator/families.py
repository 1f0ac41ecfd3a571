"""Every API family that the emulator speaks, side by side on one port."""

from voicekeeper.emulator.aggregator import Aggregator
from voicekeeper.emulator.habits import Habits
from voicekeeper.emulator.hingnet import Hingnet
from voicekeeper.emulator.minimax import MiniMax
from voicekeeper.emulator.operation import Family
from voicekeeper.emulator.ppinfra import PPInfra
from voicekeeper.emulator.wavespeed import WaveSpeed

FAMILIES: tuple[type[Family], ...] = (MiniMax, Hingnet, Aggregator, PPInfra, WaveSpeed)


class Families:
    """One of each, all with the same habits."""

    def __init__(self, habits: Habits) -> None:
        self.all = tuple(family(habits) for family in FAMILIES)

    def at(self, path: str) -> Family:
        """Return the family below whose root a path lies; MiniMax, which has none, for all the rest."""
        below = (family for family in self.all[1:] if f"{path}/".startswith(f"{family.root}/"))
        return next(below, self.all[0])

    def paths(self, *, speech: bool = False) -> frozenset[str]:
        """Return the paths served, or those of T2A only."""
        operations = (operation for family in self.all for operation in family.operations)
        return frozenset(operation.path for operation in operations if not speech or operation.limit == "speech")

    def forget(self) -> None:
        """Forget what belongs to the world that was."""
        for family in self.all:
            family.forget()
