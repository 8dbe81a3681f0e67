"""Records of failed attempts from a worker's main process, which must not wait for a database."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def record_soon(record: Callable[..., None], *what: Any) -> None:
    """Call something on the process's recording thread, after all that was asked for before.

    What is waiting when the process ends is still done.
    """
    _thread(os.getpid()).submit(record, *what)


@functools.lru_cache
def _thread(pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqs-recorder")
