"""The report: tables in Markdown from the raw results, and what was aimed at beside what was reached."""

from collections.abc import Sequence
from typing import Any, Final

from bench import contenders, figures, intake, limit
from bench.figures import DELETE, NONE, RECEIVE, about, calls_per_order, measured, middle, over, shown, spread

Record = dict[str, Any]

_IDLE_LOAD: Final = 0.3  # of a core, below which a machine counts as idle

_DRAIN_HEAD: Final = (
    "",
    "orders/s",
    "ours is",
    "receives/order",
    "deletes/order",
    "other calls",
    "CPU ms/order",
    "peak MiB",
    "backlog",
)
_INTAKE_HEAD: Final = (
    "",
    "orders/s",
    "ours is",
    "p50 ms",
    "p99 ms",
    "send calls/order",
    "CPU ms/order",
    "accepted",
    "not in the queue",
    "errors",
)


def markdown(results: Record, source: str) -> str:
    """The whole report.

    Args:
        results: as `bench.plan` collected them.
        source: the name of the file that holds them.
    """
    size = results["size"]
    blocks = [
        "# Orders from HTTP through SQS into MariaDB, measured",
        (
            f"Made by `python -m bench` from `{source}`; do not edit. Medians, with the smallest and the largest in "
            f"brackets, of {size['repetitions']} interleaved repetition(s)."
        ),
    ]
    if results["quick"]:
        blocks.append("**A quick run: it shows that the benchmark works, and is no basis for a statement.**")
    blocks += ["## Aims", _aims(results), "## Draining a backlog", _drain_notes(results)]
    for round_trip in size["round_trips"]:
        blocks += [f"### Drain, {round_trip} ms added round trip", _drain_table(results, round_trip)]
    if results["tuning"]:
        blocks += ["### What was tried for the tuned Celery", _tuning_table(results)]
    blocks += ["## Intake", _intake_notes()]
    for round_trip in size["intake_round_trips"]:
        blocks += [f"### Intake, {round_trip} ms added round trip", _intake_table(results, round_trip)]
    blocks += ["## Idle workers", _idle_table(results), "## The machine", _machine(results)]
    return "\n\n".join(blocks) + "\n"


def _aims(results: Record) -> str:
    rows = [
        [
            aim.what,
            f"{'at most' if aim.upper else 'at least'} {aim.bound:g}",
            shown(aim.value, ".2f"),
            "not measured" if aim.value is None else "yes" if aim.reached else "no",
        ]
        for aim in figures.aims(results)
    ]
    return _table(["", "aim", "measured", "reached"], rows)


def _drain_notes(results: Record) -> str:
    commands = "\n".join(f"- {name}: `{command}`" for name, command in results["commands"].items())
    return (
        f"One worker each, started on a full queue:\n\n{commands}\n\n"
        "*Celery default* loses an order when its task fails; *Celery tuned* has the options in "
        "`bench/peers/plain_celery.py` that keep it, and the OPTIONS below. The hand loop is one process that "
        "receives ten, inserts them in one statement and deletes ten, in sequence. All write the same columns "
        "into the same table.\n\n"
        "Orders/s is from the first row's time to the last one's. A run ends after "
        f"{results['size']['limit']:g} s; its rate is then that of the orders stored so far. Slow workers get a "
        "shorter backlog. Calls are counted from the worker's start until the queue is empty. CPU (user and system) "
        "and memory (resident; pages that processes share count for each) are those of the worker with its children. "
        f"*{figures.LIMIT}* is {limit.CONNECTIONS} connections that receive ten and delete ten and do nothing with "
        "them, on an otherwise idle machine."
    )


def _drain_table(results: Record, round_trip: int) -> str:
    ours = middle(measured(results["drain"], contender=contenders.OURS, round_trip_ms=round_trip), figures.rate)
    rows = []
    for name in contenders.NAMES:
        records = measured(results["drain"], contender=name, round_trip_ms=round_trip)
        if not records:
            rows.append([name, _why_none(about(results["drain"], contender=name, round_trip_ms=round_trip))])
            continue
        rows.append(
            [
                f"{name} `{records[-1]['options']}`" if "options" in records[-1] else name,
                spread(records, figures.rate, ".0f"),
                shown(over(ours, middle(records, figures.rate)), ".1f", "x"),
                shown(middle(records, lambda record: calls_per_order(record, RECEIVE)), ".2f"),
                shown(middle(records, lambda record: calls_per_order(record, DELETE)), ".2f"),
                shown(middle(records, figures.other_calls), ".0f"),
                spread(records, lambda record: record["cpu_ms"], ".2f"),
                spread(records, lambda record: record["peak_mib"], ".0f"),
                str(records[-1]["backlog"]),
            ]
        )
    direct = measured(results["limit"], round_trip_ms=round_trip)
    if direct:
        share = shown(over(ours, middle(direct, figures.rate)), ".2f", "x")
        rows.append([figures.LIMIT, spread(direct, figures.rate, ".0f"), share])
    return _table(_DRAIN_HEAD, rows)


