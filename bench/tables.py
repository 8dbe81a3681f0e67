"""The report's tables, one function each, in Markdown."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from bench import contenders, figures, intake, steps
from bench.aims import aims
from bench.figures import DELETE, NONE, RECEIVE, about, calls_per_order, measured, middle, over, shown, spread
from bench.size import BACKLOG, COLD, DRAIN, IDLE, INTAKE, SCALE, STEADY

Record = dict[str, Any]

_NOT_MEASURED: Final = "not measured"


def table(head: Sequence[str], rows: list[list[str]]) -> str:
    """A table in Markdown. Rows may be short, and their texts are escaped."""
    full = [[*row, *[""] * (len(head) - len(row))] for row in rows]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *full]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def _or_why(name: str, records: list[Record], row: Callable[[list[Record]], list[str]]) -> list[str]:
    """A row of the measured records; without any, the name and the reason."""
    good = measured(records)
    if good:
        return row(good)
    return [name, f"failed: {records[-1]['error']}" if records else _NOT_MEASURED]


def aims_table(results: Record) -> str:
    """Each aim beside the value of the run."""
    rows = [
        [
            aim.what,
            f"{'at most' if aim.upper else 'at least'} {aim.bound:g}",
            shown(aim.value, ".2f"),
            _NOT_MEASURED if aim.value is None else "yes" if aim.reached else "**no**",
            aim.detail,
        ]
        for aim in aims(results)
    ]
    return table(["", "aim", "measured", "reached", ""], rows)


def drain_table(results: Record, round_trip: int) -> str:
    """The drains of all contenders at a round trip."""
    ours = figures.drain_rate(results, contenders.OURS, round_trip)

    def row(records: list[Record]) -> list[str]:
        last = records[-1]
        return [
            f"{last['contender']} `{last['options']}`" if "options" in last else last["contender"],
            spread(records, figures.rate, ".0f"),
            shown(over(ours, middle(records, figures.rate)), ".1f", "x"),
            shown(middle(records, lambda record: calls_per_order(record, RECEIVE)), ".2f"),
            shown(middle(records, lambda record: calls_per_order(record, DELETE)), ".2f"),
            shown(middle(records, figures.other_calls), ".0f"),
            shown(middle(records, lambda record: record["stored"] / record["batches"]), ".0f"),
            spread(records, lambda record: record["cpu_ms"], ".2f"),
            spread(records, lambda record: record["peak_mib"], ".0f"),
            f"{last['stored']} of {last['backlog']}",
            shown(
                middle(
                    [record for record in records if record["behind_s"] is not None], lambda record: record["behind_s"]
                ),
                ".1f",
            ),
        ]

    there = about(results.get(DRAIN, []), round_trip_ms=round_trip)
    rows = [_or_why(name, about(there, contender=name), row) for name in contenders.NAMES]
    direct = measured(results.get(steps.EMULATOR, []), round_trip_ms=round_trip)
    if direct:
        share = shown(over(ours, middle(direct, figures.rate)), ".2f", "x")
        rows.append([figures.EMULATOR, spread(direct, figures.rate, ".0f"), share])
    head = ["", "orders/s", "ours is", "receives/order", "deletes/order", "other calls", "orders/insert"]
    return table([*head, "CPU ms/order", "peak MiB", "orders stored", "last delete, s"], rows)


def tuning_table(results: Record) -> str:
    """The options that were tried for the tuned Celery."""
    rows = [
        [f"`{record['options']}`", f"{record['round_trip_ms']} ms", shown(record.get("rate"), ".0f")]
        for record in results[steps.TUNING]
    ]
    return table(["OPTIONS", "added", "orders/s"], rows)


def bounds_table(results: Record, round_trip: int) -> str:
    """The upper bounds of this project's worker, and its share of each."""
    ours = figures.drain_rate(results, contenders.OURS, round_trip)
    rows = [
        [what, shown(bound, ".0f"), shown(over(ours, bound), ".0%")]
        for what, bound in figures.bounds(results, round_trip)
        if bound is not None
    ]
    return table(["what would bound it", "orders/s", f"ours, {shown(ours, '.0f')} orders/s, is at"], rows)


def commits_table(results: Record) -> str:
    """The rate at which MariaDB commits orders without a queue."""
    records = results.get(steps.DATABASE, [])
    sizes = sorted({record["rows"] for record in measured(records)})
    rows = [[str(size), spread(measured(records, rows=size), figures.rate, ".0f")] for size in sizes]
    return table(["rows in a statement", "orders/s on 2 connections"], rows)


def cost_table(results: Record) -> str:
    """SQS calls and what they cost."""
    rows = []
    for name in contenders.NAMES:
        found = figures.dollars(results, name, results["size"]["usual"])
        calls, dollars = found or (None, None)
        idle = middle(measured(results.get(IDLE, []), contender=name), lambda record: record["per_minute"])
        monthly = shown(figures.idle_dollars(results, name), ".3f")
        rows.append([name, shown(calls, ".2f"), shown(dollars, ".2f"), shown(idle, ".1f"), monthly])
    head = ["", "calls/order", "$ per million orders", "calls a minute, idle", "$ per idle worker, 30 days"]
    return table(head, rows)


