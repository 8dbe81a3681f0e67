"""The style of the charts: readable on white and on black, and the same bytes for the same results."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

Record = dict[str, Any]

#: Middle tones, which stand out from white and from black alike.
INK: Final = "#7d8590"
OURS: Final = "#2f81f7"
OTHERS: Final = "#d2762a"
FURTHER: Final = ("#3fa34d", "#b05cc4", "#c94f6d")

_PANEL: Final = 4.2  # inches

mpl.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "bench",  # or the ids would differ from run to run
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": INK,
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "axes.grid": True,
    }
)


def panels(count: int, height: float, *, share: bool = False, first_wider: float = 1.0) -> tuple[Figure, list[Axes]]:
    """A figure with plots beside each other.

    Args:
        count: of plots.
        height: in inches.
        share: one y axis for all.
        first_wider: how much more room the figure has for the labels of the first.
    """
    figure = Figure(figsize=(_PANEL * max(count, 1.6) * first_wider, height), layout="constrained")
    axes = figure.subplots(1, count, sharey=share, squeeze=False)[0]
    return figure, list(axes)


def good(records: Sequence[Record], **wanted: Any) -> list[Record]:
    """The records about something, without the failed ones."""
    return [
        record
        for record in records
        if "error" not in record and all(record.get(key) == value for key, value in wanted.items())
    ]


def whiskers(values: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """A median, and how far it is from the smallest and to the largest."""
    middle = median(values)
    return middle, (middle - min(values), max(values) - middle)


def line(axes: Axes, records: Sequence[Record], x: str, y: Callable[[Record], float], label: str, **look: Any) -> None:
    """Medians with whiskers, joined."""
    places = sorted({record[x] for record in records})
    points = [whiskers([y(record) for record in records if record[x] == place]) for place in places]
    axes.errorbar(
        places,
        [middle for middle, _ in points],
        yerr=[[low for _, (low, _) in points], [high for _, (_, high) in points]],
        marker="o",
        markersize=5,
        capsize=3,
        label=label,
        **look,
    )


def places(axes: Axes, values: Sequence[float]) -> None:
    """Ticks where something was measured, on a logarithmic axis."""
    axes.set_xscale("log")
    axes.set_xticks(list(values))
    axes.xaxis.set_major_formatter(plain())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()


def from_zero(axes: Axes) -> None:
    """The y axis from zero to a little above what is drawn."""
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])


def plain() -> FuncFormatter:
    """Numbers in full: 10,000 and not 10^4."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


def save(figure: Figure, path: Path) -> None:
    """Write it without a background and without a date."""
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
