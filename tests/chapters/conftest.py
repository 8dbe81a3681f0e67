"""The worker of the project, for all chapters."""

import json

import pytest
from celery import _state

from config.queues import ORDER_QUEUE
from tests.chapters import proj
from tests.emulator import Queues
from tests.polling import poll
from tests.processes import BIN, Process

VISIBILITY_TIMEOUT = 30  # seconds, as in production
WAIT = 40  # seconds for an outcome


def got(result, **how):
    """What a call has come to, looked for more often than Celery does by itself."""
    return result.get(timeout=WAIT, interval=0.05, **how)


class Project:
    """The running project.

    Attributes:
        app: its app.
        attempts: how often a message is tried.
        queues: its main queue, and that one's DLQ.
        worker: its process.
    """

    def __init__(self, folder, emulator):
        self.app, self.attempts = proj.app, ORDER_QUEUE.max_receive_count
        self.queues, self._low = Queues.fresh(emulator, VISIBILITY_TIMEOUT), Queues.fresh(emulator, VISIBILITY_TIMEOUT)
        self._folder = folder
        where = {proj.ENDPOINT: emulator.url, proj.QUEUE_URL: self.queues.url, proj.LOW_URL: self._low.url}
        proj.configure(folder, *where.values())
        command = [BIN / "celery", "-A", "tests.chapters.proj", "worker", "-c", "2", "-l", "INFO"]
        command += ["-Q", f"celery,{proj.LOW}"]
        self.worker = Process(command, folder / "worker.log", {proj.FOLDER: str(folder), **where})
        poll(lambda: self.worker.says("ready."), 30, "the worker is ready")

    def notes(self, event, task_id=None):
        """What tasks have noted of an event."""
        path = self._folder / "notes"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
        return [line for line in lines if line["event"] == event and task_id in {None, line["id"]}]

    def noted(self, event, result, times=1):
        """Wait until a call has noted an event so often; returns the notes."""
        poll(lambda: len(self.notes(event, result.id)) >= times, WAIT, f"{event} is noted {times} times")
        found = self.notes(event, result.id)
        assert len(found) == times
        return found

    def is_dead(self, result):
        dead = self.queues.peek(self.queues.dlq_url)
        return result.id in {message["MessageAttributes"]["celery_id"]["StringValue"] for message in dead}

    def close(self):
        self.worker.kill()
        self.app.close()
        self.queues.delete()
        self._low.delete()


@pytest.fixture(scope="session")
def project(emulator, tmp_path_factory):
    running = Project(tmp_path_factory.mktemp("project"), emulator)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _is_current(project):
    """Have the app be Celery's current one, as it is in a process that has no other."""
    before = _state._tls.current_app
    project.app.set_current()
    yield
    _state._tls.current_app = before


@pytest.fixture(autouse=True)
def _nothing_is_left(project):
    yield
    poll(lambda: not project.queues.waiting(), WAIT, "every message is deleted or dead")
    project.queues.sqs.purge_queue(QueueUrl=project.queues.dlq_url)
