"""The report: how each figure was measured, around the tables and the plots."""

from collections.abc import Sequence
from typing import Any, Final

from bench import contenders, figures, intake, steps, tables, upper_bounds
from bench.size import BACKLOG, COLD, DRAIN, IDLE, INTAKE, MEMORY, SCALE, STEADY

Record = dict[str, Any]

#: What each emulator is, and what happens to its own rate as its queue grows.
_EMULATORS: Final = {
    "ministack": (
        "ministack, an SQS emulator that is a Python process of its own",
        (
            "The emulator scans its whole queue for every receive and every deleted message, so its own rate falls "
            "with the backlog, where that of SQS does not."
        ),
    ),
    "simulated": (
        (
            "this repository's simulated SQS, a Python process of its own that passes the same conformance tests as "
            "ministack and LocalStack (docs/emulators.md)"
        ),
        "The emulator takes as long for a call on a long queue as on a short one, as SQS does.",
    ),
}

_IDLE_LOAD: Final = 0.3  # of a core, below which a machine counts as idle

#: What each plot shows, by its file's name without the ending.
PLOTS: Final = {
    "drain": "Orders per second into MariaDB, by contender and added round trip",
    "backlog": "Orders per second against the backlog, beside what the emulator alone serves",
    "scale": "Orders per second against the number of workers, and against a worker's pool processes",
    "memory": "Memory of one worker against the orders it has stored",
    "intake": "Accepted orders per second against the connections",
}


