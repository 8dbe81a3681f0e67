"""What the web processes count, and where they export it: on a port of its own, all of them together.

gunicorn listens on that port, too (`config/gunicorn.py`), and whichever process takes the connection
answers for all, from the files that each of them counts in:
https://prometheus.github.io/client_python/multiprocess/

So the master, which forks, has no threads, and no other process is there to supervise. What a process
exports about itself (`process_...`) is left out, as it would be another one's each time. None of these is a gauge,
of which a process that dies would leave its last value behind.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from flask import Flask, g
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from werkzeug.exceptions import NotFound

from config.problem import HEADERS

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

PATH: Final = "/metrics"

ORDERS: Final = "/api/v1/orders"  # where a POST is an order

ACCEPTED: Final = Counter("orders_accepted", "Orders answered 202 or 200: the queue has confirmed them.")

REFUSED: Final = Counter(
    "orders_refused",
    "Orders answered otherwise. Reason: invalid, key_reused (an Idempotency-Key, for another order), unauthorised, "
    "keys_unavailable (tokens cannot be checked), not_confirmed (by the queue, in time) or failed.",
    ["reason"],
)

ACCEPT_SECONDS: Final = Histogram(
    "order_accept_seconds",
    "From an order's arrival to its answer, whatever that is, without the time that the client prefers to wait.",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

_OK: Final = frozenset({200, 202})
_INVALID: Final = frozenset({400, 413, 415, 422})
_UNAUTHORISED: Final = frozenset({401, 403})

#: Each has its series from the start: of one that appears with its first count, Prometheus sees no increase.
_REFUSALS: Final = {
    reason: REFUSED.labels(reason)
    for reason in ("invalid", "key_reused", "unauthorised", "keys_unavailable", "not_confirmed", "failed")
}


def init_app(app: Flask, port: int, gauges: Sequence[Collector]) -> None:
    """Count the application's orders, and report them on a port that it is served on.

    Args:
        app: the application.
        port: the port; no path of it leads to the application.
        gauges: what is asked when Prometheus asks.
    """
    application = _counted(app.wsgi_app)
    app.wsgi_app = _by_port(application, str(port), make_wsgi_app(_registry(gauges)))  # type: ignore[method-assign]


def _counted(application: Wsgi) -> Wsgi:
    """The application, with its orders counted: out here, where it costs least and misses nothing."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != ORDERS:
            return application(environ, start_response)
        began_at = time.perf_counter()

        def start(status: str, *others: Any) -> Any:
            ended_at = time.perf_counter()
            # Whoever prefers to wait does so once the order is accepted.
            ACCEPT_SECONDS.observe(
                (g.get("accepted_at", ended_at) if "HTTP_PREFER" in environ else ended_at) - began_at
            )
            _count(int(status[:3]))
            return start_response(status, *others)

        return application(environ, start)

    return answer


def _count(status: int) -> None:
    if status in _OK:
        ACCEPTED.inc()
    else:
        _REFUSALS[_reason(status)].inc()


def _reason(status: int) -> str:
    if status in _INVALID:
        return "key_reused" if "key_reused" in g else "invalid"
    if status in _UNAUTHORISED:
        return "unauthorised"
    if status == 503:  # noqa: PLR2004  # two parts may be away, and without the one nobody knows the caller
        return "not_confirmed" if "caller" in g else "keys_unavailable"
    return "failed"


def _registry(gauges: Sequence[Collector]) -> CollectorRegistry:
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # one process, and no gunicorn that has made a folder
        registry.register(REGISTRY)
    for collector in gauges:
        registry.register(collector)
    return registry


def _by_port(application: Wsgi, port: str, metrics: Wsgi) -> Any:
    """The application on all ports but one, where only the metrics are."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # The socket's own port, whatever a client says in its headers.
        if environ["SERVER_PORT"] != port:
            return application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *others: Any) -> Any:
            return start_response(status, [*headers, *HEADERS.items()], *others)

        return (metrics if environ["PATH_INFO"] == PATH else NotFound())(environ, start)

    return answer
