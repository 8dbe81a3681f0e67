"""Batches: a task that is given many calls at once, and answers for each of them.

Calls are collected in the worker's main process. A batch starts when a slot of the pool is free; what
arrives while all are busy becomes the next one. So a lone call starts at once, and under load the
batches grow by themselves.
"""

import collections
import functools
import traceback as tracebacks
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from celery import bootsteps, current_app
from celery.app.task import Context
from celery.exceptions import SoftTimeLimitExceeded
from celery.worker import state

from tasks.sqs.task import SQSRequest, SQSTask


@dataclass(frozen=True, slots=True)
class Call:
    """One call among those of a batch.

    Attributes:
        id: the task id.
        args: its positional arguments.
        kwargs: its keyword arguments.
        receive_count: how often SQS has handed out its message, this time included.
        worker: the worker's name.
        headers: what else its message carries.
    """

    id: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    receive_count: int
    worker: str
    headers: dict[str, Any] = field(default_factory=dict)


class BatchTask(SQSTask):
    """Base of tasks whose `run(calls)` gets a list of `Call` and returns an error, or None, for each.

    An exception out of `run` is tried again on halves of the batch, until it stands alone with the
    calls that cause it: k bad calls among n cost O(k log n) runs.

    Attributes:
        batch_size: calls in a batch, at the most.
        is_outage: whether an exception says that what the task depends on is away, so that trying
            halves would be in vain.
    """

    abstract = True

    Strategy = "tasks.sqs.batch:strategy"

    batch_size: ClassVar[int] = 100

    @staticmethod
    def is_outage(error: BaseException) -> bool:
        """No dependency that could be away, unless a subclass names one."""
        return False


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
        self._running = 0
        self._planned = False

    def add(self, request: SQSRequest) -> None:
        """Take a call along with the next batch; on the hub."""
        state.task_reserved(request)
        if self._is_last(request):
            self._waiting.appendleft(request)
        else:
            self._waiting.append(request)
        self._plan()

    def _plan(self) -> None:
        """Start batches once everything that has arrived together is collected."""
        if not self._planned:
            self._planned = True
            self._consumer.hub.call_soon(self._start)

    def _start(self) -> None:
        self._planned = False
        # What is not started when the worker stops goes back to SQS with all else that is held.
        while self._waiting and self._running < self._consumer.pool.num_processes and self._is_open():
            batch = [request for request in self._next() if self._is_ours(request)]
            if batch:
                self._submit(batch)

    def _is_ours(self, request: SQSRequest) -> bool:
        """Let go of a call whose lease was lost while it waited: somebody else runs it."""
        ours = bool(request.message.channel.owns(request.message.delivery_tag))
        if not ours:
            state.task_ready(request)
            request.message.reject(requeue=False)
        return ours

    def _next(self) -> list[SQSRequest]:
        batch = [self._waiting.popleft()]
        # One that kills its process takes its neighbours' receives with it. So on its last receive each
        # runs alone: then only the culprit can end in the DLQ.
        if not self._is_last(batch[0]):
            while self._waiting and len(batch) < self._task.batch_size:
                batch.append(self._waiting.popleft())
        return batch

    def _is_last(self, request: SQSRequest) -> bool:
        return bool(_receive_count(request) >= self._task.app.conf.sqs_max_receive_count)

    def _is_open(self) -> bool:
        return bool(self._consumer.blueprint.state == bootsteps.RUN)

    def _submit(self, requests: list[SQSRequest]) -> None:
        self._running += 1
        for request in requests:
            state.task_accepted(request)
        self._consumer.pool.apply_async(
            run_batch,
            (self._task.name, [_call(request) for request in requests]),
            callback=functools.partial(self._on_hub, requests, self._settle),
            error_callback=functools.partial(self._on_hub, requests, self._fail),
            timeout_callback=_ignore_timeout,  # the pool tells it to `error_callback`, too
            soft_timeout=self._task.soft_time_limit or self._task.app.conf.task_soft_time_limit,
            timeout=self._task.time_limit or self._task.app.conf.task_time_limit,
        )

    def _on_hub(self, requests: list[SQSRequest], settle: Callable[[Any, Any], None], result: Any) -> None:
        """From whichever thread the pool tells its result on: settle, and start the next batch on the hub."""
        settle(requests, result)
        self._running -= 1
        self._plan()
        requests[0].message.channel.wake()

    def _settle(self, requests: list[SQSRequest], verdicts: list["Verdict"]) -> None:
        for request, verdict in zip(requests, verdicts, strict=True):
            state.task_ready(request, successful=verdict.done)
            if verdict.done:
                request.message.ack()
            else:
                request.message.reject(requeue=verdict.permanent)

    def _fail(self, requests: list[SQSRequest], exc_info: Any) -> None:
        """The pool lost the batch: a time limit, or a killed child. Each call has failed once."""
        for request in requests:
            state.task_ready(request)
            request.message.reject(requeue=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one call.

    Attributes:
        done: whether its message is to be deleted.
        permanent: whether no later attempt can mend its failure.
    """

    done: bool
    permanent: bool = False


def strategy(task: BatchTask, app: Any, consumer: Any, **_: Any) -> Callable[..., Any]:
    """Celery's hook: what a worker does with a message for the task."""
    collector = Collector(task, consumer)

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **_: Any) -> None:
        request = SQSRequest(
            message,
            on_ack=ack,
            on_reject=reject,
            app=app,
            hostname=consumer.hostname,
            eventer=consumer.event_dispatcher,
            task=task,
            body=message.body,
            headers=message.headers,
        )
        if request.eta is None:
            collector.add(request)
        else:
            # Further away than SQS delays a message: it is held and leased, beside the prefetch limit.
            consumer.qos.increment_eventually()
            consumer.timer.call_at(request.eta.timestamp(), collector.add, (request,))

    return on_message


