"""One life: messages, workers, what can be done to them, and how it ends."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import _state
from celery.worker import state as celery_state

from tests.simulation import oracle
from tests.simulation.conditions import Conditions
from tests.simulation.virtual.scheduler import Process, Scheduler, SimulatedThread, Violation
from tests.simulation.virtual.seam import simulated
from tests.simulation.world.broker import Broker
from tests.simulation.world.plans import Plan
from tests.simulation.world.rescuer import Rescuer
from tests.simulation.world.stores import Database
from tests.simulation.world.task import SimulatedChannel, SimulatedTask, app, single, task
from tests.simulation.world.worker import Worker

#: Seconds after the last fault within which everything has to be settled.
TIME_TO_SETTLE = 900.0

#: Seconds that a stop takes at the most.
TIME_TO_STOP = 60.0

LOOK_EVERY = 1.0  # seconds


@dataclass
class Outcome:
    """What has come of a life; `seed` is that of its course, where it has one."""

    seconds: float
    steps: int
    digest: int
    faults: dict[str, int]
    messages: int
    dead: int
    violation: BaseException | None
    trace: list[str]
    seed: int | None = None


class Life:
    """One life.

    Args:
        conditions: under which it is lived.
        plans: of the messages, also of those that are still to be sent.
        course: called on the life's own thread, for what happens while things go wrong.
        is_traced: whether to keep a line for each event.
        channel: the class of the workers' channels.

    Attributes:
        workers: the last one of each slot.
        dead: what was in the DLQ before the rescue.
        stops: how many there have been before the end.
        is_paused: whether the queue is.
    """

    def __init__(
        self,
        conditions: Conditions,
        plans: list[Plan],
        course: Callable[["Life"], None],
        is_traced: bool = False,
        channel: type[SimulatedChannel] = SimulatedChannel,
    ) -> None:
        self.conditions = conditions
        self.plans = plans
        self.channel = channel
        self.keeps_record = conditions.keeps_record
        self.task_time = conditions.sizes.task_time
        self.scheduler = Scheduler(conditions.seed, conditions.preempts, conditions.stalls, is_traced=is_traced)
        self.broker = Broker(self.scheduler, conditions.rates, conditions.sizes)
        self.broker.on_kill = functools.partial(self.kill, orphans_finish=conditions.orphans_finish)
        self.database = Database(self.scheduler, conditions.rates)
        self.rescuer = Rescuer(self.broker, self.database)
        self.dead: list[Plan] = []
        self.stops = 0
        self.is_paused = False
        self.workers: dict[int, Worker] = {}
        self._course = course
        self._numbers = self._slots = 0
        self._outside = self.scheduler.process("outside")

    def live(self) -> Outcome:
        """Live it."""
        violation: BaseException | None = None
        scheduler = self.scheduler
        before, SimulatedTask.life = SimulatedTask.life, self
        task.batch_size = self.conditions.sizes.batch
        current = _state._tls.current_app
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            with simulated(scheduler):
                _state._tls.current_app = app
                for name in {*app.tasks} - {task.name, single.name}:  # those that other tests share among all apps
                    del app.tasks[name]
                self.spawn("life", self._run)
                scheduler.run()
        except Exception as error:
            violation = error
        finally:
            SimulatedTask.life = before
            _state._tls.current_app = current
            logging.disable(disabled)
            celery_state.reset_state()
        return Outcome(
            seconds=scheduler.now,
            steps=scheduler.steps,
            digest=scheduler.digest,
            faults=self.broker.faults,
            messages=len(self.plans),
            dead=sum(plan.is_good for plan in self.dead),
            violation=violation,
            trace=scheduler.trace,
        )

    def spawn(self, name: str, run: Callable[[], Any]) -> SimulatedThread:
        """Start a thread outside of all workers."""
        return self.scheduler.spawn(self._outside, name, run)

    def publish(self, plan: Plan) -> None:
        """Send a message."""
        self.scheduler.note("sends", plan.key, [str(run) for run in plan.runs])
        self.broker.publish(plan)

    def start_worker(self) -> None:
        """Start a worker, and another one in its slot where it ends."""
        self.spawn(f"supervisor {self._slots}", functools.partial(self._supervise, self._slots))
        self._slots += 1

    def kill_worker(self, worker: Worker) -> None:
        """Kill a worker that runs."""
        if worker.is_running:
            self.broker.note("a killed worker")
            self.kill(worker.process, self.conditions.orphans_finish)

    def stop_worker(self, worker: Worker) -> None:
        """Have a worker stop that runs."""
        if worker.process.is_alive:
            self.stops += 1
            worker.stop()

    def freeze_worker(self, worker: Worker, seconds: float) -> None:
        """Freeze a worker that runs."""
        if worker.process.is_alive:
            self.broker.note("a frozen worker")
            self.broker.excuse("a frozen worker", self.broker.in_flight(worker.process))
            self.scheduler.note("is frozen:", worker.process.name, round(seconds, 3))
            worker.process.frozen_until = self.scheduler.now + seconds
            self.spawn("thaw", functools.partial(self._thaw, worker.process, seconds))

    def lose(self, dependency: Broker | Database) -> None:
        """SQS or the database is out of reach from now on."""
        if dependency is self.broker:
            self.broker.note("an outage of SQS")
            self.broker.excuse("an outage of SQS", self.broker.left())
        else:
            self.broker.note("an outage of the database")
        self.scheduler.note("is away:", type(dependency).__name__)
        dependency.is_away = True

    def give_back(self, dependency: Broker | Database) -> None:
        """It is there again."""
        dependency.is_away = False
        self.scheduler.note("is back:", type(dependency).__name__)
        if dependency is self.broker:
            # Polls that were under way have brought more, whose leases may have ended: once for each worker.
            for _ in self.workers:
                self.broker.excuse("an outage of SQS", list(self.broker.plans.values()))

    def stored(self, plan: Plan) -> None:
        """A run has stored a message."""
        plan.stored += 1
        self.database.rows.setdefault(plan.key, self.scheduler.now)
        if plan.stored_at is None:
            plan.stored_at = self.scheduler.now

    def kills_worker(self, process: Process) -> None:
        """A run kills its worker."""
        self.broker.note("a worker that its message killed")
        self.kill(process, orphans_finish=False)

    def kill(self, process: Process, orphans_finish: bool) -> None:
        """A worker is killed; what its pool runs is killed, too, or comes to its end without anybody to hear of it."""
        scheduler = self.scheduler
        scheduler.note("is killed:", process.name)
        self.broker.excuse("a kill", self.broker.in_flight(process))
        children = [] if orphans_finish else [each for each in scheduler.processes if each.worker is process]
        killed = sorted((process, *children), key=lambda each: each is scheduler.current.process)  # one's own last
        for each in killed:
            scheduler.kill(each)

    def pause(self, is_paused: bool) -> None:
        """Pause the queue, or resume it."""
        if is_paused:
            self.broker.note("a pause of the queue")
        self.scheduler.note("is paused" if is_paused else "is resumed")
        self.is_paused = is_paused
        for worker in self.workers.values():
            if worker.is_running:
                worker.look_for_pauses()

    def _run(self) -> None:
        self._course(self)
        self.conditions.rates.is_on = False
        self.pause(False)
        for dependency in (self.broker, self.database):
            dependency.is_away = False
        self._settle()
        self.dead = [self.broker.plan(each) for each in self.broker.dead()]
        if self.keeps_record and self.rescuer.look():
            self._settle()
        for worker in list(self.workers.values()):
            self._stop(worker)
        oracle.check(self)
        self.scheduler.end()

    def _settle(self) -> None:
        begins = self.scheduler.now
        while not self._is_settled:
            self.scheduler.sleep(LOOK_EVERY)
            if self.scheduler.now > max(begins, *(plan.due_at for plan in self.plans)) + TIME_TO_SETTLE:
                raise Violation(f"not settled in {TIME_TO_SETTLE:.0f} s: {[each.key for each in self.broker.left()]}")

    @property
    def _is_settled(self) -> bool:
        return len(self.broker.plans) == len(self.plans) and self.broker.is_empty

    def _supervise(self, slot: int) -> None:
        while True:
            self._numbers += 1
            worker = self.workers[slot] = Worker(self.scheduler, f"worker {self._numbers}", self.conditions.sizes)
            while worker.is_running:
                self.scheduler.sleep(0.5)
            self.scheduler.sleep(self.scheduler.random.random() * 3)

    def _thaw(self, process: Process, seconds: float) -> None:
        self.scheduler.sleep(seconds)
        self.broker.excuse("a frozen worker", self.broker.in_flight(process))

    def _stop(self, worker: Worker) -> None:
        """A worker that stops ends all of its threads, in time."""
        worker.stop()
        until = self.scheduler.now + TIME_TO_STOP
        while worker.is_running:
            self.scheduler.sleep(0.5)
            if self.scheduler.now > until:
                threads = "\n".join(thread.stack() for thread in worker.process.threads)
                raise Violation(f"{worker.process.name} does not stop:\n{threads}")
