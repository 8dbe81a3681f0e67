"""gunicorn's settings file: `gunicorn -c config/gunicorn.py 'app:create_app()'`."""

import gc
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from config import logging as logs
from config.settings import boot

_settings = boot()

_host = f"[{_settings.bind_host}]" if ":" in _settings.bind_host else _settings.bind_host  # an IPv6 address
bind = [f"{_host}:{_settings.port}"]
workers = _settings.web_workers
#: A POST waits for SQS most of its time, and to wake a thread costs more than an order takes.
worker_class = "config.web_worker.Worker"
#: Not by the kernel: a client that does not read would not be noticed.
sendfile = False
worker_connections = _settings.web_connections
#: Seconds a request in flight gets on SIGTERM; a POST needs SQS_SEND_TIMEOUT at the most.
graceful_timeout = math.ceil(_settings.sqs_send_timeout) + 5
keepalive = 5
#: gunicorn takes SCRIPT_NAME and PATH_INFO from a proxy on this host as headers, and so from any client of it: none of
#: them is ours, and a client's would be the address of another page, or of none.
forwarder_headers = ""
#: The socket is one file per user, which two services on a host would share.
control_socket_disable = True

_WORKBENCH = "celery-sqs-workbench"  # the name of its parts among Flask's extensions
_WAITS = "order-intake-waits"  # its name in app/following/waits.py
_SCAN_ENDS_WITHIN = 3  # seconds


class _Logger(Logger):
    """Gives gunicorn's own lines the form of all others. It logs no requests: the application does."""

    def setup(self, cfg: Any) -> None:
        """Leave everything to the root logger, where gunicorn would add handlers of its own."""
        _require_no_preload(cfg)  # here, as gunicorn loads the application next, before any of its hooks
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        logs.configure(_settings.log_level, _settings.log_format)


logger_class = _Logger


def _require_no_preload(cfg: Any) -> None:
    """Refuse `--preload`, with which every POST would fail.

    The application would be loaded before gevent replaces `ssl`, and before the folder of its metrics is there.
    """
    if cfg.preload_app:
        sys.stderr.write("gunicorn: --preload is not supported, leave it out: each process loads the application\n")
        sys.exit(os.EX_CONFIG)


#: Where the processes keep their metrics, so that any of them can export the metrics of all: one folder per
#: master, which a reload keeps.
#: https://prometheus.github.io/client_python/multiprocess/
_metrics_folder = Path(tempfile.gettempdir(), f"order-intake-metrics-{os.getpid()}")

if _settings.metrics_port:
    bind.append(f"{_host}:{_settings.metrics_port}")
    # prometheus_client looks for it when it is imported, which only the workers do.
    raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics_folder}"]


def on_starting(server: object) -> None:
    """Create the folder, empty: an earlier process with the same id may have left one."""
    if _settings.metrics_port:
        shutil.rmtree(_metrics_folder, ignore_errors=True)
        _metrics_folder.mkdir(mode=0o700)


def on_exit(server: object) -> None:
    """Remove the folder."""
    shutil.rmtree(_metrics_folder, ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Keep what was loaded at the start out of every garbage collection: boto3's models alone are large.

    And start the workbench's scans of the DLQ, if it has any: not before the fork, which threads do not live through.
    On SIGTERM a process is no longer alive, and then those that wait for orders are answered.
    """
    gc.collect()
    gc.freeze()
    waits = _extension(worker, _WAITS)
    if waits is not None:
        waits.drain_when(lambda: not worker.alive)
    schedule = _schedule(worker)
    if schedule is not None:
        schedule.start()


def worker_exit(server: object, worker: Any) -> None:
    """Let a scan end, which would hide messages of the DLQ from others for a while."""
    schedule = _schedule(worker)
    if schedule is not None:
        schedule.stop(_SCAN_ENDS_WITHIN)


def _schedule(worker: Any) -> Any:
    """The workbench's schedule; None without one."""
    return getattr(_extension(worker, _WORKBENCH), "schedule", None)


def _extension(worker: Any, name: str) -> Any:
    """A part of the application; None without one, or where the application could not be loaded."""
    return getattr(worker.wsgi, "extensions", {}).get(name)