def _tuning_table(results: Record) -> str:
    rows = [
        [f"`{record['options']}`", f"{record['round_trip_ms']} ms", shown(record.get("rate"), ".0f")]
        for record in results["tuning"]
    ]
    return _table(["OPTIONS", "added", "orders/s"], rows)


def _intake_notes() -> str:
    return (
        f"One gunicorn process and {intake.CONNECTIONS} keep-alive connections that post one order after another, "
        "with a JWT. It is the same application on the same gevent server each time, with another queue behind "
        f"it: *{intake.OURS}*; *{intake.DELAY}*, Celery on kombu's own transport, with a connection per request; and "
        f"*{intake.NO_QUEUE}*, which forgets every order at once: the most that the application can do. "
        f"*{intake.DELAY_ON_THREADS}* is on gunicorn's threads, as many as there are connections. Errors "
        "are all answers but 202. The load comes from `bench/load.py`."
    )


def _intake_table(results: Record, round_trip: int) -> str:
    ours = middle(measured(results["intake"], application=intake.OURS, round_trip_ms=round_trip), figures.rate)
    rows = []
    for name in intake.APPLICATIONS:
        records = measured(results["intake"], application=name, round_trip_ms=round_trip)
        if not records:
            rows.append([name, _why_none(about(results["intake"], application=name, round_trip_ms=round_trip))])
            continue
        accepted, queued = (sum(record[key] for record in records) for key in ("accepted", "queued"))
        rows.append(
            [
                name,
                spread(records, figures.rate, ".0f"),
                shown(over(ours, middle(records, figures.rate)), ".2f", "x"),
                spread(records, lambda record: record["p50_ms"], ".0f"),
                spread(records, lambda record: record["p99_ms"], ".0f"),
                shown(middle(records, figures.sends_per_order), ".2f"),
                spread(records, lambda record: record["cpu_ms"], ".2f"),
                str(accepted),
                NONE if name == intake.NO_QUEUE else str(accepted - queued),
                str(sum(figures.errors(record) for record in records)),
            ]
        )
    return _table(_INTAKE_HEAD, rows)


def _idle_table(results: Record) -> str:
    good = measured(results["idle"])
    if not good:
        return _why_none(results["idle"])
    rows = [[record["contender"], f"{record['per_minute']:.1f}"] for record in good]
    return _table(["", f"SQS calls a minute, over {results['size']['idle']:g} s"], rows)


def _machine(results: Record) -> str:
    facts = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    changed = " with uncommitted changes" if facts["uncommitted"] else ""
    busy = facts["load_before"] > _IDLE_LOAD * facts["cores"]
    return (
        f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gib']} GiB, {facts['system']}; "
        f"Python {facts['python']}, MariaDB {facts['mariadb']}, {versions}; commit {facts['commit']}{changed}; "
        f"{results['at']}.\n\n"
        "Everything shares this machine: the worker or the web server, the SQS emulator (ministack, one Python "
        "process), the database server with its default settings, the proxy that adds the round trip, and the "
        "load. What one of them takes the others lack, so these numbers compare; they do not say what AWS would "
        "give. The emulator walks through its whole queue for every receive and every deleted message, so a long "
        "backlog slows everybody, and the fast ones most. The proxy delays bytes, not the opening of connections. "
        f"The load average was {facts['load_before']} when the run began"
        f"{', so the machine was not idle' if busy else ''}."
    )


def _why_none(records: list[Record]) -> str:
    return f"failed: {records[-1]['error']}" if records else "not measured"


def _table(head: Sequence[str], rows: list[list[str]]) -> str:
    """Rows may be short; what stands in them cannot break the table."""
    full = [[*row, *[""] * (len(head) - len(row))] for row in rows]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *full]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)
