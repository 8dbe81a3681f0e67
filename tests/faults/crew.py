"""The processes of a storm, and a supervisor who starts a new one for each that ends."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import psutil

from tests.e2e.conftest import Client
from tests.faults.journal import Journal
from tests.faults.stage import Stage
from tests.faults.weather import EVERYWHERE, POOLS
from tests.polling import poll
from tests.processes import Process, free_port

LOOK_EVERY: Final = 0.5  # seconds
STARTS: Final = 3  # that a worker may need: SQS may be away
ENDING: Final = 45  # seconds: the longest that a task may run, and the last settlements
AT_WORK: Final = 20  # seconds until each worker has had an order

STORED: Final = "order persisted"  # what a worker says of one


class Crew:
    """Workers, each at its place, and the API.

    Args:
        stage: where they run.
        journal: told what happens to them.
    """

    def __init__(self, stage: Stage, journal: Journal) -> None:
        self._stage = stage
        self._journal = journal
        self._port = str(free_port())
        self._workers: dict[int, Process] = {}
        # Who has a place's lock decides on its worker: a fault, a deploy or the supervisor.
        self._places = {place: threading.Lock() for place in EVERYWHERE}

    def start(self) -> Client:
        """Start everybody; returns a client of the API."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._start, EVERYWHERE))
            return self._start_web()

    def end(self) -> None:
        """Let everybody end as they should."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._end, self._workers.values()))
        self._end(self._web)

    @contextlib.contextmanager
    def supervised(self) -> Iterator[None]:
        """Notice who ends without having been told to, and start another."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._supervise, args=(stopped,), name="supervisor")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def see_at_work(self) -> None:
        """Object to each worker that takes none of the orders that flow now."""
        for place, worker in self._workers.items():
            try:
                poll(partial(_has_stored_more, worker, worker.output.count(STORED)), AT_WORK, "an order is stored")
            except AssertionError:
                self._journal.object(f"worker {place} (process {worker.pid}) runs and stores nothing any more")

    # Faults

    @contextlib.contextmanager
    def killed(self, place: int) -> Iterator[None]:
        """The worker's main process is killed, and at the end there is another; what it leaves behind is ended, too."""
        with self._places[place]:
            self._workers[place].send(signal.SIGKILL)
            try:
                yield
            finally:
                self._workers[place].kill()
                self._start(place)

    @contextlib.contextmanager
    def suspended(self, place: int) -> Iterator[None]:
        """The worker and its children stand still."""
        with self._places[place], self._stage.frozen(self._workers[place]):
            yield

    @contextlib.contextmanager
    def child_killed(self, place: int) -> Iterator[None]:
        """One of the worker's children is killed."""
        with self._places[place]:
            self._signal_child(place, signal.SIGKILL)
        yield

    @contextlib.contextmanager
    def child_suspended(self, place: int) -> Iterator[None]:
        """One of the worker's children stands still."""
        with self._places[place]:
            self._signal_child(place, signal.SIGSTOP)
            try:
                yield
            finally:
                self._signal_child(place, signal.SIGCONT)

    def deploy(self, *, new_first: bool) -> None:
        """Replace one worker after the other."""
        for place, lock in self._places.items():
            with lock:
                old = self._workers[place]
                if new_first:
                    self._start(place)
                self._end(old)
                if not new_first:
                    self._start(place)

    def restart_web(self) -> None:
        """End the API as it should, and start it again."""
        self._end(self._web)
        self._start_web()

    @contextlib.contextmanager
    def web_killed(self) -> Iterator[None]:
        """The API is gone."""
        self._web.kill()
        try:
            yield
        finally:
            self._start_web()

    # Beginnings and ends

    def _start(self, place: int) -> None:
        for _ in range(STARTS):
            try:
                worker = self._stage.start_worker(*POOLS[place], f"--hostname=worker-{place}@%h")
            except AssertionError as error:
                self._journal.object(f"worker {place} does not start: {str(error).splitlines()[-1]}")
            else:
                self._workers[place] = worker
                self._journal.note(f"worker {place} is process {worker.pid}")
                return
        raise AssertionError(f"worker {place} does not start: see {self._journal.path}")

    def _start_web(self) -> Client:
        client = self._stage.start_web(PORT=self._port)
        self._web = self._stage.web
        return client

    def _end(self, process: Process) -> None:
        process.send(signal.SIGTERM)
        try:
            if code := process.wait(ENDING):
                self._journal.object(f"process {process.pid} ended with {code} on SIGTERM")
        except subprocess.TimeoutExpired:
            self._journal.object(f"process {process.pid} has not ended {ENDING} s after SIGTERM")
        process.kill()

    def _supervise(self, stopped: threading.Event) -> None:
        while not stopped.wait(LOOK_EVERY):
            for place, lock in self._places.items():
                if lock.acquire(blocking=False):
                    try:
                        self._look_after(place)
                    finally:
                        lock.release()

    def _look_after(self, place: int) -> None:
        worker = self._workers[place]
        if worker.returncode is not None:
            self._journal.object(f"worker {place} (process {worker.pid}) has ended by itself with {worker.returncode}")
            self._start(place)

    def _signal_child(self, place: int, signum: signal.Signals) -> None:
        # It may have ended by itself just now; so may the worker, which is for the supervisor to notice.
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._workers[place].pid).children()[:1]:
                child.send_signal(signum)


def _has_stored_more(worker: Process, than: int) -> bool:
    return worker.output.count(STORED) > than
