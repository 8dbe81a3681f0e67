"""gunicorn's settings file: `gunicorn -c config/gunicorn.py 'app:create_app()'`."""

import math
from typing import Any

from config import logging as logs
from config.settings import boot

_settings = boot()

bind = f"{_settings.bind_host}:{_settings.port}"
workers = _settings.web_workers
worker_class = "gthread"
threads = _settings.web_threads
#: Seconds a request in flight gets on SIGTERM; a POST needs SQS_SEND_TIMEOUT at the most.
graceful_timeout = math.ceil(_settings.sqs_send_timeout) + 5
keepalive = 5
#: It would be one file per user, and two services on a host would share it.
control_socket_disable = True
#: The logs' own formatter replaces gunicorn's.
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"gunicorn.error": {"propagate": True}, "gunicorn.access": {"propagate": False}},
}


def on_starting(server: object) -> None:
    """Make gunicorn's own lines look like all others."""
    logs.configure(_settings.log_level, _settings.log_format)
