"""The SQS emulator of `make up`: ministack on loopback, with nothing but SQS, keeping its queues on disk."""

import logging
import os
import runpy
import signal
import threading
import time
from pathlib import Path
from typing import Final

from hypercorn.config import Config

from dev.local import LOOPBACK

#: Seconds that the worker has to release its messages. honcho kills what still runs 5 seconds after the first
#: process has ended, and by then the queues must be on disk.
WORKER_GRACE: Final = 3.0

#: Seconds that open requests have then. A worker that has ended leaves a long poll open, and each stop
#: would wait for it.
REQUEST_GRACE: Final = 0.5

_PAUSE: Final = 0.05  # seconds


def main() -> None:
    """Run it until SIGTERM; only then does it write its queues to disk."""
    os.environ |= {
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": os.environ["DEV_SQS_PORT"],
        "PERSIST_STATE": "1",
        "STATE_DIR": str(Path(os.environ["DEV_STATE"], "ministack")),
        "LOG_LEVEL": "WARNING",
        "SERVICES": "sqs",
        # BIND_HOST does not hold for these two: they would listen on every interface.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    Config.graceful_timeout = REQUEST_GRACE
    logging.getLogger("asyncio").addFilter(_is_no_cut_connection)
    # honcho ends all processes at once; the emulator takes SIGTERM later, in the form of SIGINT.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_after_the_worker, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)


def _end_after_the_worker() -> None:
    signal.sigwait({signal.SIGTERM})
    deadline = time.monotonic() + WORKER_GRACE
    while _worker_runs() and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    os.kill(os.getpid(), signal.SIGINT)


def _worker_runs() -> bool:
    try:
        os.kill(int(Path(os.environ["DEV_WORKER_STARTED"]).read_text()), 0)
    except (OSError, ValueError):  # it has ended, or never started
        return False
    return True


def _is_no_cut_connection(record: logging.LogRecord) -> bool:
    """Python 3.11 logs a traceback for each connection that is still open after the grace."""
    return not record.getMessage().startswith("Exception in callback StreamReaderProtocol.connection_made")


if __name__ == "__main__":
    main()
