"""ministack, which deletes what is older than its queue's retention, as SQS does, whoever has received it.

`python -m tests.retaining` runs it. It logs a line for each message that it deletes.
"""

import logging
import time
from typing import Any

from ministack import app
from ministack.services import sqs

from tests.emulator import DELETED

logger = logging.getLogger(__name__)

_get = sqs._get_q


def _young(url: str) -> Any:
    """A queue without what is too old; each of the emulator's actions begins with this."""
    queue = _get(url)
    oldest = time.time() - int(queue["attributes"]["MessageRetentionPeriod"])
    for message in [each for each in queue["messages"] if each["sent_at"] < oldest]:
        queue["messages"].remove(message)
        logger.warning("%s: %s, received %d times", DELETED, message["id"], message["receive_count"])
    return queue


if __name__ == "__main__":
    sqs._get_q = _young
    app.main()
