"""`python -m bench`: measure what is promised of voicekeeper's speed, print one table, exit 1 where it is not kept."""

import argparse
import sys
from collections.abc import Callable, Sequence

from bench import foreseeing, instances, keeping, reading, remembering, scraping, simulating, starting, sweeping
from bench.figures import Figure

_ALL: dict[str, Callable[..., list[Figure]]] = {
    "keeps": keeping.measure,
    "instances": instances.measure,
    "sweep": sweeping.measure,
    "scrape": scraping.measure,
    "read": reading.measure,
    "start": starting.measure,
    "memory": remembering.measure,
    "weeks": simulating.measure,
    "forecast": foreseeing.measure,
}
_ROW = "{:<37} {:>6} {:>6}  {:<8}  {}"


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(_ALL)}")
    parser.add_argument("--quick", action="store_true", help="smaller numbers: for a first look, not for the record")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(_ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}: there are {', '.join(_ALL)}")
    figures = [figure for name in asked.names or _ALL for figure in _ALL[name](quick=asked.quick)]
    _show(figures)
    return 0 if all(figure.holds for figure in figures) else 1


def _show(figures: Sequence[Figure]) -> None:
    print(_ROW.format("FIGURE", "RATIO", "BOUND", "", "MEASURED: one side, the other"))
    for figure in figures:
        verdict = "" if figure.bound is None else "ok" if figure.holds else "too slow"
        print(_ROW.format(figure.name, f"{figure.ratio:.2f}", str(figure.bound or ""), verdict, figure.sides))


if __name__ == "__main__":
    sys.exit(main())
