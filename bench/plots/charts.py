"""The charts, one function each; None where nothing was measured."""

from collections.abc import Callable
from typing import Any, Final

from matplotlib.figure import Figure

from bench.plots.drawing import FURTHER, INK, OTHERS, OURS, from_zero, good, line, panels, places, plain, whiskers
from bench.plots.scaling import SCALING

Results = dict[str, Any]

_OURS: Final = "ours"


def rate(record: dict[str, Any]) -> float:
    """Orders per second."""
    return float(record["rate"])


def drain(results: Results) -> Figure | None:
    """A panel per round trip, a row per contender, on a logarithmic axis: they differ by hundreds of times."""
    records = good(results.get("drain", []))
    if not records:
        return None
    names = list(dict.fromkeys(record["contender"] for record in results["drain"]))
    trips = sorted({record["round_trip_ms"] for record in records})
    figure, axes = panels(len(trips), 0.34 * len(names) + 1.2, share=True, first_wider=1.12)
    for panel, trip in zip(axes, trips, strict=True):
        for row, name in enumerate(names):
            values = [rate(record) for record in good(records, contender=name, round_trip_ms=trip)]
            if not values:
                continue
            middle, (low, high) = whiskers(values)
            colour = OURS if name.startswith(_OURS) else OTHERS
            panel.errorbar(middle, row, xerr=[[low], [high]], fmt="o", color=colour, capsize=3)
            panel.annotate(f"{middle:,.0f}", (middle, row), (0, 5), textcoords="offset points", ha="center", fontsize=8)
        alone = [rate(record) for record in good(results.get("emulator", []), round_trip_ms=trip)]
        if alone:
            panel.axvline(whiskers(alone)[0], color=INK, linestyle="--", linewidth=1)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(plain())
        panel.set_title(f"{trip} ms added round trip")
        panel.set_xlabel("orders/s (log); dashed: the emulator alone")
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(-0.6, len(names) - 0.2)
    return figure


def backlog(results: Results) -> Figure | None:
    """Both curves, and their ratio."""
    records = good(results.get("backlog", []))
    if not records:
        return None
    figure, (rates, share) = panels(2, 3.4)
    orders = sorted({record["orders"] for record in records})
    ours, alone = (good(records, who=who) for who in (_OURS, "emulator"))
    line(rates, ours, "orders", rate, _OURS, color=OURS)
    line(rates, alone, "orders", rate, "the emulator alone", color=INK, linestyle="--")
    rates.set_ylabel("orders/s")
    rates.legend()
    by_run = {(record["orders"], record["repetition"]): rate(record) for record in alone}
    shares = [
        {"orders": record["orders"], "share": 100 * rate(record) / by_run[record["orders"], record["repetition"]]}
        for record in ours
        if (record["orders"], record["repetition"]) in by_run
    ]
    line(share, shares, "orders", lambda record: float(record["share"]), _OURS, color=OURS)
    share.set_ylabel("ours, % of the emulator alone")
    for panel in (rates, share):
        places(panel, orders)
        from_zero(panel)
        panel.set_xlabel("orders in the queue (log)")
    return figure


def scale(results: Results) -> Figure | None:
    """Against workers, and against pool processes."""
    records = good(results.get("scale", []))
    if not records:
        return None
    figure, (workers, pools) = panels(2, 3.4, share=True)
    for name in dict.fromkeys(record["contender"] for record in records):
        several = good(records, contender=name, concurrency=None)
        line(workers, several, "workers", rate, name, color=OURS if name == _OURS else OTHERS)
    workers.set_xlabel("workers, each with its default pool")
    workers.legend()
    line(pools, [record for record in records if record["concurrency"]], "concurrency", rate, _OURS, color=OURS)
    pools.set_xlabel("pool processes of one worker (ours)")
    for panel, key in ((workers, "workers"), (pools, "concurrency")):
        panel.set_xticks(sorted({record[key] for record in records if record[key]}))
        from_zero(panel)
    workers.set_ylabel("orders/s")
    return figure


def memory(results: Results) -> Figure | None:
    """One line of samples."""
    runs = good(results.get("memory", []))
    if not runs:
        return None
    figure, [panel] = panels(1, 3.2)
    samples = runs[-1]["samples"]
    panel.plot([each["orders"] for each in samples], [each["mib"] for each in samples], color=OURS)
    from_zero(panel)
    panel.xaxis.set_major_formatter(plain())
    panel.set_xlabel("orders stored")
    panel.set_ylabel("memory of the worker (PSS), MiB")
    return figure


def intake(results: Results) -> Figure | None:
    """Rates and slowest answers, by connections."""
    records = good(results.get("intake", []))
    if not records:
        return None
    figure, (rates, tails) = panels(2, 4.0)
    colours = {_OURS: OURS, "no queue": INK}
    further = iter([OTHERS, *FURTHER])
    for name in dict.fromkeys(record["application"] for record in records):
        colour = colours.get(name) or next(further)
        there = good(records, application=name)
        line(rates, there, "connections", rate, name, color=colour)
        line(tails, there, "connections", lambda record: float(record["p99_ms"]), name, color=colour)
    for panel in (rates, tails):
        places(panel, sorted({record["connections"] for record in records}))
        panel.set_xlabel("connections (log)")
    rates.set_ylabel("accepted orders/s")
    from_zero(rates)
    figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    tails.set_ylabel("p99 of the answer, ms (log)")
    tails.set_yscale("log")
    tails.yaxis.set_major_formatter(plain())
    return figure


CHARTS: Final[dict[str, Callable[[Results], Figure | None]]] = {
    "drain": drain,
    "backlog": backlog,
    "scale": scale,
    "memory": memory,
    "intake": intake,
    **SCALING,
}
