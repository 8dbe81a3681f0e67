"""A worker: the framework's own channel, owner and collector, on a simulated event loop with a simulated pool."""

import collections
import math
from types import SimpleNamespace
from typing import Any, Final

from celery import bootsteps
from celery.exceptions import TaskRevokedError
from celery.worker import state
from kombu.asynchronous import get_event_loop, set_event_loop
from kombu.asynchronous.semaphore import LaxBoundedSemaphore
from kombu.common import QoS

from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.steps import Readiness
from tests.simulation.virtual.hub import Hub
from tests.simulation.virtual.scheduler import Process, Scheduler
from tests.simulation.world.broker import WORK
from tests.simulation.world.pool import Pool
from tests.simulation.world.task import app, single, task

TAG: Final = "tag"


class SimulatedConsumer(Consumer):
    """Celery's consumer without its connection to anything real."""

    def __init__(self, name: str, hub: Hub, pool: Pool, prefetch: int) -> None:
        self.app, self.hostname, self.default_task = app, name, None
        self.hub = self.timer = hub
        self.pool = pool
        self.initial_prefetch_count = prefetch
        self.collectors = {}
        self.event_dispatcher = SimpleNamespace(enabled=False, send=_sends_nothing)
        self.blueprint = SimpleNamespace(state=bootsteps.RUN)
        self.connection_errors = ()
        self.disable_rate_limits = True
        self.task_buckets = collections.defaultdict(lambda: None)
        self.controller = SimpleNamespace(state=state)
        self._semaphore = LaxBoundedSemaphore(pool.num_processes)
        pool.on_end = self._semaphore.release
        self.strategies = {each.name: each.start_strategy(app, self) for each in (task, single)}
        self.on_task_message = None
        self._maximum_prefetch_restored = True
        self.restart_count = 0
        self.call_soon_ack = hub.call_soon

    def on_task_request(self, request: Any) -> None:
        """As `celery.worker.WorkController` has it: for a process of the pool it waits, for a thread it does not."""
        if self.pool.has_processes:
            self._semaphore.acquire(self._process, request)
        else:
            self._process(request)

    def _process(self, request: Any) -> None:
        try:
            request.execute_using_pool(self.pool)
        except TaskRevokedError:
            self._semaphore.release()

    def _restore_prefetch_count_after_connection_restart(self, *_: Any) -> None:
        """The connection is never restarted."""


def _sends_nothing(event: str, **_: Any) -> None:
    """There is no monitor."""


class Worker:
    """One worker, from its start to its end.

    Args:
        scheduler: for its threads.
        name: its own.
        sizes: `prefetch`, `processes`, and whether results come `on_hub`.

    Attributes:
        process: its main process.
        is_stopping: whether it has been asked to stop.
        has_stopped: whether it has.
        began_at: virtual time.
    """

    def __init__(self, scheduler: Scheduler, name: str, sizes: Any) -> None:
        self.scheduler = scheduler
        self.process: Process = scheduler.process(name)
        self.is_stopping = self.has_stopped = False
        self._sizes = sizes
        self.hub = Hub(scheduler)
        self.pool = Pool(scheduler, self.process, self.hub if sizes.on_hub else None, sizes.processes)
        self.consumer: Any = None
        self.channel: Any = None
        scheduler.spawn(self.process, "main", self._run)

    @property
    def is_running(self) -> bool:
        """Whether it has been neither killed nor stopped."""
        return self.process.is_alive and not self.has_stopped

    def stop(self) -> None:
        """Stop as on SIGTERM: finish what runs, renew or release what does not."""
        self.is_stopping = True
        self.hub.wake()

    def look_for_pauses(self) -> None:
        """Have a thread of the worker's own look whether the queue is paused."""
        if self.channel is not None:
            self.scheduler.spawn(self.process, "pauses", self._look_for_pauses)

    def _look_for_pauses(self) -> None:
        self.pool.paused_at = math.inf
        is_paused = task.life.is_paused
        self.channel.pauses.set([WORK] if is_paused else [])
        if is_paused and task.life.is_paused:
            self.pool.paused_at = self.scheduler.now

    def _run(self) -> None:
        self._begin()
        qos = self.consumer.qos
        while not self.is_stopping:
            if qos.prev != qos.value:
                qos.update()
            self.hub.iterate()
        self._end()

    def _begin(self) -> None:
        before = get_event_loop()
        set_event_loop(self.hub)
        connection = self._connection = app.connection_for_read()
        connection.transport.Channel = task.life.channel
        self.channel = channel = connection.default_channel
        channel.qos._on_collect.cancel()  # called at this process' exit, until when it keeps the whole life
        set_event_loop(before)
        self.look_for_pauses()
        consumer = self.consumer = SimulatedConsumer(self.process.name, self.hub, self.pool, self._sizes.prefetch)
        consumer.task_consumer = SimpleNamespace(channel=channel)
        consumer.qos = QoS(lambda prefetch_count: channel.basic_qos(0, prefetch_count, False), self._sizes.prefetch)
        consumer.qos.update()
        channel.basic_consume(WORK, no_ack=False, callback=consumer.create_task_handler(), consumer_tag=TAG)
        self._readiness = Readiness(consumer)
        self._readiness.start(consumer)
        channel.heartbeat.begin(self.hub, lambda: False)

    def _end(self) -> None:
        """In the order of Celery's steps: `celery.worker.WorkController._shutdown`."""
        self.scheduler.note("stops")
        self.consumer.blueprint.state = bootsteps.CLOSE
        self.channel.heartbeat.end()
        self._readiness.stop(self.consumer)
        self.channel.basic_cancel(TAG)
        # Celery discards these, and their processes run them none the less.
        unheard = [task.life.broker.plans[request.args[0]["key"]] for request in self.pool.unheard()]
        task.life.broker.excuse("a stop before the worker heard of its beginning", unheard)
        self.pool.close()
        self.hub.do_soon()
        while self.pool.children:
            self.scheduler.sleep(0.05)
        self.hub.do_soon()
        self.channel.close()
        for executor in list(self.process.executors.values()):
            executor.drain()
        self._connection.release()
        task.life.broker.excuse("a poll that a stop did not wait for", task.life.broker.in_flight(self.process))
        self.has_stopped = True
        self.scheduler.note("has stopped")
        self.scheduler.kill(self.process)  # what is left are daemons, which end with it
