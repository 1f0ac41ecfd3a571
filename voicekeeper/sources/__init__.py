"""Owners' own databases as a way in: read at each sweep, never written; a broken one stops nothing else."""

from voicekeeper.sources.intake import Tally
from voicekeeper.sources.reading import Sources

__all__ = ["Sources", "Tally"]
