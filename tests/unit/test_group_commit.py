"""No entry of a group commit waits for a call that hangs while a thread is idle."""

import threading

import pytest

from celery_sqs.aws.group_commit import MAX_BATCH_BYTES, GroupCommit, Limits
from tests.polling import poll

THREADS = 4
SOON = 2  # seconds, several times what an entry waits for a batch that is under way


class HangingCalls:
    """What sends batches: so many calls hang until the end of the test."""

    def __init__(self, hanging):
        self._left = hanging
        self._lock = threading.Lock()
        self.sent = []
        self.end = threading.Event()

    def __call__(self, batch):
        with self._lock:
            hangs, self._left = self._left > 0, self._left - 1
        if hangs:
            self.end.wait(10)
        else:
            self.sent.extend(batch)


@pytest.mark.parametrize(("entries", "size", "hanging", "batch"), [(25, 1, 2, 10), (3, MAX_BATCH_BYTES, 1, 1)])
def test_what_a_full_batch_leaves_behind_is_sent_beside_calls_that_hang(entries, size, hanging, batch):
    calls = HangingCalls(hanging)
    commits = GroupCommit("sqs-test", calls, lambda entry: size, Limits(linger=0, concurrency=THREADS, capacity=100))
    commits.add_all([])  # starts the threads
    poll(lambda: len(commits._changed._waiters) == THREADS, SOON, "all threads are idle")

    commits.add_all(range(entries))

    poll(lambda: len(calls.sent) == entries - hanging * batch, SOON, "the rest is sent")
    calls.end.set()
    commits.close(SOON)
