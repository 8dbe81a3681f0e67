"""Web and worker on an IPv6 address."""

import pytest
import requests

from tests.polling import poll
from tests.processes import BIN, Process, free_port


@pytest.mark.long
def test_web_its_metrics_and_the_worker_listen_on_an_ipv6_address(environment, start_worker, tmp_path):
    environment |= {
        "BIND_HOST": "::1",
        "METRICS_PORT": str(free_port()),
        "WORKER_HEALTH_PORT": str(free_port()),
    }
    web = Process([BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"], tmp_path / "web.log", environment)
    try:
        poll(lambda: web.says("Listening at: http://[::1]:"), 30, "web listens")
        start_worker("-c", "1")
        for port, path in (("PORT", "healthz"), ("METRICS_PORT", "metrics"), ("WORKER_HEALTH_PORT", "metrics")):
            assert requests.get(f"http://[::1]:{environment[port]}/{path}", timeout=15).ok, port
    finally:
        web.kill()