def _call(request: SQSRequest) -> Call:
    return Call(
        id=request.id,
        args=request.args,
        kwargs=request.kwargs,
        receive_count=_receive_count(request),
        worker=request.hostname,
        headers=request.message.headers,
    )


def _receive_count(request: SQSRequest) -> int:
    return int(request.request_dict["retries"]) + 1


def run_batch(task_name: str, calls: list[Call]) -> list[Verdict]:
    """In the pool: run the task on a batch; returns what became of each call."""
    task: Any = current_app.tasks[task_name]
    verdicts = []
    for call, error in zip(calls, _attempt(task, calls), strict=True):
        if error is not None:
            _tell(task, call, error)
        verdicts.append(Verdict(done=error is None, permanent=isinstance(error, task.permanent)))
    return verdicts


def _attempt(task: BatchTask, calls: list[Call]) -> list[BaseException | None]:
    try:
        outcomes: list[BaseException | None] = task.run(calls)
    except Exception as error:
        if len(calls) == 1 or isinstance(error, SoftTimeLimitExceeded) or task.is_outage(error):
            return [error] * len(calls)
        middle = len(calls) // 2
        return _attempt(task, calls[:middle]) + _attempt(task, calls[middle:])
    return outcomes


def _tell(task: BatchTask, call: Call, error: BaseException) -> None:
    """Let the task's own hook see the failed call as if it had run alone."""
    context = {"id": call.id, "hostname": call.worker, "retries": call.receive_count - 1, **call.headers}
    task.request_stack.push(Context(context, args=call.args, kwargs=call.kwargs))
    try:
        task.on_failure(error, call.id, call.args, call.kwargs, _Traceback(error))
    finally:
        task.request_stack.pop()


class _Traceback:
    """As much of Celery's ExceptionInfo as `on_failure` reads."""

    def __init__(self, error: BaseException) -> None:
        self.exception = error
        self.traceback = "".join(tracebacks.format_exception(error))


def _ignore_timeout(soft: bool, timeout: float) -> None:
    pass
