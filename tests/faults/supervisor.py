"""The supervisor of a run's processes: it starts the workers and the API, and restarts a worker that ends by itself."""

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
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.schedule import WORKER_OPTIONS, WORKERS
from tests.polling import poll
from tests.processes import Process, free_port

CHECK_INTERVAL: Final = 0.5  # seconds
MAX_STARTS: Final = 3  # of a worker: SQS may be down
STOP_TIMEOUT: Final = 45  # seconds: the longest that a task may run, and the last settlements
PROGRESS_TIMEOUT: Final = 20  # seconds until each worker has received an order

STORED: Final = "order persisted"  # a worker's log line for each order that it has stored


class Supervisor:
    """The workers, by their numbers in the schedule, and the API.

    Args:
        cluster: where they run.
        history: records what happens to them.
    """

    def __init__(self, cluster: Cluster, history: History) -> None:
        self._cluster = cluster
        self._history = history
        self._port = str(free_port())
        self._workers: dict[int, Process] = {}
        # Whoever starts or stops a worker has its lock: a fault, a deploy or the supervising thread.
        self._locks = {worker: threading.Lock() for worker in WORKERS}

    def start(self) -> Client:
        """Start all processes; returns a client of the API."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._start, WORKERS))
            return self._start_web()

    def stop(self) -> None:
        """Stop all processes gracefully."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._stop, self._workers.values()))
        self._stop(self._web)

    @contextlib.contextmanager
    def supervising(self) -> Iterator[None]:
        """Restart each worker that ends by itself, which is a violation."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._supervise, args=(stopped,), name="supervisor")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def check_progress(self) -> None:
        """Record a violation for each worker that stores none of the orders that are being sent."""
        for number, worker in self._workers.items():
            try:
                poll(
                    partial(_has_stored_more, worker, worker.output.count(STORED)),
                    PROGRESS_TIMEOUT,
                    "an order is stored",
                )
            except AssertionError:
                self._history.record_violation(f"worker {number} (process {worker.pid}) runs and stores no order")

    # Faults

    @contextlib.contextmanager
    def worker_killed(self, number: int) -> Iterator[None]:
        """Kill the worker's main process; at the end kill the processes that it left behind, and start another."""
        with self._locks[number]:
            self._workers[number].send(signal.SIGKILL)
            try:
                yield
            finally:
                self._workers[number].kill()
                self._start(number)

    @contextlib.contextmanager
    def worker_suspended(self, number: int) -> Iterator[None]:
        """Suspend the worker and its children."""
        with self._locks[number], self._cluster.suspended(self._workers[number]):
            yield

    @contextlib.contextmanager
    def child_killed(self, number: int) -> Iterator[None]:
        """Kill one of the worker's children."""
        with self._locks[number]:
            self._signal_child(number, signal.SIGKILL)
        yield

    @contextlib.contextmanager
    def child_suspended(self, number: int) -> Iterator[None]:
        """Suspend one of the worker's children."""
        with self._locks[number]:
            self._signal_child(number, signal.SIGSTOP)
            try:
                yield
            finally:
                self._signal_child(number, signal.SIGCONT)

    def deploy(self, *, new_first: bool) -> None:
        """Replace one worker after the other."""
        for number, lock in self._locks.items():
            with lock:
                old = self._workers[number]
                if new_first:
                    self._start(number)
                self._stop(old)
                if not new_first:
                    self._start(number)

    def restart_web(self) -> None:
        """Stop the API gracefully, and start it again."""
        self._stop(self._web)
        self._start_web()

    @contextlib.contextmanager
    def web_killed(self) -> Iterator[None]:
        """Kill the API, and start it again at the end."""
        self._web.kill()
        try:
            yield
        finally:
            self._start_web()

    # Starting and stopping

    def _start(self, number: int) -> None:
        for _ in range(MAX_STARTS):
            try:
                worker = self._cluster.start_worker(*WORKER_OPTIONS[number], f"--hostname=worker-{number}@%h")
            except AssertionError as error:
                self._history.record_violation(f"worker {number} does not start: {str(error).splitlines()[-1]}")
            else:
                self._workers[number] = worker
                self._history.record(f"worker {number} is process {worker.pid}")
                return
        raise AssertionError(f"worker {number} does not start: see {self._history.path}")

    def _start_web(self) -> Client:
        client = self._cluster.start_web(PORT=self._port)
        self._web = self._cluster.web
        return client

    def _stop(self, process: Process) -> None:
        process.send(signal.SIGTERM)
        try:
            if code := process.wait(STOP_TIMEOUT):
                self._history.record_violation(f"process {process.pid} ended with {code} on SIGTERM")
        except subprocess.TimeoutExpired:
            self._history.record_violation(f"process {process.pid} has not ended {STOP_TIMEOUT} s after SIGTERM")
        process.kill()

    def _supervise(self, stopped: threading.Event) -> None:
        while not stopped.wait(CHECK_INTERVAL):
            for number, lock in self._locks.items():
                if lock.acquire(blocking=False):
                    try:
                        self._restart_if_ended(number)
                    finally:
                        lock.release()

    def _restart_if_ended(self, number: int) -> None:
        worker = self._workers[number]
        if worker.returncode is not None:
            self._history.record_violation(
                f"worker {number} (process {worker.pid}) ended by itself with {worker.returncode}"
            )
            self._start(number)

    def _signal_child(self, number: int, signum: signal.Signals) -> None:
        # The child may have ended by itself just now, and so may the worker, which the supervising thread notices.
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._workers[number].pid).children()[:1]:
                child.send_signal(signum)


def _has_stored_more(worker: Process, than: int) -> bool:
    return worker.output.count(STORED) > than
