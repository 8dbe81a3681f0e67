"""Write a file once the worker consumes: `celery worker --include dev.worker_ready` writes $DEV_WORKER_STARTED.

Nothing outside a worker can see whether it consumes, and its log lines depend on LOG_LEVEL.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready


@worker_ready.connect
def write_process_id(**_: Any) -> None:
    """Write the process id: `dev.banner` waits for the file, and `dev.sqs` for the end of that process."""
    Path(os.environ["DEV_WORKER_STARTED"]).write_text(str(os.getpid()))
