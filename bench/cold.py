"""Cold starts: how long after its start a worker has written a first order, and the web has accepted one."""

import http.client
import time
from typing import Any, Final

from bench.contenders import Contender
from bench.drain import MS, START_TIMEOUT
from bench.filling import fill
from bench.intake import served, token
from bench.load import ORDER
from bench.rig import Rig, running
from tests.mariadb import rows
from tests.polling import poll

_ACCEPTED: Final = 202


def cold_worker(rig: Rig, contender: Contender, round_trip: int) -> dict[str, Any]:
    """From the start of the process to the row of an order that was waiting."""
    with rig.line(round_trip / MS) as line:
        fill(rig, line.queues, contender.form, 1)
        environment = line.environment() | contender.settings
        begin = time.monotonic()
        with running(list(contender.command), line, "worker", environment):
            poll(lambda: rows(line.database_url, "SELECT 1 FROM orders"), START_TIMEOUT, "the first row is there")
            return {"seconds": time.monotonic() - begin}


def cold_web(rig: Rig, application: str, round_trip: int) -> dict[str, Any]:
    """From the start of gunicorn to the first 202."""
    with rig.line(round_trip / MS) as line:
        begin = time.monotonic()
        with served(line, application) as (_, port):
            poll(lambda: _accepts(port), START_TIMEOUT, "the first order is accepted")
            return {"seconds": time.monotonic() - begin}


def _accepts(port: int) -> bool:
    """Post an order."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/v1/orders", ORDER, headers)
        return connection.getresponse().status == _ACCEPTED
    except ConnectionError:  # nobody listens yet
        return False
    finally:
        connection.close()
