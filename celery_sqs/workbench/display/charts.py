"""Charts as SVG, drawn here: no script, no style, colours by class, so that light and dark are the style sheet's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from markupsafe import Markup

#: Units of the drawing. It is stretched to whatever room there is, so it has no text in it but for titles.
HEIGHT: Final = 100
SLOT: Final = 10
GAP: Final = 2

#: What is not nothing is seen.
LOWEST: Final = 1.5

_STEPS: Final = (1, 2, 3, 4, 5, 6, 8, 10)

_CHART: Final = Markup(
    '<svg class="chart" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{title}">'
    '<line class="grid" x1="0" x2="{width}" y1="0" y2="0"/>'
    '<line class="grid" x1="0" x2="{width}" y1="{middle}" y2="{middle}"/>{bars}'
    '<line class="base" x1="0" x2="{width}" y1="{height}" y2="{height}"/></svg>'
)
_BAR: Final = Markup(
    '<g class="slot"><title>{label}</title><rect class="hit" x="{left}" y="0" width="{slot}" height="{height}"/>'
    "{rect}</g>"
)
_RECT: Final = Markup('<rect class="{kind}" x="{x}" y="{y:.2f}" width="{width}" height="{size:.2f}"/>')


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: what is shown for it: the time and the number.
        value: how high it is.
        is_partial: whether its time is not over yet.
    """

    label: str
    value: float
    is_partial: bool = False


def bars(drawn: Sequence[Bar], title: str, kind: str, top: float) -> Markup:
    """A bar chart.

    Args:
        drawn: from left to right; at least one.
        title: what a screen reader says of it.
        kind: the class of its colour: ok, warning, danger or plain.
        top: the value at its upper edge; `ceiling` makes one.
    """
    width = len(drawn) * SLOT
    return _CHART.format(
        width=width,
        height=HEIGHT,
        middle=HEIGHT // 2,
        title=title,
        bars=Markup().join(_bar(bar, left, kind, top) for bar, left in zip(drawn, count(0, SLOT), strict=False)),
    )


def ceiling(values: Sequence[float]) -> float:
    """A round number that none of the values exceeds: one digit and zeros."""
    highest = max(values, default=0)
    if highest <= 0:
        return 1
    unit = 10.0 ** math.floor(math.log10(highest))
    # log10 and the division are inexact: a value that is round itself must find itself.
    return next((step * unit for step in _STEPS if step * unit >= highest * (1 - 1e-9)), 10 * unit)


def _bar(bar: Bar, left: int, kind: str, top: float) -> Markup:
    rect = _rect(bar.value, left, f"bar {kind}{' partial' * bar.is_partial}", top) if bar.value > 0 else Markup()
    return _BAR.format(label=bar.label, left=left, slot=SLOT, height=HEIGHT, rect=rect)


def _rect(value: float, left: int, kind: str, top: float) -> Markup:
    size = min(HEIGHT, max(LOWEST, value / top * HEIGHT))
    return _RECT.format(kind=kind, x=left + GAP // 2, y=HEIGHT - size, width=SLOT - GAP, size=size)
