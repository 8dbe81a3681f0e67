"""gunicorn's settings file: `gunicorn -c config/gunicorn.py 'app:create_app()'`."""

import gc
import math
from typing import Any

from gunicorn.glogging import Logger

from config import logging as logs
from config.settings import boot

_settings = boot()

bind = f"{_settings.bind_host}:{_settings.port}"
workers = _settings.web_workers
#: A post waits for SQS most of its time. Threads that wait cost more to wake than an order takes.
worker_class = "gevent"
worker_connections = _settings.web_connections
#: Seconds a request in flight gets on SIGTERM; a POST needs SQS_SEND_TIMEOUT at the most.
graceful_timeout = math.ceil(_settings.sqs_send_timeout) + 5
keepalive = 5
#: It would be one file per user, and two services on a host would share it.
control_socket_disable = True


class _Logger(Logger):
    """Makes gunicorn's own lines look like all others. It need not tell requests: the application does."""

    def setup(self, cfg: Any) -> None:
        """Leave everything to the root logger, where gunicorn would add handlers of its own."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        logs.configure(_settings.log_level, _settings.log_format)


logger_class = _Logger


def post_worker_init(worker: object) -> None:
    """Keep what was loaded at the start out of every garbage collection: boto3's models alone are large."""
    gc.collect()
    gc.freeze()
