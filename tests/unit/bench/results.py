"""Results of a full run with round, invented figures, from which a test can calculate what it expects."""

import itertools
from dataclasses import asdict

from bench.contenders import DEFAULT, DRAMATIQ, EVENTS_OFF, LOOP, NAMES, NODE_BATCH, OURS, TASKIQ, TUNED
from bench.intake import APPLICATIONS, BOTO3, DELAY, DELAY_ON_THREADS, NO_QUEUE, loads
from bench.intake import OURS as OUR_INTAKE
from bench.size import FULL

#: Orders per second, in the middle of three repetitions, whatever the round trip.
RATES = {
    DEFAULT: 8,
    TUNED: 80,
    LOOP: 400,
    DRAMATIQ: 380,
    NODE_BATCH: 350,
    TASKIQ: 500,
    EVENTS_OFF: 2400,
    OURS: 2000,
}
SLOW = 36  # whoever is not named above
EMULATOR_RATE = 2500
COMMITS = {1: 1000, 10: 8000, 100: 25_000}
ACCEPTED = {DELAY: 250, DELAY_ON_THREADS: 200, BOTO3: 400, NO_QUEUE: 1800, OUR_INTAKE: 1000}
BACKLOG_RATES = {1000: (2000, 2500), 10_000: (1000, 1200), 100_000: (110, 125)}

SPREAD = (0.9, 1.0, 1.1)


def full():
    """As the run collects them, with what it says of itself."""
    return head() | {
        "tuning": [{"contender": TUNED, "round_trip_ms": 10, "options": "-c 8", "rate": 80.0}],
        "drain": [drained(name, trip, n) for n, trip, name in itertools.product(range(3), FULL.round_trips, NAMES)],
        "emulator": [alone(trip, n) for n, trip in itertools.product(range(3), FULL.round_trips)],
        "database": [{"rows": rows, "repetition": n, "rate": rate} for n in range(3) for rows, rate in COMMITS.items()],
        "steady": [steady(name, n) for n, name in itertools.product(range(3), FULL.steady_names)],
        "backlog": [
            record for n, orders in itertools.product(range(3), BACKLOG_RATES) for record in backlog(orders, n)
        ],
        "scale": [scaled(n, *kind) for n in range(3) for kind in kinds()],
        "memory": [long_run(growing=False)],
        "intake": [
            accepted(name, connections, n)
            for n, name in itertools.product(range(3), APPLICATIONS)
            for connections in loads(name, FULL.connections)
        ],
        "cold": [
            {"what": what, "name": name, "repetition": n, "seconds": 2.0 * SPREAD[n]}
            for n in range(3)
            for what, names in (("web", FULL.cold_webs), ("worker", FULL.cold_names))
            for name in names
        ],
        "idle": [{"contender": name, "per_minute": 3.0, "seconds": 60, "calls": 3} for name in FULL.idle_names],
    }


def head():
    machine = {
        "cores": 2,
        "processor": "a processor",
        "memory_gib": 8,
        "system": "Linux 6",
        "python": "3.11.7",
        "mariadb": "10.11.6",
        "packages": {"celery": "5.7.0"},
        "commit": "abcdef0",
        "uncommitted": False,
        "load_before": 0.1,
    }
    return {
        "name": "full",
        "quick": False,
        "sqs": "ministack",
        "at": "2026-01-24T12:00+00:00",
        "machine": machine,
        "versions": {"taskiq-aio-sqs": "2.1.1"},
        "size": asdict(FULL),
        "commands": {name: f"start {name}" for name in NAMES},
    }


def alone(round_trip, repetition):
    rate = EMULATOR_RATE * SPREAD[repetition]
    return {"round_trip_ms": round_trip, "repetition": repetition, "rate": rate, "backlog": 4000, "calls": {}}


def drained(name, round_trip, repetition=1):
    return {
        "contender": name,
        "round_trip_ms": round_trip,
        "repetition": repetition,
        "backlog": 4000,
        "stored": 4000,
        "batches": 80,
        "left": 0,
        "rate": RATES.get(name, SLOW) * SPREAD[repetition],
        "behind_s": 0.2,
        "calls": {"GetQueueAttributes": 4, "ReceiveMessage": 400, "DeleteMessageBatch": 400},
        "cpu_ms": 0.4,
        "shared_cpu_ms": {"proxy": 0.1, "emulator": 0.2, "database": 0.1},
        "peak_mib": 100.0,
    }


def steady(name, repetition):
    known = {"contender": name, "round_trip_ms": 10, "repetition": repetition}
    times = {"p50_ms": 40.0 * SPREAD[repetition], "p99_ms": 90.0 * SPREAD[repetition], "max_ms": 100.0}
    return (
        known
        | times
        | {"peak": 100.0, "sent_rate": 50.0, "stored": 400, "missing": 0, "orders": 500, "batches": 50, "cpu_ms": 0.5}
    )


def backlog(orders, repetition):
    known = {"orders": orders, "round_trip_ms": 10, "repetition": repetition}
    ours, alone = BACKLOG_RATES[orders]
    return [
        known | {"who": "emulator", "rate": alone * SPREAD[repetition]},
        known | {"who": OURS, "rate": ours * SPREAD[repetition]},
    ]


def kinds():
    yield from ((name, count, None) for name, counts in FULL.workers.items() for count in counts)
    yield from ((OURS, 1, concurrency) for concurrency in FULL.concurrency)


def scaled(repetition, name, workers, concurrency):
    return drained(name, 10, repetition) | {"workers": workers, "concurrency": concurrency}


def long_run(*, growing):
    samples = [{"seconds": n, "orders": n * 2000, "mib": 200.0 + (n if growing else 40 * (n > 3))} for n in range(101)]
    return {"contender": OURS, "round_trip_ms": 0, "orders": 200_000, "stored": 200_000, "samples": samples}


def accepted(application, connections, repetition):
    return {
        "application": application,
        "connections": connections,
        "round_trip_ms": 10,
        "repetition": repetition,
        "rate": ACCEPTED[application] * SPREAD[repetition],
        "p50_ms": 20.0,
        "p99_ms": 50.0,
        "errors": {},
        "accepted": 5000,
        "queued": 5000,
        "calls": {"SendMessageBatch": 500},
        "cpu_ms": 0.9,
    }
