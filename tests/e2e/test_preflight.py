"""A worker says what its queues' numbers mean, and does not start on queues that contradict its own."""

import os

import pytest

from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.polling import poll
from tests.processes import BIN, Process


@pytest.fixture
def run_worker(environment, tmp_path):
    """A function that runs a worker, whether it starts or not."""
    started = []

    def run(**changes):
        command = [BIN / "celery", "-A", "tasks", "worker", "-c", "1"]
        started.append(Process(command, tmp_path / "worker.log", environment | {"PREFLIGHT": "refuse"} | changes))
        return started[-1]

    yield run
    for process in started:
        process.kill()


def test_a_worker_does_not_start_on_a_queue_that_hides_messages_for_too_short(run_worker, queues):
    worker = run_worker()
    poll(lambda: worker.returncode is not None, 20, "the worker has ended")
    assert worker.returncode == os.EX_CONFIG
    assert "VisibilityTimeout 2 s, which is not longer than a task may run, 20 s" in worker.output
    assert "Traceback" not in worker.output


def test_it_starts_all_the_same_when_it_is_only_to_warn(run_worker):
    worker = run_worker(PREFLIGHT="warn")
    poll(lambda: worker.says("ready."), 20, "the worker is ready")
    assert worker.says("VisibilityTimeout 2 s, which is not longer than a task may run, 20 s")


class TestWithTheHousesNumbers:
    @pytest.fixture
    def queues(self, emulator):
        both = Queues.fresh(emulator, ORDER_QUEUE.visibility_timeout)
        yield both
        both.delete()

    def test_a_worker_starts_and_says_what_they_mean(self, run_worker):
        worker = run_worker()
        poll(lambda: worker.says("ready."), 20, "the worker is ready")
        assert worker.says("3 attempts (maxReceiveCount), with pauses of up to 1 s, 2 s")


def test_a_worker_starts_and_waits_while_sqs_is_away(run_worker):
    worker = run_worker(SQS_ENDPOINT="http://127.0.0.1:1")
    poll(lambda: worker.says("cannot receive"), 20, "the worker tries to receive")
    assert worker.says("no preflight: GetQueueAttributes ")
    assert worker.returncode is None
