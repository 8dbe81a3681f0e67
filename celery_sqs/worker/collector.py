"""Collecting calls into batches, in the worker's main process.

A batch starts when none runs; what arrives meanwhile becomes the next one. So a lone call starts at once, and under
load the batches grow by themselves. Beside one that runs, the pool's other processes get batches that are full, or
have waited long enough.
"""

import collections
import functools
import logging
from collections.abc import Callable
from typing import Any, Final

from celery import bootsteps, signals
from celery.worker import state

from celery_sqs import system
from celery_sqs.metrics import BATCH_SIZE
from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.decision import Kind, RetryDecision, is_last, unwrapped
from celery_sqs.worker.request import SQSRequest, is_revoked
from celery_sqs.worker.settling import settle_done

logger = logging.getLogger(__name__)

#: Seconds that calls wait for others, at the most, while a batch runs. Started at once, in whichever process is free,
#: batches would be half as large, and each costs a transaction.
LINGER: Final = 0.05

#: Options of a task of celery-batches, and what there is in their place.
_OF_CELERY_BATCHES: Final = {
    "flush_every": "set batch_size",
    "flush_interval": "remove it, a batch waits for no more than one that runs",
}


class Collector:
    """Collects the calls of one task in the worker's main process and hands batches to the pool.

    Args:
        task: the task.
        consumer: Celery's consumer, for its pool and its state.
    """

    def __init__(self, task: BatchTask, consumer: Any) -> None:
        self._task = task
        self._consumer = consumer
        self._waiting: collections.deque[SQSRequest] = collections.deque()
        self._apart: collections.deque[list[SQSRequest]] = collections.deque()  # batches that are made already
        self._running = 0
        self._planned = False
        self._waiting_since = 0.0
        self._timer: Any = None
        self._beside: set[SQSRequest] = set()
        self._room_beside = _room_beside(task, consumer)

    def add(self, request: SQSRequest) -> None:
        """Take a call along with the next batch; on the hub."""
        state.task_reserved(request)
        if len(self._beside) < self._room_beside:
            self._beside.add(request)
            self._consumer.qos.increment_eventually()
        if not self._waiting:
            self._waiting_since = system.time.monotonic()
        if request.is_alone:
            self._apart.append([request])
        elif self._is_last(request):
            self._waiting.appendleft(request)
        else:
            self._waiting.append(request)
        self.plan()

    @property
    def _may_begin(self) -> bool:
        """Whether calls may go on that have not been put apart: not while a suspect runs, or waits to run alone.

        In an outage they go on to be parked.
        """
        channel = self._waiting[0].message.channel
        return bool(channel.is_waiting or not channel.ready.is_exclusive)

    def plan(self) -> None:
        """Start batches once everything that has arrived together is collected."""
        if not self._planned:
            self._planned = True
            self._consumer.hub.call_soon(self._start)

    def _start(self) -> None:
        self._planned = False
        self._take_back_paused()
        # What is not started when the worker stops is released with all else that is in flight.
        while self._is_open() and self._is_due() and self._running < self._consumer.pool.num_processes:
            batch = [each for each in self._next() if not self._drop_if_lost(each) and not self._is_revoked(each)]
            if self._consumer.task_consumer.channel.is_waiting:
                self._park(batch)
            elif batch:
                self._submit(batch)

    def _is_due(self) -> bool:
        """Whether to start a batch, given a free process; if not yet, it is looked at again in time."""
        if self._apart:
            return True
        if not self._waiting or not self._may_begin:
            return False
        if not self._running or len(self._waiting) >= self._task.batch_size or self._is_last(self._waiting[0]):
            return True
        left = self._waiting_since + LINGER - system.time.monotonic()
        if left > 0 and self._timer is None:
            self._timer = self._consumer.timer.call_after(left, self._look_again)
        return left <= 0

    def _look_again(self) -> None:
        self._timer = None
        self._start()

    def _drop_if_lost(self, request: SQSRequest) -> bool:
        is_lost = request.drop_if_lost()
        if is_lost:
            self._leave(request)
        return is_lost

    def _is_revoked(self, request: SQSRequest) -> bool:
        """Whether a call has expired, or was revoked, while it waited."""
        revoked = is_revoked(request)
        if revoked:
            self._leave(request)
        return revoked

    def _take_back_paused(self) -> None:
        """Let go of the calls of paused queues, whether or not a process is free."""
        if not self._consumer.task_consumer.channel.pauses.queues:
            return
        for batch in (self._waiting, *self._apart):
            for request in [request for request in batch if request.is_paused]:
                batch.remove(request)
                self._leave(request)
                request.take_back()
        self._apart = collections.deque(filter(None, self._apart))

    def _leave(self, request: SQSRequest) -> None:
        """A call takes no room beside the prefetch limit any more; from any thread."""
        if request in self._beside:
            self._beside.remove(request)
            self._consumer.qos.decrement_eventually()

    def _next(self) -> list[SQSRequest]:
        if self._apart:
            return self._apart.popleft()
        batch = [self._waiting.popleft()]
        # One that takes the whole worker along takes its neighbours' receives with it. So where these are the budget,
        # each runs alone on its last: then only the culprit can end in the DLQ.
        if not self._is_last(batch[0]):
            while self._waiting and len(batch) < self._task.batch_size:
                batch.append(self._waiting.popleft())
        return batch

    def _is_last(self, request: SQSRequest) -> bool:
        return is_last(request.attempt, request.max_receive_count)

    def _is_open(self) -> bool:
        return bool(self._consumer.blueprint.state == bootsteps.RUN)

    def _submit(self, requests: list[SQSRequest]) -> None:
        self._running += 1
        BATCH_SIZE.labels(self._task.name).observe(len(requests))
        for request in requests:
            state.task_accepted(request)
            request.begin()
            request.send_event("task-started")
        self._consumer.pool.apply_async(
            run_batch,
            (self._task.name, [request.call() for request in requests]),
            callback=functools.partial(self._on_hub, requests, self._settle),
            error_callback=functools.partial(self._on_hub, requests, self._split),
            timeout_callback=_ignore_timeout,  # the pool reports it to `error_callback`, too
            soft_timeout=self._task.soft_time_limit or self._task.app.conf.task_soft_time_limit,
            timeout=self._task.time_limit or self._task.app.conf.task_time_limit,
        )

    def _on_hub(self, requests: list[SQSRequest], settle: Callable[[Any, Any], None], result: Any) -> None:
        """On whichever thread the pool reports the result: settle, and start the next batch on the hub."""
        try:
            settle(requests, result)
        # The pool only logs what its callback raises, and the messages would be leased for as long as the worker lives.
        except Exception as error:
            for request in requests:
                self._leave(request)
                request.give_up(error)
        finally:
            self._running -= 1
            self.plan()
            requests[0].message.channel.wake()

    def _settle(self, requests: list[SQSRequest], decisions: Any) -> None:
        if not isinstance(decisions, list):  # a pool of threads reports an error as a result
            self._split(requests, decisions)
            return
        for request, decision in zip(requests, decisions, strict=True):
            self._leave(request)
            state.task_ready(request, successful=decision is None)
            if decision is not None:
                try:
                    request.settle(decision)
                # What has succeeded beside it is to be deleted all the same.
                except Exception as error:
                    request.give_up(error)
        settle_done([request for request, decision in zip(requests, decisions, strict=True) if decision is None])

    def _park(self, requests: list[SQSRequest]) -> None:
        """Leave calls to the channel, which hands them over again when the outage is over."""
        for request in requests:
            self._leave(request)
            state.task_ready(request)
            request.settle(RetryDecision(Kind.OUTAGE))

    def _split(self, requests: list[SQSRequest], exc_info: Any) -> None:
        """A time limit, or a killed process: the halves run again, until the culprit is alone."""
        if len(requests) == 1:
            self._leave(requests[0])
            requests[0].on_failure(exc_info)
            return
        logger.warning("a batch of %d is run again in halves: %r", len(requests), unwrapped(exc_info))
        middle = len(requests) // 2
        self._apart.extend((requests[:middle], requests[middle:]))


