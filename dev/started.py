"""Tell that the worker has started: `celery worker --include dev.started` writes $DEV_WORKER_STARTED.

Nothing outside a worker can see whether it consumes, and the text of its logs depends on LOG_LEVEL.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_ready


@worker_ready.connect
def tell(**_: Any) -> None:
    """Write the process id into the file that `dev.ready` waits for, and that `dev.sqs` outlives."""
    Path(os.environ["DEV_WORKER_STARTED"]).write_text(str(os.getpid()))
