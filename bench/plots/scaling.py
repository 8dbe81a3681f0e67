"""The charts of docs/scaling.md: what autoscaling does, from the series of `bench.fleet`."""

from functools import partial
from typing import Any, Final

from matplotlib.figure import Figure

from bench.plots.drawing import FURTHER, OTHERS, OURS, panels, plain

Results = dict[str, Any]

#: What a panel shows: the key of its values, its axis, and whether that is logarithmic.
_PANELS: Final = (
    ("backlog", "orders that wait", True),
    ("times", "time to persist, s", False),
    ("workers", "workers", False),
)


_TICKS: Final = (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def _course(results: Results, kind: str) -> Figure | None:
    """Backlog, time to persist and workers over the minutes; a line for each rate."""
    series = results.get(f"scaling-{kind}", [])
    if not series:
        return None
    figure, axes = panels(len(_PANELS), 3.2)
    for panel, (key, label, is_log) in zip(axes, _PANELS, strict=True):
        for each, colour in zip(series, (OURS, OTHERS, *FURTHER), strict=False):
            panel.plot(each["minutes"], each[key], color=colour, label=each["name"])
        if is_log:
            panel.set_yscale("symlog", linthresh=_TICKS[1])
            panel.set_yticks([tick for tick in _TICKS if tick <= max(max(each[key]) for each in series)])
            panel.yaxis.set_major_formatter(plain())
        panel.set_ylim(bottom=0)
        panel.set_xlabel("minutes")
        panel.set_ylabel(label)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure


SCALING: Final = {f"scaling-{kind}": partial(_course, kind=kind) for kind in ("rush", "outage", "steady")}
