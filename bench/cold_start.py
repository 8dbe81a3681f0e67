"""Cold starts: the time until a worker has stored a first order, and until the web server has accepted one."""

import http.client
import time
from typing import Any, Final

from bench.contenders import Contender
from bench.drain import MS, START_TIMEOUT
from bench.intake import served, token
from bench.load import ORDER
from bench.prefill import prefill
from bench.testbed import Testbed, running
from tests.mariadb import rows
from tests.polling import poll

_ACCEPTED: Final = 202


def cold_worker(testbed: Testbed, contender: Contender, round_trip: int) -> dict[str, Any]:
    """The time from the start of the process to the row of an order that was in the queue."""
    with testbed.backend(round_trip / MS) as backend:
        prefill(testbed, backend.queues, contender.make_message, 1)
        environment = backend.environment() | contender.settings
        begin = time.monotonic()
        with running(list(contender.command), backend, "worker", environment):
            poll(lambda: rows(backend.database_url, "SELECT 1 FROM orders"), START_TIMEOUT, "the first row is there")
            return {"seconds": time.monotonic() - begin}


def cold_web(testbed: Testbed, application: str, round_trip: int) -> dict[str, Any]:
    """The time from the start of gunicorn to the first 202."""
    with testbed.backend(round_trip / MS) as backend:
        begin = time.monotonic()
        with served(backend, application) as (_, port):
            poll(lambda: _accepts(port), START_TIMEOUT, "the first order is accepted")
            return {"seconds": time.monotonic() - begin}


def _accepts(port: int) -> bool:
    """Post an order; returns whether it was accepted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/v1/orders", ORDER, headers)
        return connection.getresponse().status == _ACCEPTED
    except ConnectionError:  # the port is not open yet
        return False
    finally:
        connection.close()