def steady_table(results: Record) -> str:
    """Times to persist at half the peak."""

    def row(records: list[Record]) -> list[str]:
        return [
            records[-1]["contender"],
            f"{records[-1]['sent_rate']:.1f}",
            spread(records, lambda record: record["p50_ms"], ".0f"),
            spread(records, lambda record: record["p99_ms"], ".0f"),
            shown(middle(records, lambda record: record["orders"] / record["batches"]), ".0f"),
            spread(records, lambda record: record["cpu_ms"], ".2f"),
            str(sum(record["stored"] for record in records)),
            str(sum(record["missing"] for record in records)),
        ]

    names = results["size"]["steady_names"]
    rows = [_or_why(name, about(results.get(STEADY, []), contender=name), row) for name in names]
    return table(
        ["", "orders/s sent", "p50 ms", "p99 ms", "orders/insert", "CPU ms/order", "timed", "not stored in time"], rows
    )


def backlog_table(results: Record) -> str:
    """Rates against the backlog."""
    rows = []
    for orders in results["size"]["backlogs"]:
        there = about(results.get(BACKLOG, []), orders=orders)
        ours, alone = (measured(there, who=who) for who in (contenders.OURS, "emulator"))
        if not ours or not alone:
            rows.append(_or_why(str(orders), there, lambda records: [_NOT_MEASURED]))
            continue
        share = shown(over(middle(ours, figures.rate), middle(alone, figures.rate)), ".0%")
        rows.append([str(orders), spread(ours, figures.rate, ".0f"), spread(alone, figures.rate, ".0f"), share])
    return table(["orders in the queue", "ours, orders/s", f"{figures.EMULATOR}, orders/s", "share"], rows)


def scale_table(results: Record) -> str:
    """Rates against workers and pool processes."""
    records = results.get(SCALE, [])
    kinds = dict.fromkeys((record["contender"], record["workers"], record["concurrency"]) for record in records)
    rows = []
    for name, workers, concurrency in kinds:
        there = about(records, contender=name, workers=workers, concurrency=concurrency)
        label = [name, str(workers), shown(concurrency, "d") if concurrency else "default"]

        def row(good: list[Record], label: list[str] = label) -> list[str]:
            cpu, memory = (middle(good, lambda record: record[key]) for key in ("cpu_ms", "peak_mib"))  # noqa: B023
            return [*label, spread(good, figures.rate, ".0f"), shown(cpu, ".2f"), shown(memory, ".0f")]

        rows.append(_or_why(" ".join(label), there, row))
    return table(["", "workers", "pool processes each", "orders/s", "CPU ms/order", "peak MiB"], rows)


def intake_table(results: Record, connections: int) -> str:
    """The intake of all applications with a number of connections."""
    ours = middle(figures.taken(results, intake.OURS, connections), figures.rate)
    rows = []
    for name in intake.APPLICATIONS:
        if connections not in intake.loads(name, results["size"]["connections"]):
            continue
        failed = [record for record in about(results.get(INTAKE, []), application=name) if "error" in record]
        records = figures.taken(results, name, connections) or failed
        rows.append(_or_why(name, records, lambda good: _intake_row(good, ours)))
    head = ["", "orders/s", "ours is", "p50 ms", "p99 ms", "send calls/order", "CPU ms/order"]
    return table([*head, "accepted", "not in the queue", "errors"], rows)


def _intake_row(records: list[Record], ours: float | None) -> list[str]:
    accepted, queued = (sum(record[key] for record in records) for key in ("accepted", "queued"))
    name = records[-1]["application"]
    return [
        name,
        spread(records, figures.rate, ".0f"),
        shown(over(ours, middle(records, figures.rate)), ".2f", "x"),
        spread(records, lambda record: record["p50_ms"], ".1f"),
        spread(records, lambda record: record["p99_ms"], ".1f"),
        shown(middle(records, figures.sends_per_order), ".2f"),
        spread(records, lambda record: record["cpu_ms"], ".2f"),
        str(accepted),
        NONE if name == intake.NO_QUEUE else str(accepted - queued),
        str(sum(figures.errors(record) for record in records)),
    ]


def cold_table(results: Record) -> str:
    """Seconds from a start to the first order."""
    size, rows = results["size"], []
    for what, names in (("web", size["cold_webs"]), ("worker", size["cold_names"])):
        for name in names:
            there = about(results.get(COLD, []), what=what, name=name)
            label = f"{what}: {name}"
            rows.append(
                _or_why(label, there, lambda good, label=label: [label, spread(good, _seconds, ".1f")])  # type: ignore[misc]
            )
    return table(["", "seconds"], rows)


def _seconds(record: Record) -> float:
    return float(record["seconds"])