def strategy(task: BatchTask, app: Any, consumer: Any, **_: Any) -> Callable[..., Any]:
    """Celery's hook: what a worker does with a message for the task."""
    collector = Collector(task, consumer)
    consumer.collectors[task.name] = collector
    if task.rate_limit:
        logger.warning("the rate limit %s of %s has no effect: it is a batch task", task.rate_limit, task.name)
    for name, instead in _OF_CELERY_BATCHES.items():
        if (value := getattr(task, name, None)) is not None:
            logger.warning("%s=%s of %s has no effect: %s", name, value, task.name, instead)

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        request = SQSRequest.of(message, task, consumer, ack, reject)
        if is_revoked(request):
            return
        signals.task_received.send(sender=consumer, request=request)
        collector.add(request)

    return on_message


def _room_beside(task: BatchTask, consumer: Any) -> int:
    """How many calls may be in flight beyond the prefetch limit, where that keeps batches small.

    With them there is a full batch for each process, and one that is collected meanwhile.
    """
    limit, processes = consumer.initial_prefetch_count, consumer.pool.num_processes
    is_enough = not limit or limit >= task.batch_size * processes
    return 0 if is_enough else int(task.batch_size * (processes + 1) - limit)


def _ignore_timeout(soft: bool, timeout: float) -> None:
    pass
