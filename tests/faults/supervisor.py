"""The supervisor of a run's processes: it starts the workers and the API, and restarts a worker that ends by itself."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psutil

from tests.e2e.conftest import Client
from tests.faults.cluster import Cluster
from tests.faults.history import History
from tests.faults.kinds import WORKER_OPTIONS
from tests.faults.stderr_pipe import PipedProcess
from tests.polling import poll
from tests.processes import Process, free_port, listens

CHECK_INTERVAL: Final = 0.5  # seconds
MAX_STARTS: Final = 3  # of a worker: SQS may be down
STOP_TIMEOUT: Final = 45  # seconds: the longest that a task may run, and the last settlements
PROGRESS_TIMEOUT: Final = 20  # seconds until each worker has received an order

ROLLS: Final = 3  # deploys in one outage
OUTAGE_STOP_TIMEOUT: Final = 20  # seconds: 10, and what is under way when the outage begins

#: Seconds in which a worker whose stderr nobody reads has to end by itself.
STUCK_TIMEOUT: Final = 200

#: Predicted ends of workers.
KILLED_BY_ORDER: Final = -signal.SIGKILL
ENDED_AS_STUCK: Final = os.EX_SOFTWARE

STORED: Final = "order persisted"  # a worker's log line for each order that it has stored


class Supervisor:
    """The workers, by their numbers in the schedule, and the API.

    Args:
        cluster: where they run.
        history: records what happens to them.
        options: the command line options of each worker.
    """

    def __init__(self, cluster: Cluster, history: History, options: Sequence[Sequence[str]] = WORKER_OPTIONS) -> None:
        self._cluster = cluster
        self._history = history
        self._options = options
        self._port = str(free_port())
        self._web: Process | None = None
        self._workers: dict[int, PipedProcess] = {}
        self._predicted_ends: set[int] = set()
        # Whoever starts or stops a worker has its lock: a fault, a deploy or the supervising thread.
        self._locks = {number: threading.Lock() for number in range(len(options))}

    def start(self) -> Client:
        """Start all processes; returns a client of the API."""
        self.start_workers()
        return self._start_web()

    def start_workers(self) -> None:
        """Start the workers alone."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._start, self._locks))

    def stop(self) -> None:
        """Stop all processes gracefully."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self._stop, self._workers.values()))
        if self._web is not None:
            self._stop(self._web)

    @contextlib.contextmanager
    def supervising(self) -> Iterator[None]:
        """Restart each worker that ends by itself, which is a violation unless it was predicted."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._supervise, args=(stopped,), name="supervisor")
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def predict_end(self, code: int) -> None:
        """From now on a worker may end by itself with this code."""
        self._predicted_ends.add(code)

    def check_progress(self) -> None:
        """Record a violation for each worker that stores none of the orders that are being sent."""
        before = {worker.pid: worker.output.count(STORED) for worker in self._workers.values()}
        for number in self._workers:
            try:
                poll(lambda: self._has_stored_more(number, before), PROGRESS_TIMEOUT, "an order is stored")  # noqa: B023
            except AssertionError:
                pid = self._workers[number].pid
                self._history.record_violation(f"worker {number} (process {pid}) runs and stores no order")

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

    def roll(self, signum: signal.Signals) -> None:
        """Replace all workers in turn, three times, by SIGTERM or SIGKILL."""
        for _ in range(ROLLS):
            for number, lock in self._locks.items():
                with lock:
                    if signum == signal.SIGTERM:
                        self._stop(self._workers[number], OUTAGE_STOP_TIMEOUT)
                    self._workers[number].kill()
                    self._start(number)
                self._history.count(f"workers replaced by {signum.name}")

    @contextlib.contextmanager
    def stderr_stuck(self, number: int) -> Iterator[None]:
        """Read a worker's stderr no more. It has to end by itself, and gets another one then."""
        with self._locks[number]:
            self.predict_end(ENDED_AS_STUCK)
            worker = self._workers[number]
        with worker.stuck():
            try:
                poll(lambda: worker.returncode is not None, STUCK_TIMEOUT, "the worker ends")
                self._history.count("stuck workers that ended")
            except AssertionError:
                self._history.record_violation(f"worker {number} runs on though nobody reads its stderr")
            yield

    def restart_web(self) -> None:
        """Stop the API gracefully, and start it again."""
        self.stop_web()
        self._start_web()

    def stop_web(self) -> None:
        """Stop the API gracefully."""
        assert self._web is not None
        self._stop(self._web)

    @contextlib.contextmanager
    def booting_web(self) -> Iterator[Client]:
        """Start the API, which listens when the block begins, and has booted at its end."""
        with ThreadPoolExecutor(1) as thread:
            started = thread.submit(self._start_web)
            poll(lambda: listens(int(self._port)) or started.done(), 60, "the API listens")
            yield self._cluster.client(self._port)
            started.result()

    @contextlib.contextmanager
    def web_killed(self) -> Iterator[None]:
        """Kill the API, and start it again at the end."""
        assert self._web is not None
        self._web.kill()
        try:
            yield
        finally:
            self._start_web()

    # Starting and stopping

    def _start(self, number: int) -> None:
        """Start a worker. An order may kill it at once, which costs no start."""
        starts = 0
        while starts < MAX_STARTS:
            try:
                options = (*self._options[number], f"--hostname=worker-{number}@%h")
                worker = self._cluster.start_worker(*options, kind=PipedProcess)
            except AssertionError as error:
                killed = str(error).startswith(f"ended with {KILLED_BY_ORDER}:")
                if killed and KILLED_BY_ORDER in self._predicted_ends:
                    continue
                starts += 1
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

    def _stop(self, process: Process, timeout: float = STOP_TIMEOUT) -> None:
        process.send(signal.SIGTERM)
        try:
            if (code := process.wait(timeout)) and code not in self._predicted_ends:
                self._history.record_violation(f"process {process.pid} ended with {code} on SIGTERM")
        except subprocess.TimeoutExpired:
            # Who supervises a worker kills it then. One that cannot write its last line is predicted not to end.
            if not (isinstance(process, PipedProcess) and process.is_stuck):
                self._history.record_violation(f"process {process.pid} has not ended {timeout} s after SIGTERM")
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
        if worker.returncode is None:
            return
        event = f"worker {number} (process {worker.pid}) ended by itself with {worker.returncode}"
        if worker.returncode in self._predicted_ends:
            self._history.record(event)
            self._history.count(f"workers ended with {worker.returncode}")
        else:
            self._history.record_violation(event)
        worker.kill()
        try:
            self._start(number)
        except AssertionError as error:  # it is tried again at the next look
            self._history.record_violation(str(error))

    def _has_stored_more(self, number: int, before: dict[int, int]) -> bool:
        """Whether a worker, or another one in its place, has stored orders since."""
        worker = self._workers[number]
        return worker.output.count(STORED) > before.get(worker.pid, 0)

    def _signal_child(self, number: int, signum: signal.Signals) -> None:
        # The child may have ended by itself just now, and so may the worker, which the supervising thread notices.
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._workers[number].pid).children()[:1]:
                child.send_signal(signum)
