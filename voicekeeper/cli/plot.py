"""`forecast --plot`: what is due against what can be called, the time left, and the money; readable without colour."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from voicekeeper.core.errors import InputError
from voicekeeper.core.forecast import Forecast
from voicekeeper.core.pace import Capacity, instant, moment
from voicekeeper.core.queue import Load

#: An account's name, its currency, its queue and its forecast.
Drawn = tuple[str, str | None, Sequence[Load], Forecast]
_POINTS = 400
_HOUR = 3_600_000_000
_FORMATS = (".svg", ".png")


def draw(file: Path, drawn: Sequence[Drawn]) -> None:
    """Draw one column of three pictures for each account; raise InputError for what cannot be drawn or written."""
    if file.suffix.lower() not in _FORMATS:
        raise InputError(f'"{file}": a plot ends in {" or ".join(_FORMATS)}')
    try:
        import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise InputError("a plot needs matplotlib: pip install 'voicekeeper[plot]'") from error
    mpl.rcParams["svg.fonttype"] = "none"  # words stay words
    figure = Figure(figsize=(7 * max(len(drawn), 1), 9), layout="constrained")
    panels = figure.subplots(3, max(len(drawn), 1), squeeze=False, sharex="col")
    for column, one in enumerate(drawn):
        for panel, paint in zip(panels[:, column], (_line, _slack, _money), strict=True):
            paint(panel, one)
            panel.grid(visible=True, color="0.85")
        panels[0, column].set_title(one[0], parse_math=False)
        panels[2, column].tick_params(axis="x", rotation=30)
        panels[2, column].set_xlabel("UTC")
    try:
        figure.savefig(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def _times(one: Drawn) -> list[int]:
    """Return the moments at which curves are drawn: from now to the last deadline."""
    pace, loads = one[3].pace, one[2]
    start = instant(pace.as_of)
    end = max((load.deadline for load in loads), default=start + _HOUR)
    return [start + (end - start) * number // _POINTS for number in range(_POINTS + 1)]


def _line(panel: Any, one: Drawn) -> None:  # noqa: ANN401 - matplotlib's
    """Draw how many must be called by a moment, how many could be, and how many will be."""
    times, told = _times(one), one[3]
    able = Capacity(told.pace)
    could = [able.before(at) for at in times]
    must = _grown(times, [(load.deadline, load.size) for load in one[2]])
    will = _grown(times, _called(told))
    days = list(map(moment, times))
    panel.plot(days, [min(count, must[-1]) for count in could], color="0.75", linewidth=5, label="could be called")
    panel.plot(days, will, color="black", linestyle="--", label="will be called")
    panel.plot(days, must, color="black", linewidth=2, label="deadlines passed")
    short = [due > called for due, called in zip(must, will, strict=True)]
    if any(short):
        panel.fill_between(
            days,
            must,
            will,
            where=short,
            hatch="///",
            facecolor="0.9",
            edgecolor="0.3",
            label="too many to call",
        )
    _label(panel, "voices")


def _slack(panel: Any, one: Drawn) -> None:  # noqa: ANN401 - likewise
    """Draw the time left at each call."""
    told, points = one[3], list[tuple[datetime, float]]()
    for run in told.runs:
        if run.at is not None:
            for number in range(0, run.size, max(run.size // 50, 1)):
                at = run.at + number * told.pace.step
                points.append((moment(at), (run.deadline - at) / _HOUR))
    points.sort()
    panel.plot([at for at, _ in points], [left for _, left in points], color="black", marker=".", markersize=3, lw=0)
    if told.first_loss is not None:
        panel.axvline(told.first_loss, color="black", linestyle="--", label="first loss")
    panel.set_ylim(bottom=0)
    _label(panel, "hours left at the call")


def _money(panel: Any, one: Drawn) -> None:  # noqa: ANN401 - likewise
    """Draw what is spent by a moment."""
    _, currency, _, told = one
    times, cost = _times(one), float(told.pace.cost)
    spent = [count * cost for count in _grown(times, _called(told))]
    panel.step(list(map(moment, times)), spent, where="post", color="black", label="spent from now on")
    panel.set_ylim(bottom=0)
    _label(panel, currency or "money")


def _label(panel: Any, name: str) -> None:  # noqa: ANN401 - likewise
    panel.set_ylabel(name, parse_math=False)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(loc="best", framealpha=0.9)


def _called(told: Forecast) -> list[tuple[int, int]]:
    """Return the calls, those of a large load in parts that a curve can show."""
    found = []
    for run in told.runs:
        if run.at is None:
            continue
        part = max(run.size // 50, 1)
        at, step = run.at, told.pace.step
        found += [(at + first * step, min(part, run.size - first)) for first in range(0, run.size, part)]
    return found


def _grown(times: Sequence[int], steps: list[tuple[int, int]]) -> list[int]:
    """Return how much has come by each moment."""
    steps, grown, place, curve = sorted(steps), 0, 0, []
    for at in times:
        while place < len(steps) and steps[place][0] <= at:
            grown += steps[place][1]
            place += 1
        curve.append(grown)
    return curve