def markdown(results: Record, source: str, plots: Sequence[str], remarks: str = "") -> str:
    """The whole report.

    Args:
        results: as the run collected them.
        source: the name of the file that holds them.
        plots: the names of the files of those that could be drawn.
        remarks: written by hand, such as why an aim was missed.
    """
    shown = {name.removesuffix(".svg"): f"![{PLOTS[name.removesuffix('.svg')]}]({name})" for name in plots}
    blocks = ["# Orders from HTTP through SQS into MariaDB, measured", _head(results, source)]
    if results["quick"]:
        blocks.append("**A quick run: it shows that the benchmark works, and is no basis for a statement.**")
    blocks += ["## Aims", tables.aims_table(results), remarks]
    parts = {
        DRAIN: _drain,
        STEADY: _steady,
        BACKLOG: _backlog,
        SCALE: _scale,
        MEMORY: _memory,
        INTAKE: _intake,
        COLD: _cold,
        IDLE: _costs,
    }
    for part, blocks_of in parts.items():
        if results.get(part):
            heading, *rest = blocks_of(results)
            blocks += [heading, shown.get(part, ""), *rest]
    blocks += ["## The machine", _machine(results)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(results: Record, source: str) -> str:
    size = results["size"]
    return (
        f"Made by `python -m bench` from [`{source}`]({source}); do not edit. One run on one machine: "
        f"{_emulator(results)[0]}; a real MariaDB, real processes, and a proxy that adds a round trip to every call of "
        f"SQS. Medians, with the smallest and the largest in brackets, of {size['repetitions']} interleaved "
        "repetition(s). Everything shares the machine's cores, so the ratios compare; the figures do not say what AWS "
        "would give."
    )


def _emulator(results: Record) -> tuple[str, str]:
    return _EMULATORS[results["sqs"]]


def _drain(results: Record) -> list[str]:
    size = results["size"]
    sources = "\n".join(
        f"- *{name}*: `{results['commands'].get(name, 'did not run')}`; {contenders.SOURCES[name]}"
        for name in contenders.NAMES
    )
    blocks = [
        "## Draining a backlog",
        f"One worker each, started on a full queue, each as its own documentation has it:\n\n{sources}",
        (
            "All write the same columns into the same table, idempotently, and delete a message only when its row is "
            "committed (Celery default excepted). Orders/s is from the first row's time to the last one's. A run ends "
            f"after {size['limit']:g} s; its rate is then that of the orders stored and deleted so far. Slow workers "
            "get a shorter backlog, in their favour: the emulator's work grows with it. Calls are counted from the "
            "worker's start until the queue is empty. CPU (user and system) and memory (proportional set size) are "
            "those of the worker with its children. The last column says how long after the last row the queue was "
            "empty, too.\n\n"
            f"*{figures.EMULATOR}* is connections that receive ten and delete ten and do nothing with them: "
            f"{upper_bounds.connections(0)}, and one more for each millisecond added."
        ),
    ]
    for round_trip in size["round_trips"]:
        blocks += [f"### Drain, {round_trip} ms added round trip", tables.drain_table(results, round_trip)]
    if results.get(steps.TUNING):
        blocks += ["### What was tried for the tuned Celery", tables.tuning_table(results)]
    return blocks + _limits(results)


def _limits(results: Record) -> list[str]:
    blocks = ["## The limit", _LIMITS]
    for round_trip in results["size"]["round_trips"]:
        blocks += [f"### Limits, {round_trip} ms added round trip", tables.bounds_table(results, round_trip)]
    if results.get(steps.DATABASE):
        blocks += ["### What MariaDB commits", tables.commits_table(results)]
    return blocks


_LIMITS: Final = (
    "What each part could do if it were the only one that counts. The emulator and MariaDB were asked directly, on an "
    "otherwise idle machine; the rest follows from the CPU time that an order took in the drains. The lowest bound is "
    "the one that holds; together they hold earlier, as all parts share the cores."
)

_COLD: Final = (
    "From the start of the process: the web until the first `202`, a worker until the first row of an order that was "
    "waiting."
)


def _steady(results: Record) -> list[str]:
    size = results["size"]
    return [
        "## Time to persist",
        (
            f"Orders are sent at half the rate that the contender drained, at {size['usual']} ms added round trip, "
            "whatever happens to them. Timed from the answer to the send until another connection to MariaDB reads the "
            f"row, which it asks for every 2 ms, over {size['steady']:g} s."
        ),
        tables.steady_table(results),
    ]


def _backlog(results: Record) -> list[str]:
    size = results["size"]
    return [
        "## Against the backlog",
        (
            f"{size['usual']} ms added round trip; each measurement ends after {size['backlog_limit']:g} s. "
            f"{_emulator(results)[1]} A worker's figure is its share of what the emulator serves directly at the same "
            "backlog, on the same queue."
        ),
        tables.backlog_table(results),
    ]


def _scale(results: Record) -> list[str]:
    size = results["size"]
    return [
        "## Against workers and concurrency",
        (
            f"{size['usual']} ms added round trip, {size['orders']} orders. The workers are suspended while the queue "
            "is filled, so that they begin together. They share the machine's cores with everything else."
        ),
        tables.scale_table(results),
    ]


def _memory(results: Record) -> list[str]:
    runs = figures.measured(results[MEMORY])
    if not runs:
        return ["## Memory", f"failed: {results[MEMORY][-1]['error']}"]
    last = runs[-1]["samples"][-1]
    grown = figures.shown(figures.growth(runs[-1]), ".3f")
    return [
        "## Memory",
        (
            "One worker, with orders as fast as it stores them: "
            f"{last['orders']:.0f} orders in {last['seconds']:.0f} s. Its memory (proportional set size, with its "
            f"children) was {last['mib']:.0f} MiB at the end; in the last quarter it was {grown} times that of the "
            "second."
        ),
    ]


def _intake(results: Record) -> list[str]:
    blocks = [
        "## Intake",
        (
            "One gunicorn process and keep-alive connections that post one order after another, with a JWT, "
            f"{results['size']['usual']} ms added round trip. It is the same application on the same gevent server "
            f"each time, with another queue behind it: *{intake.OURS}*; *{intake.DELAY}*, Celery on kombu's own "
            f"transport; *{intake.BOTO3}*, one call per order on one client; and *{intake.NO_QUEUE}*, which drops "
            f"every order: the upper bound that the application sets. *{intake.DELAY_ON_THREADS}* is on gunicorn's "
            "threads, as many as there are connections. Errors are all answers other than 202."
        ),
    ]
    for connections in results["size"]["connections"]:
        blocks += [f"### Intake, {connections} connection(s)", tables.intake_table(results, connections)]
    return blocks


def _cold(results: Record) -> list[str]:
    return ["## Cold starts", _COLD, tables.cold_table(results)]


def _costs(results: Record) -> list[str]:
    notes = (
        f"At SQS's list price of {figures.DOLLARS_PER_MILLION:.2f} USD for a million requests. Of the calls per order, "
        "receives and deletes are those of the drains; this project's sends are those of the intake at "
        f"{intake.USUAL} connections, and all others are counted as one `SendMessage` per order, which is what their "
        f"producers do. The idle calls were counted over {results['size']['idle']:g} s of long polls on an empty queue."
    )
    return ["## What it costs", notes, tables.cost_table(results)]


def _machine(results: Record) -> str:
    facts = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in (facts["packages"] | results["versions"]).items())
    changed = " with uncommitted changes" if facts["uncommitted"] else ""
    busy = facts["load_before"] > _IDLE_LOAD * facts["cores"]
    return (
        f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gib']} GiB, {facts['system']}; "
        f"Python {facts['python']}, MariaDB {facts['mariadb']}, {versions}; commit {facts['commit']}{changed}; "
        f"{results['at']}.\n\n"
        "Everything shares this machine: the worker or the web server, the SQS emulator, the "
        "database server with its default settings, the proxy that adds the round trip, and the load. "
        "The proxy delays bytes, not the opening of connections. "
        f"The load average was {facts['load_before']} when the run began"
        f"{', so the machine was not idle' if busy else ''}."
    )
