"""The demo's output: the counts while they change, live on a terminal and as lines elsewhere, and the result."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from dev.demo.accepted_orders import AcceptedOrders, Counts

#: Seconds between two lines where there is no terminal.
LINE_INTERVAL: Final = 1.0


class Display:
    """The counts, until the demo ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, transient=True) if console.is_terminal else None
        self._next_line = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, counts: Counts) -> None:
        """Show the counts as they are now."""
        if self._live:
            self._live.update(_table(counts))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_INTERVAL
            self._console.print(", ".join(f"{name} {number}" for name, number in _shown(counts).items()))


def result(accepted: AcceptedOrders) -> Table:
    """The table at the end."""
    counts = accepted.counts()
    table = Table(caption="time to persist: persistedAt - timestamp, on one clock")
    table.add_column("state of the orders", no_wrap=True)
    table.add_column("number", justify="right", no_wrap=True)
    table.add_row(f"accepted, {counts.foreign} of them sent to the queue by a faulty producer", str(counts.accepted))
    table.add_row("persisted", str(counts.states["persisted"]))
    table.add_row("dead", str(counts.states["dead"]))
    table.add_row("refused by the API (422)", str(counts.refused))
    table.add_row("duplicates, answered with the order id they had", str(counts.duplicates))
    table.add_section()
    table.add_row("time to persist, p50", _milliseconds(accepted.persist_time_percentile(50)))
    table.add_row("time to persist, p99", _milliseconds(accepted.persist_time_percentile(99)))
    return table


def _shown(counts: Counts) -> dict[str, int]:
    states = {state: counts.states[state] for state in ("persisted", "retrying", "dead")}
    return {"accepted": counts.accepted, **states, "refused": counts.refused, "to come": counts.unanswered}


def _table(counts: Counts) -> Table:
    shown = _shown(counts)
    table = Table(*shown)
    table.add_row(*(str(number) for number in shown.values()))
    return table


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"
