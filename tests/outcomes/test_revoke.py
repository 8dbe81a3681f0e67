"""Celery's `revoke` with real workers in each pool: what is revoked and has not begun is not run, by anybody."""

import json
import os
import subprocess

import pytest
import requests
from celery import states
from celery.exceptions import TaskRevokedError
from sqlalchemy import create_engine

from celery_sqs.monitor import EventReader, metadata
from celery_sqs.monitor.control import NotDone
from tests.emulator import Queues
from tests.outcomes import revoked_app
from tests.polling import poll
from tests.processes import BIN, ROOT, Process, free_port

VISIBILITY_TIMEOUT = 90  # seconds; longer than a task may run
WAIT = 20  # seconds for an outcome


class Place:
    """A queue, a monitor, and perhaps a worker."""

    def __init__(self, folder, emulator):
        self.queues, self._folder, self._worker = Queues.fresh(emulator, VISIBILITY_TIMEOUT), folder, None
        self.app = revoked_app.make_app(folder, emulator.url, self.queues.url)
        self.engine = create_engine(self.app.conf.sqs_monitor_database)
        metadata.create_all(self.engine)
        self._where = {
            revoked_app.FOLDER: str(folder),
            revoked_app.ENDPOINT: emulator.url,
            revoked_app.QUEUE_URL: self.queues.url,
        }

    def start_worker(self, pool="prefork"):
        command = [BIN / "celery", "-A", "tests.outcomes.revoked_app", "worker", "-P", pool, "-c", "1", "-l", "INFO"]
        self._worker = Process(command, self._folder / "worker.log", self._where)
        poll(lambda: self._worker.says("ready."), 30, "the worker is ready")
        poll(lambda: EventReader(self.engine).workers(), 10, "the worker is on record")

    def stop_worker(self):
        self._worker.stop()

    def log(self):
        return self._worker.output

    def call(self, name, waits=False, **options):
        """With `waits` it runs until the test releases it."""
        return self.app.tasks[name].apply_async((waits,), **options)

    def notes(self, event):
        path = self._folder / "notes"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
        return [task_id for noted, task_id in lines if noted == event]

    def occupy(self, name="hold"):
        """Have the only process, or thread, busy until `release`."""
        running = self.call(name, waits=True)
        poll(lambda: running.id in self.notes("run"), WAIT, "it runs")
        return running

    def release(self):
        (self._folder / revoked_app.RELEASED).touch()

    def start_flower(self):
        """Returns its process and its address."""
        config = self._folder / "flowerconfig.py"
        config.write_text("from celery_sqs.monitor.flower import install\n\ninstall()\nenable_events = False\n")
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [BIN / "celery", "-A", "tests.outcomes.revoked_app", "flower", f"--conf={config}", f"--port={port}"]
        where = {**self._where, "FLOWER_UNAUTHENTICATED_API": "true"}
        flower = Process(command, self._folder / "flower.log", where)
        poll(lambda: flower.says("Visit me at"), 30, "Flower answers")
        return flower, url

    def celery(self, *arguments):
        command = [BIN / "celery", "-A", "tests.outcomes.revoked_app", *arguments]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self._where}
        return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)

    def is_revoked(self, result):
        """It is REVOKED to who waits, to signals and in the monitor, its message is gone, and it never ran."""
        with pytest.raises(TaskRevokedError):
            result.get(timeout=WAIT)
        poll(lambda: result.id in self.notes("task_revoked"), WAIT, "the signal has come")
        poll(lambda: not self.queues.waiting(), WAIT, "its message is deleted")
        reader = EventReader(self.engine)
        poll(lambda: getattr(reader.task(result.id), "state", None) == states.REVOKED, WAIT, "the monitor knows")
        assert not self.queues.peek(self.queues.dlq_url)
        return reader.task(result.id)

    def close(self):
        if self._worker is not None:
            self._worker.kill()
        self.app.close()
        self.engine.dispose()
        self.queues.delete()


@pytest.fixture
def place(emulator, tmp_path):
    place = Place(tmp_path, emulator)
    yield place
    place.close()


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
@pytest.mark.long
def test_a_call_that_waits_for_another_is_not_run(place, pool):
    place.start_worker(pool)
    running, waiting = place.occupy(), place.call("hold")
    waiting.revoke()
    place.release()
    row = place.is_revoked(waiting)
    assert waiting.id not in place.notes("run")
    assert row.error.startswith("revoked by ")
    assert running.get(timeout=WAIT) == "held"


@pytest.mark.long
def test_a_call_of_a_batch_task_is_not_run_and_its_neighbour_is(place):
    place.start_worker()
    place.occupy("gather")
    revoked, other = place.call("gather"), place.call("gather")
    revoked.revoke()
    place.release()
    place.is_revoked(revoked)
    assert revoked.id not in place.notes("run")
    poll(lambda: other.id in place.notes("run"), WAIT, "the other one runs")


@pytest.mark.long
def test_calls_that_are_revoked_while_no_worker_runs_are_not_run_by_one_that_starts(place):
    calls = [place.call("hold"), place.call("gather"), place.call("hold", countdown=4)]
    stamped = place.app.tasks["hold"].s(False)
    stamped.stamp(customer="7")
    calls.append(stamped.apply_async())
    place.app.control.revoke([call.id for call in calls[:3]])
    place.app.control.revoke_by_stamped_headers({"customer": ["7"]})
    place.start_worker()
    for call in calls:
        place.is_revoked(call)
    assert place.notes("run") == []
    [known] = place.app.control.inspect(timeout=10).revoked().values()
    assert {call.id for call in calls[:3]} <= set(known)


@pytest.mark.long
def test_what_runs_goes_on(place):
    place.start_worker()
    running = place.occupy()
    running.revoke()
    place.release()
    assert running.get(timeout=WAIT) == "held"
    assert place.notes("task_revoked") == []


def test_what_runs_is_ended_by_terminate_and_does_not_run_again(place):
    place.start_worker()
    running = place.occupy()
    running.revoke(terminate=True)
    place.is_revoked(running)
    other = place.call("hold")
    assert other.get(timeout=WAIT) == "held"
    assert place.notes("run") == [running.id, other.id]


def test_a_batch_is_not_ended_for_one_of_its_calls_and_who_asks_is_told(place):
    place.start_worker()
    running = place.occupy("gather")
    with pytest.raises(NotDone, match="it runs in a batch with other calls"):
        running.revoke(terminate=True)
    place.release()
    poll(lambda: not place.queues.waiting(), WAIT, "it is done")
    assert place.notes("task_revoked") == []


@pytest.mark.long
def test_the_command_line_revokes(place):
    place.start_worker()
    place.occupy()
    waiting = place.call("hold")
    revoked = place.celery("control", "revoke", waiting.id)
    assert (revoked.returncode, revoked.stderr) == (0, "")
    assert "flagged as revoked" in revoked.stdout
    place.release()
    place.is_revoked(waiting)


@pytest.mark.long
def test_flowers_button_revokes(place):
    place.start_worker()
    place.occupy()
    waiting = place.call("hold")
    flower, url = place.start_flower()
    try:
        assert requests.post(f"{url}/api/task/revoke/{waiting.id}", timeout=15).ok
    finally:
        flower.kill()
    place.release()
    place.is_revoked(waiting)
